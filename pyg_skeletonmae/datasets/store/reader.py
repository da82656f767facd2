"""Opens the arrays of a store and checks that they fit each other."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from pyg_skeletonmae.errors import SkeletonFormatError
from pyg_skeletonmae.io.npz import NpzFile, map_npy, require_file
from pyg_skeletonmae.skeleton import Skeleton

Array = npt.NDArray[Any]
Index = dict[str, Array]

_COLUMNS = ("length", "subject", "clip_track", "track_start")
_CHUNK = 4096
_SKELETONS: dict[bytes, Skeleton] = {}


def read_column_names(
    root: Path, card: Mapping[str, Any], index: Index
) -> dict[str, tuple[str, ...]]:
    """The texts that further columns number, from the card.

    Raises:
        SkeletonFormatError: They are no texts, or not those of a column.
    """
    found = card.get("column_names", {})
    names: dict[str, tuple[str, ...]] = {}
    for key, texts in found.items() if isinstance(found, dict) else [("", None)]:
        numbers = index.get(f"extra_{key}")
        names[key] = tuple(texts) if isinstance(texts, list) else ()
        whole = all(isinstance(text, str) for text in names[key])
        if not whole or numbers is None or not np.isin(numbers, range(len(names[key]))).all():
            expected = "the texts that a column numbers"
            raise SkeletonFormatError(root / "card.json", "column_names", expected, f"{key!r:.50}")
    return names


def read_skeleton(path: Path) -> Skeleton:
    """Reads ``skeleton.yaml``; one text is parsed once per process, as YAML takes 10 ms.

    Raises:
        SkeletonFormatError: It is missing.
        SkeletonError: It is damaged.
    """
    text = require_file(path, "the skeleton of a store").read_bytes()
    if text not in _SKELETONS:
        _SKELETONS[text] = Skeleton.from_yaml(path)
    return _SKELETONS[text]


def read_index(path: Path, class_names: Sequence[str]) -> Index:
    """Reads ``index.npz``: int64 columns, names, and the ``extra_`` columns of numbers.

    Raises:
        SkeletonFormatError: An array is missing, has another type or length, or the offsets do not
            describe tracks that lie one after the other.
    """
    with NpzFile(path) as file:
        integers = (*_COLUMNS, *(["label"] if "label" in file.keys else []))
        index = {key: file.array(key, "i", 1) for key in integers}
        index["names"] = file.array("names", "U", 1)
        index |= {key: file.array(key, "iufb", 1) for key in file.keys if key.startswith("extra_")}
    size = len(index["length"])
    for key, value in index.items():
        rows = {"clip_track": size + 1, "track_start": len(index["track_start"])}.get(key, size)
        if len(value) != rows:
            raise SkeletonFormatError(path, f"array {key!r}", f"{rows} values", f"{len(value)}")
        if key in integers and value.dtype != np.int64:
            raise SkeletonFormatError(path, f"array {key!r}", "type int64", f"type {value.dtype}")
    _check_offsets(path, index)
    label = index.get("label")
    if label is not None and not 0 <= label.min() <= label.max() < len(class_names):
        found = f"{label.min()} to {label.max()}"
        raise SkeletonFormatError(path, "array 'label'", f"0 to {len(class_names) - 1}", found)
    return index


def read_rows(
    root: Path, index: Index, num_joints: int, files: Sequence[tuple[str, str | None]]
) -> dict[str, Array]:
    """Maps the files of :func:`~pyg_skeletonmae.datasets.store.card.row_files`, by their names.

    Raises:
        SkeletonFormatError: A file is damaged, or does not fit the index or the skeleton.
    """
    persons = np.diff(index["clip_track"])
    total, first = int(persons @ index["length"]), 0
    starts = {total, *index["track_start"][index["clip_track"][:-1]].tolist()}
    maps: dict[str, Array] = {}
    for name, other in files:
        pos = maps[name] = map_npy(root / name)
        rows = total if len(files) == 1 else len(pos)
        if pos.dtype != np.float32 or pos.ndim != 3 or pos.shape[:2] != (rows, num_joints):
            _refuse(root / name, f"float32 [{rows}, {num_joints}, C]", pos)
        if (channels := maps[files[0][0]].shape[2]) != pos.shape[2]:
            _refuse(root / name, f"{channels} channels, as in the part before", pos)
        first += rows
        if first not in starts or (name == files[-1][0] and first != total):
            _refuse(root / name, f"whole clips of the {total} rows in the index", pos)
        if other is None or (other == "valid.npy" and not (root / other).exists()):
            continue
        valid = maps[other] = map_npy(root / other)
        if valid.dtype != np.bool_ or valid.shape != (rows, num_joints):
            _refuse(root / other, f"bool [{rows}, {num_joints}]", valid)
    return maps


def rows_digest(parts: Iterable[Array]) -> bytes:
    """SHA-256 of the values of arrays one after the other, read in pieces."""
    digest = hashlib.sha256()
    for rows in parts:
        for start in range(0, len(rows), _CHUNK):
            digest.update(np.ascontiguousarray(rows[start : start + _CHUNK]).data.cast("B"))
    return digest.digest()


def _refuse(path: Path, expected: str, array: Array) -> None:
    raise SkeletonFormatError(path, "array", expected, f"{array.dtype} {list(array.shape)}")


def _check_offsets(path: Path, index: Index) -> None:
    tracks, length, starts = index["clip_track"], index["length"], index["track_start"]
    persons = np.diff(tracks)
    if not len(length) or tracks[0] != 0 or persons.min() < 1 or tracks[-1] != len(starts):
        expected = f"offsets that grow from 0 to the {len(starts)} tracks"
        raise SkeletonFormatError(
            path, "array 'clip_track'", expected, f"{tracks[:4].tolist()} ..."
        )
    if length.min() < 1:
        raise SkeletonFormatError(path, "array 'length'", "at least one frame", f"{length.min()}")
    track_length = np.repeat(length, persons)
    if (starts != np.cumsum(track_length) - track_length).any():
        expected = "tracks that lie one after the other"
        raise SkeletonFormatError(
            path, "array 'track_start'", expected, f"{starts[:4].tolist()} ..."
        )
