"""The arrays that ST-GCN and 2s-AGCN train on: an npy file, and a pickle of names and labels."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple, NoReturn

import numpy as np

from pyg_skeletonmae.errors import SkeletonFormatError
from pyg_skeletonmae.io.npz import Array, map_npy
from pyg_skeletonmae.io.poses import MAX_SCORE
from pyg_skeletonmae.io.safe_pickle import PickledArray, load_pickle
from pyg_skeletonmae.skeleton import Skeleton

_CHANNELS = (2, 3)


class StgcnClip(NamedTuple):
    """An entry of the array.

    Args:
        pos: Coordinates ``[M, T, V, C]``, float32, without the padding and without absent persons.
        valid: Which joints are present, ``[M, T, V]``, bool.
        label: The class from 0, None without a pickle.
        name: Its name in the pickle, None without.
        number: Its place in the array.
    """

    pos: Array
    valid: Array
    label: int | None
    name: str | None
    number: int


class StgcnFile:
    """An array ``[N, C, T, V, M]`` and a pickle of ``(names, labels)``, as ST-GCN writes them.

    The array is mapped into memory, so that files of any size take little of it; the pickle is read
    without running anything it names. Frames of zeros at the end of a clip are padding, which is
    cut. A person who is zero throughout is left out, and is absent in a frame in which all of his
    or her joints are zero.

    Args:
        path: The ``.npy`` file, floats.
        labels: The pickle; None = there is none.
        skeleton: The skeleton of its joints.
        scores: Is the last of three channels a score, as in Kinetics-skeleton? Joints whose score
            is 0 are missing then, and ``pos`` is in 2-D.

    Attributes:
        names: Names of the entries, None without a pickle.
        labels: Their classes from 0, None without.
        dropped: Number and reason of the entries that were left out, of those that were read.

    Raises:
        SkeletonFormatError: A file is missing, damaged, hostile, or not as above; or the two do not
            fit each other.
    """

    def __init__(
        self,
        path: str | Path,
        labels: str | Path | None,
        skeleton: Skeleton,
        scores: bool = False,
    ) -> None:
        self.path, self.skeleton, self.scores = Path(path), skeleton, scores
        self.dropped: list[tuple[int, str]] = []
        self._array = map_npy(path)
        shape, joints = self._array.shape, skeleton.num_joints
        fits = len(shape) == 5 and shape[1] in _CHANNELS and shape[3] == joints
        if self._array.dtype.kind != "f" or not fits:
            self._fail(
                "header",
                f"floats [N, C, T, V, M] (clips, 2 or 3 coordinates, frames, {joints} joints of "
                f"{skeleton.name!r}, persons)",
                f"{self._array.dtype} of shape {list(shape)}",
            )
        if scores and shape[1] != 3:
            self._fail("header", "two coordinates and a score", f"{shape[1]} channels")
        self.names: list[str] | None = None
        self.labels: list[int] | None = None
        if labels is not None:
            self.names, self.labels = _read_labels(Path(labels))
            if len(self.labels) != len(self):
                found = f"{len(self.labels)}"
                raise SkeletonFormatError(
                    Path(labels), "the labels", f"{len(self)} as clips in {self.path.name}", found
                )

    def __len__(self) -> int:
        return int(self._array.shape[0])

    def __repr__(self) -> str:
        shape = ", ".join(map(str, self._array.shape))
        return f"{type(self).__name__}({self.path.name}, [{shape}], {self.skeleton.name})"

    def clips(self) -> Iterator[StgcnClip]:
        """The clips in order; those that show nobody, or have no numbers, are left out."""
        for number in range(len(self)):
            try:
                yield self._clip(number)
            except SkeletonFormatError as error:
                reason = f"expected {error.expected}, found {error.found}"
                self.dropped.append((number, reason))

    def _clip(self, number: int) -> StgcnClip:
        where = f"clip {number}"
        with np.errstate(over="ignore"):
            values = np.array(self._array[number].transpose(3, 1, 2, 0), np.float32)
        if not np.isfinite(values).all():
            self._fail(where, "numbers that are finite in float32", "others")
        pos, present = values, (values != 0).any((2, 3), keepdims=True)[..., 0]
        valid = np.repeat(present, self.skeleton.num_joints, -1)
        if self.scores:
            pos, score = values[..., :2], values[..., 2]
            if not ((score >= 0) & (score <= MAX_SCORE)).all():
                bad = score[(score < 0) | (score > MAX_SCORE)][0]
                expected = "scores of 0 to 1 as the third channel, unless scores=False"
                self._fail(where, expected, f"{bad:g}")
            valid = score > 0
        if not valid.any():
            self._fail(where, "a frame that shows somebody", "zeros only")
        persons, frames = valid.any((1, 2)), np.flatnonzero(valid.any((0, 2)))
        pos, valid = (x[persons, : frames[-1] + 1] for x in (pos, valid))
        label = None if self.labels is None else self.labels[number]
        name = None if self.names is None else self.names[number]
        return StgcnClip(np.where(valid[..., None], pos, 0), valid, label, name, number)

    def _fail(self, where: str, expected: str, found: str) -> NoReturn:
        raise SkeletonFormatError(self.path, where, expected, found)


def _read_labels(path: Path) -> tuple[list[str], list[int]]:
    content = load_pickle(path, texts=True)
    if not isinstance(content, tuple | list) or len(content) != 2:
        found = type(content).__name__
        raise SkeletonFormatError(path, "the pickle", "a pair of names and labels", found)
    names, labels = _texts(path, content[0]), _classes(path, content[1])
    if len(names) != len(labels):
        found = f"{len(names)} names and {len(labels)} labels"
        raise SkeletonFormatError(path, "the pickle", "a label for each name", found)
    return names, labels


def _texts(path: Path, content: object) -> list[str]:
    try:
        texts = content.texts() if isinstance(content, PickledArray) else content
    except ValueError as error:
        raise SkeletonFormatError(path, "the names", "texts", str(error)) from None
    if not isinstance(texts, Sequence) or isinstance(texts, str):
        raise SkeletonFormatError(path, "the names", "a list of texts", type(texts).__name__)
    for number, text in enumerate(texts):
        if not isinstance(text, str):
            raise SkeletonFormatError(path, f"name {number}", "a text", f"{text!r:.60}")
    return list(texts)


def _classes(path: Path, content: object) -> list[int]:
    try:
        labels = content.array() if isinstance(content, PickledArray) else content
    except ValueError as error:
        raise SkeletonFormatError(path, "the labels", "integers", str(error)) from None
    if isinstance(labels, np.ndarray) and labels.ndim == 1 and labels.dtype.kind in "iu":
        labels = labels.tolist()
    if not isinstance(labels, list | tuple):
        found = type(content).__name__
        raise SkeletonFormatError(path, "the labels", "a list of classes", found)
    for number, label in enumerate(labels):
        if type(label) is not int or label < 0:
            raise SkeletonFormatError(path, f"label {number}", "a class from 0", f"{label!r:.60}")
    return list(labels)
