"""The pickles of pyskl: annotations of clips, in 2-D or 3-D, and named splits."""

from __future__ import annotations

import pickle
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, NoReturn

import numpy as np

from pyg_skeletonmae.errors import ConfigError, DataError, SkeletonFormatError
from pyg_skeletonmae.files.names import nfc
from pyg_skeletonmae.files.write import write_file
from pyg_skeletonmae.io.npz import Array
from pyg_skeletonmae.io.safe_pickle import PickledArray, load_pickle

_SHAPES = ("img_shape", "original_shape")
_KNOWN = {"frame_dir", "filename", "label", "total_frames", "keypoint", "keypoint_score", *_SHAPES}
_MAX_LABEL = 2**31


@dataclass(frozen=True)
class PysklClip:
    """One annotation.

    Args:
        name: The clip (``frame_dir``, or ``filename`` where that is absent).
        keypoint: ``[M, T, V, C]``, numbers of the type they are stored in; can hold NaN.
        label: The class from 0, None if there is none.
        score: How sure the detector was, ``[M, T, V]``, None if unknown.
        img_shape: Height and width of the image in pixels, None if unknown.
        original_shape: The same before the video was resized.
    """

    name: str
    keypoint: Array
    label: int | None = None
    score: Array | None = None
    img_shape: tuple[int, int] | None = None
    original_shape: tuple[int, int] | None = None


@dataclass(frozen=True)
class Pyskl:
    """The contents of a pickle.

    Args:
        clips: Those with a person.
        splits: The names of the clips in each split, in order.
        dropped: Name and reason of annotations that were left out.
        notes: What is odd about the file, a sentence each.
    """

    clips: tuple[PysklClip, ...]
    splits: dict[str, tuple[str, ...]] = field(default_factory=dict)
    dropped: tuple[tuple[str, str], ...] = ()
    notes: tuple[str, ...] = ()

    def split(self, name: str) -> tuple[PysklClip, ...]:
        """The clips of a split, in its order.

        Raises:
            DataError: There is no such split.
        """
        if name not in self.splits:
            raise DataError(f"no split {name!r}; there are {', '.join(self.splits) or 'none'}")
        by_name = {clip.name: clip for clip in self.clips}
        return tuple(by_name[clip] for clip in self.splits[name])


def read_pyskl(path: str | Path, broken: Literal["error", "drop"] = "error") -> Pyskl:
    """Reads a pickle without running it, see :mod:`pyg_skeletonmae.io.safe_pickle`.

    The file is ``{"split": {name: [clip, ...]}, "annotations": [...]}`` or a list of annotations.
    Annotations that are None (pyskl writes them for recordings that show nobody) or have no person
    are left out and listed. Names in a split that have no annotation are left out of it and noted;
    so are labels that do not count from 0, and keys that are not used. ``total_frames`` may be one
    too small, as of the last frame counted from 0; that is noted. A split may be a list, a tuple or
    an array of names, and keypoints may be integers.

    Args:
        path: The file.
        broken: What to do about an annotation that contradicts itself: raise, or leave it out and
            list it.

    Raises:
        SkeletonFormatError: The file is missing, damaged or hostile, or not of this layout; the
            message names the annotation.
    """
    if broken not in ("error", "drop"):
        raise ConfigError(f"broken={broken!r}: expected 'error' or 'drop'")
    path = Path(path)
    annotations, splits = _parts(path, load_pickle(path, texts=True))
    clips: dict[str, PysklClip] = {}
    dropped, unused, short = [], set(), 0
    for number, annotation in enumerate(annotations):
        where = f"annotation {number}"
        if annotation is None:
            dropped.append((where, "None instead of an annotation"))
            continue
        try:
            clip = _clip(path, where, annotation)
            if clip.name in clips:
                _fail(path, f"{where} ({clip.name})", "a new name", "one that stands before")
        except SkeletonFormatError as error:
            if broken == "error":
                raise
            dropped.append((error.where, f"expected {error.expected}, found {error.found}"))
            continue
        unused |= {key[:40] for key in annotation if isinstance(key, str)} - _KNOWN
        if len(clip.keypoint):
            clips[clip.name] = clip
            short += annotation.get("total_frames") == clip.keypoint.shape[1] - 1
        else:
            dropped.append((clip.name, "no person"))
    kept = {name: tuple(clip for clip in split if clip in clips) for name, split in splits.items()}
    notes = _notes(list(clips.values()), splits, kept, unused)
    if short:
        notes += (f"'total_frames' of {short} clips is one less than their frames",)
    return Pyskl(tuple(clips.values()), kept, tuple(dropped), notes)


def write_pyskl(
    path: str | Path,
    clips: Sequence[PysklClip],
    splits: Mapping[str, Sequence[str]],
) -> None:
    """Writes a pickle that pyskl and :func:`read_pyskl` read, whole or not at all.

    Raises:
        DataError: Two clips have the same name, or a split names a clip that is not there.
    """
    names = {clip.name for clip in clips}
    if len(names) != len(clips):
        raise DataError(f"{len(clips)} clips have only {len(names)} names")
    for split, members in splits.items():
        if not names.issuperset(members):
            raise DataError(f"split {split!r}: {(set(members) - names).pop()!r} is no clip")
    content = {
        "split": {name: list(members) for name, members in splits.items()},
        "annotations": [_annotation(clip) for clip in clips],
    }
    write_file(path, lambda file: pickle.dump(content, file, protocol=4))


def _annotation(clip: PysklClip) -> dict[str, Any]:
    annotation: dict[str, Any] = {"frame_dir": clip.name, "total_frames": clip.keypoint.shape[1]}
    fields = {
        "label": clip.label,
        "keypoint": np.ascontiguousarray(clip.keypoint),
        "keypoint_score": None if clip.score is None else np.ascontiguousarray(clip.score),
        "img_shape": clip.img_shape,
        "original_shape": clip.original_shape,
    }
    return annotation | {key: value for key, value in fields.items() if value is not None}


def _parts(path: Path, content: object) -> tuple[list[Any], dict[str, tuple[str, ...]]]:
    splits: object = {}
    if isinstance(content, dict):
        splits, content = content.get("split", {}), content.get("annotations")
    if not isinstance(content, list | tuple):
        _fail(path, "the top level", "a list of annotations", type(content).__name__)
    if not isinstance(splits, dict):
        _fail(path, "'split'", "lists of names", type(splits).__name__)
    by_name: dict[str, tuple[str, ...]] = {}
    for name, members in splits.items():
        if not isinstance(name, str):
            _fail(path, "'split'", "lists of names, each with a name", type(name).__name__)
        where = f"split {name[:40]!r}"
        if isinstance(members, PickledArray):
            try:
                members = members.texts()
            except ValueError as error:
                raise SkeletonFormatError(path, where, "names", str(error)) from None
        if not isinstance(members, list | tuple):
            _fail(path, "'split'", "lists of names, each with a name", type(members).__name__)
        if not all(isinstance(member, str) for member in members):
            _fail(path, where, "names", "something else")
        by_name[nfc(name)] = tuple(map(nfc, members))
    return list(content), by_name


def _clip(path: Path, where: str, annotation: object) -> PysklClip:
    if not isinstance(annotation, dict):
        _fail(path, where, "a dict", type(annotation).__name__)
    name = annotation.get("frame_dir", annotation.get("filename"))
    if not isinstance(name, str):
        _fail(path, where, "'frame_dir' or 'filename', a name", type(name).__name__)
    name, where = nfc(name), f"{where} ({name[:80]})"
    if "keypoint" not in annotation:
        _fail(path, where, "'keypoint'", "none (some data sets publish their poses elsewhere)")
    pos = _array(path, f"{where}: 'keypoint'", annotation["keypoint"], 4)
    if 0 in pos.shape[1:]:
        _fail(path, f"{where}: 'keypoint'", "frames, joints and channels", str(list(pos.shape)))
    score = None
    if annotation.get("keypoint_score") is not None:
        score = _array(path, f"{where}: 'keypoint_score'", annotation["keypoint_score"], 3)
        if score.shape != pos.shape[:3]:
            found = f"{list(score.shape)} beside {list(pos.shape)}"
            _fail(path, f"{where}: 'keypoint_score'", "a score for each point", found)
    total = annotation.get("total_frames", pos.shape[1])
    if type(total) is not int or total not in (pos.shape[1], pos.shape[1] - 1):
        _fail(path, f"{where}: 'total_frames'", f"the {pos.shape[1]} of 'keypoint'", _short(total))
    label = annotation.get("label")
    if label is not None and (type(label) is not int or not 0 <= label < _MAX_LABEL):
        _fail(path, f"{where}: 'label'", "an integer from 0", _short(label))
    return PysklClip(name, pos, label, score, *(_size(path, where, annotation, k) for k in _SHAPES))


def _array(path: Path, where: str, value: object, ndim: int) -> Array:
    if not isinstance(value, PickledArray):
        _fail(path, where, "an array", type(value).__name__)
    try:
        array = value.array()
    except (ValueError, OverflowError) as error:
        raise SkeletonFormatError(path, where, "a whole array", str(error)) from None
    if array.ndim != ndim or array.dtype.kind not in "fiu":
        found = f"{array.dtype} of shape {list(array.shape)}"
        _fail(path, where, f"numbers, floating point or integer, and {ndim} axes", found)
    return array


def _size(path: Path, where: str, annotation: dict[Any, Any], key: str) -> tuple[int, int] | None:
    value = annotation.get(key)
    if value is None:
        return None
    if not isinstance(value, tuple | list) or len(value) != 2:
        _fail(path, f"{where}: {key!r}", "height and width", type(value).__name__)
    if not all(type(side) is int and 0 < side < _MAX_LABEL for side in value):
        _fail(path, f"{where}: {key!r}", "two positive integers", "something else")
    return value[0], value[1]


def _short(value: object) -> str:
    plain = isinstance(value, str | float) or (type(value) is int and abs(value) < _MAX_LABEL)
    return repr(value)[:40] if plain else type(value).__name__


def _notes(
    clips: list[PysklClip],
    splits: dict[str, tuple[str, ...]],
    kept: dict[str, tuple[str, ...]],
    unused: set[str],
) -> tuple[str, ...]:
    notes = []
    labels = {clip.label for clip in clips if clip.label is not None}
    if labels and min(labels) > 0:
        notes.append(f"labels count from {min(labels)}, not from 0")
    unlabelled = sum(clip.label is None for clip in clips)
    if labels and unlabelled:
        notes.append(f"{unlabelled} of {len(clips)} clips have no label")
    for name, members in splits.items():
        if len(kept[name]) < len(members):
            missing = len(members) - len(kept[name])
            notes.append(f"split {name!r}: {missing} of {len(members)} names have no clip")
    split_names = {member for members in kept.values() for member in members}
    outside = sum(clip.name not in split_names for clip in clips) if splits else 0
    if outside:
        notes.append(f"{outside} of {len(clips)} clips are in no split")
    if unused:
        notes.append(f"keys that are not used: {', '.join(sorted(unused)[:10])}")
    return tuple(notes)


def _fail(path: Path, where: str, expected: str, found: str) -> NoReturn:
    raise SkeletonFormatError(path, where, expected, found)
