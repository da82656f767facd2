"""The npz files that CTR-GCN, MAMP and others train on: ``x_train``, ``y_train`` and so on."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Literal, NamedTuple, NoReturn, get_args

import numpy as np

from pyg_skeletonmae.errors import ConfigError, SkeletonFormatError
from pyg_skeletonmae.io.npz import Array, NpzFile
from pyg_skeletonmae.skeleton.layouts import NTU25

Side = Literal["train", "test"]
NUM_BODIES = 2
_COLUMNS = NUM_BODIES * NTU25.num_joints * 3


class XYClip(NamedTuple):
    """A row of the arrays.

    Args:
        pos: ``[M, T, V, 3]``, float32, without the padding; one body where the second is zero.
        valid: Which joints are present: those of rows that are not all zero, ``[M, T, V]``, bool.
        label: The class from 0.
        number: The row.
    """

    pos: Array
    valid: Array
    label: int
    number: int


class XYFile:
    """A file of the layout ``x [N, T, 150]`` (two bodies of 25 joints), ``y [N, classes]`` one-hot.

    Labels and the shapes of all arrays are checked when it is opened; clips are read one by one
    and checked then, so that files of any size take little memory. Any floating type, byte order
    and array order is accepted, further arrays are ignored.

    Clips are padded with zeros at the end, which is cut. A body is absent in a frame in which it
    is all zero. Files of NTU RGB+D 120 repeat a lone body as the second one: such a copy is left
    out if ``copies`` is False.

    Args:
        path: The file.
        copies: Keep a second body that equals the first.
        broken: What to do about a clip that is not finite or all zero, or whose row of ``y`` is not
            one-hot: raise, or leave it out.

    Attributes:
        labels: The classes from 0 of each side, ``[N]``, int64; -1 where ``y`` does not say it.
        dropped: Place and reason of the clips that were left out, of the sides that were read.
        num_classes: The number of classes.

    Raises:
        SkeletonFormatError: The file is missing, damaged or hostile, or not of this layout.
    """

    def __init__(
        self, path: str | Path, copies: bool = False, broken: Literal["error", "drop"] = "error"
    ) -> None:
        if broken not in ("error", "drop"):
            raise ConfigError(f"broken={broken!r}: expected 'error' or 'drop'")
        self.copies, self.broken = copies, broken
        self.dropped: list[tuple[str, str]] = []
        self._file = NpzFile(path)
        self.path = self._file.path
        try:
            one_hot = {side: self._one_hot(side) for side in get_args(Side)}
            widths = {side: array.shape[1] for side, array in one_hot.items()}
            if len(set(widths.values())) > 1:
                self._fail("array 'y_test'", f"{widths['train']} classes", str(widths["test"]))
        except SkeletonFormatError:
            self.close()
            raise
        self.num_classes: int = widths["train"]
        self.labels = {
            side: np.where(_is_one_hot(array), array.argmax(1), -1)
            for side, array in one_hot.items()
        }

    def clips(self, side: Side) -> Iterator[XYClip]:
        """The clips of a side, in order.

        Raises:
            ConfigError: There is no such side.
            SkeletonFormatError: The array is damaged; or a clip is not finite or all zero, and such
                clips are not left out; the message names it.
        """
        if side not in get_args(Side):
            raise ConfigError(f"side {side!r}: expected one of {', '.join(get_args(Side))}")
        # What is left of the rows is closed with this generator, also when a clip is refused.
        with closing(self._file.rows(f"x_{side}", "f", 3)) as rows:
            for number, (row, label) in enumerate(zip(rows, self.labels[side], strict=True)):
                try:
                    yield self._clip(side, number, row, int(label))
                except SkeletonFormatError as error:
                    if self.broken == "error":
                        raise
                    reason = f"expected {error.expected}, found {error.found}"
                    self.dropped.append((f"{side}_{number:06}", reason))

    def _clip(self, side: Side, number: int, row: Array, label: int) -> XYClip:
        where = f"array 'x_{side}', clip {number}"
        if label < 0:
            self._fail_label(side, number)
        with np.errstate(over="ignore"):
            row = row.astype(np.float32)
        if not np.isfinite(row).all():
            self._fail(where, "numbers that are finite in float32", "others")
        frames = np.flatnonzero(row.any(1))
        if not len(frames):
            self._fail(where, "a frame that shows somebody", "zeros only")
        pos = row[: frames[-1] + 1].reshape(-1, NUM_BODIES, NTU25.num_joints, 3)
        pos = np.ascontiguousarray(pos.transpose(1, 0, 2, 3))
        if not pos[1].any() or (not self.copies and np.array_equal(pos[0], pos[1])):
            pos = pos[:1]
        present = (pos != 0).any((2, 3), keepdims=True)[..., 0]
        return XYClip(pos, np.repeat(present, NTU25.num_joints, -1), label, number)

    def close(self) -> None:
        """Closes the file."""
        self._file.close()

    def __enter__(self) -> XYFile:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        sizes = ", ".join(f"{side}={len(labels)}" for side, labels in self.labels.items())
        return f"{type(self).__name__}({self.path.name}, {sizes}, classes={self.num_classes})"

    def _one_hot(self, side: Side) -> Array:
        x, where = self._file.header(f"x_{side}"), f"array 'x_{side}'"
        found = f"{x.dtype} of shape {list(x.shape)}"
        if x.dtype.kind != "f" or len(x.shape) != 3 or x.shape[1] < 1 or x.shape[2] != _COLUMNS:
            self._fail(where, f"floats [N, T, {_COLUMNS}] of at least one frame", found)
        one_hot = self._file.array(f"y_{side}", "fiub", 2)
        if one_hot.shape[0] != x.shape[0] or one_hot.shape[1] < 1:
            expected = f"[{x.shape[0]}, classes] as for 'x_{side}'"
            self._fail(f"array 'y_{side}'", expected, str(list(one_hot.shape)))
        good = _is_one_hot(one_hot)
        if not good.all() and (self.broken == "error" or not good.any()):
            self._fail_label(side, int(np.argmin(good)))
        return one_hot

    def _fail_label(self, side: Side, number: int) -> NoReturn:
        where = f"array 'y_{side}', row {number}"
        self._fail(where, "a single one among zeros", "something else")

    def _fail(self, where: str, expected: str, found: str) -> NoReturn:
        raise SkeletonFormatError(self.path, where, expected, found)


def _is_one_hot(rows: Array) -> Array:
    return np.asarray(((rows == 0) | (rows == 1)).all(1) & (rows.sum(1) == 1))
