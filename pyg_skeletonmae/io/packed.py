"""The packed layout: a whole data set of joint positions as 16-bit integers in one npz file."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn

import numpy as np

from pyg_skeletonmae.errors import DataError, SkeletonError, SkeletonFormatError
from pyg_skeletonmae.io.npz import Array, NpzFile, write_npz
from pyg_skeletonmae.skeleton import Skeleton

UIPRMD_SCALE = 0.0002
_INT16_MAX = 32767
_NO_COLUMN = {"length", "offset", "label", "subject", "name", "tracks", "parents"}


@dataclass(frozen=True)
class Packed:
    """The contents of a packed file; sequence ``i`` is ``joints[offset[i]:offset[i + 1]]``.

    Args:
        joints: ``[rows, V, C]``, int16 in units of ``scale``, or float32 (our addition, exact).
        scale: What one unit of ``joints`` is.
        offset: The first row of each sequence, and the end, ``[N + 1]``.
        subject: The performers, ``[N]``.
        names: The names of the sequences.
        joint_names: The names of the joints.
        parents: The parent of each joint, ``[V]``, -1 for the root.
        label: The classes from 0, ``[N]``, or None for unlabelled sequences (our addition).
        class_names: The names of the classes.
        fps: Frames per second, None if unknown.
        unit: The unit of ``joints * scale``, None if unknown.
        tracks: The persons of each sequence, ``[N]``, whose rows stand one after the other; None =
            one person each, as in the layout (our addition).
        valid: Which joints are present, ``[rows, V]``, bool; None = all (our addition).
        extra: Further columns of numbers, ``[N]`` each.
    """

    joints: Array
    scale: float
    offset: Array
    subject: Array
    names: tuple[str, ...]
    joint_names: tuple[str, ...]
    parents: tuple[int, ...]
    label: Array | None = None
    class_names: tuple[str, ...] = ()
    fps: float | None = None
    unit: str | None = None
    tracks: Array | None = None
    valid: Array | None = None
    extra: dict[str, Array] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.names)

    def pos(self, number: int) -> Array:
        """The coordinates of a sequence, ``[M, T, V, C]``, float32; not all need be finite."""
        rows = self._tracks(number, self.joints)
        with np.errstate(over="ignore", invalid="ignore"):
            if rows.dtype == np.float32:
                return rows * np.float32(self.scale)
            return (rows.astype(np.float64) * self.scale).astype(np.float32)

    def present(self, number: int) -> Array | None:
        """Which joints of a sequence are present, ``[M, T, V]``, bool; None = all."""
        return None if self.valid is None else self._tracks(number, self.valid)

    def skeleton(self, name: str) -> Skeleton:
        """The skeleton of the joint names and parents, without parts or left and right.

        Raises:
            SkeletonError: They are no connected tree of distinct joints.
        """
        return Skeleton.from_parents(name, self.joint_names, self.parents)

    def _tracks(self, number: int, rows: Array) -> Array:
        persons = 1 if self.tracks is None else int(self.tracks[number])
        rows = rows[self.offset[number] : self.offset[number + 1]]
        return rows.reshape(persons, -1, *rows.shape[1:])


def quantise(pos: Array, scale: float = UIPRMD_SCALE) -> Array:
    """Coordinates as int16 multiples of ``scale``.

    Raises:
        DataError: A value is not finite or does not fit into 16 bits.
    """
    units = np.rint(np.asarray(pos, np.float64) / scale)
    if not (np.abs(units) <= _INT16_MAX).all():
        raise DataError(
            f"a coordinate is no number within +-{_INT16_MAX * scale:g}, the range of 16 bits at "
            f"scale {scale:g}; choose a larger scale, or None for float32"
        )
    return units.astype(np.int16)


def write_packed(path: str | Path, packed: Packed) -> None:
    """Writes a packed file, beside ``path`` and renamed at the end.

    Args:
        path: The file.
        packed: What to write; :func:`read_packed` gives it back.
    """
    arrays: dict[str, Any] = {
        "joints": packed.joints,
        "scale": np.float32(packed.scale),
        "offset": packed.offset.astype(np.int64),
        "length": np.diff(packed.offset).astype(np.int32),
        "subject": packed.subject.astype(np.int64),
        "name": np.asarray(packed.names, np.str_),
        "joint_names": np.asarray(packed.joint_names, np.str_),
        "parents": np.asarray(packed.parents, np.int64),
        "label": None if packed.label is None else packed.label.astype(np.int64),
        "class_names": None if packed.label is None else np.asarray(packed.class_names, np.str_),
        "fps": None if packed.fps is None else np.float32(packed.fps),
        "unit": None if packed.unit is None else np.asarray(packed.unit),
        "tracks": packed.tracks,
        "valid": packed.valid,
    }
    if taken := set(packed.extra) & set(arrays):
        raise DataError(f"columns {sorted(taken)} have the names of arrays of the packed layout")
    arrays = {key: value for key, value in (arrays | packed.extra).items() if value is not None}
    write_npz(path, arrays)


def read_packed(path: str | Path) -> Packed:
    """Reads a packed file and checks it throughout.

    Raises:
        SkeletonFormatError: The file is missing or damaged, holds pickled objects, lacks an array,
            or its arrays contradict each other; the message names the array.
    """
    with NpzFile(path) as file:
        joints = file.array("joints", "if", 3)
        if joints.dtype not in (np.int16, np.float32) or 0 in joints.shape:
            _fail(file, "joints", "int16 or float32 [rows, V, C]", f"{joints.dtype} {joints.shape}")
        offset = file.array("offset", "iu", 1)
        if (
            len(offset) < 2
            or offset[0] != 0
            or offset[-1] != len(joints)
            or (offset[:-1] >= offset[1:]).any()
        ):
            _fail(
                file,
                "offset",
                f"numbers that grow from 0 to {len(joints)}",
                f"{offset[:4].tolist()} ...",
            )
        size = len(offset) - 1
        if not np.array_equal(_column(file, "length", "iu", size), np.diff(offset)):
            _fail(file, "length", "the differences of 'offset'", "others")
        # The scale is stored as float32: its shortest text is what was meant, 0.0002.
        scale = float(str(file.array("scale", "f", 0)))
        if not 0 < scale < float("inf"):
            _fail(file, "scale", "a number above 0", f"{scale}")
        label, class_names = _labels(file, size)
        names = _column(file, "name", "U", size).tolist() if "name" in file.keys else range(size)
        joint_names = tuple(_column(file, "joint_names", "U", joints.shape[1]).tolist())
        parents = tuple(_column(file, "parents", "i", joints.shape[1]).tolist())
        try:
            Skeleton.from_parents("packed", joint_names, parents)
        except SkeletonError as error:
            _fail(file, "parents", "a tree of joints", str(error))
        valid = file.array("valid", "b", 2) if "valid" in file.keys else None
        if valid is not None and valid.shape != joints.shape[:2]:
            _fail(file, "valid", f"shape {list(joints.shape[:2])}", f"{list(valid.shape)}")
        return Packed(
            joints=joints,
            scale=scale,
            offset=offset.astype(np.int64),
            subject=_column(file, "subject", "iu", size).astype(np.int64),
            names=tuple(str(name) for name in names),
            joint_names=joint_names,
            parents=parents,
            label=label,
            class_names=class_names,
            fps=float(file.array("fps", "fiu", 0)) if "fps" in file.keys else None,
            unit=str(file.array("unit", "U", 0)) if "unit" in file.keys else None,
            tracks=_tracks(file, offset),
            valid=valid,
            extra=_extra(file, size),
        )


def _column(file: NpzFile, key: str, kinds: str, size: int) -> Array:
    column = file.array(key, kinds, 1)
    if len(column) != size:
        _fail(file, key, f"{size} values", f"{len(column)}")
    return column


def _labels(file: NpzFile, size: int) -> tuple[Array | None, tuple[str, ...]]:
    if "label" not in file.keys:
        return None, ()
    label = _column(file, "label", "iu", size).astype(np.int64)
    names = tuple(file.array("class_names", "U", 1).tolist())
    if label.min() < 0 or label.max() >= len(names):
        expected = f"0 to {len(names) - 1}, as there are {len(names)} class names"
        _fail(file, "label", expected, f"{label.min()} to {label.max()}")
    return label, names


def _tracks(file: NpzFile, offset: Array) -> Array | None:
    if "tracks" not in file.keys:
        return None
    tracks, length = _column(file, "tracks", "iu", len(offset) - 1), np.diff(offset)
    if tracks.min() < 1 or (length % tracks).any():
        _fail(file, "tracks", "divisors of 'length'", f"{tracks[:4].tolist()} ...")
    return tracks


def _extra(file: NpzFile, size: int) -> dict[str, Array]:
    columns = {}
    for key in sorted(set(file.keys) - _NO_COLUMN):
        header = file.header(key)
        if header.shape == (size,) and header.dtype.kind in "iuf" and re.fullmatch(r"\w+", key):
            columns[key] = file.array(key, "iuf", 1)
    return columns


def _fail(file: NpzFile, key: str, expected: str, found: str) -> NoReturn:
    raise SkeletonFormatError(file.path, f"array {key!r}", expected, found)
