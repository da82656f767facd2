"""Plain arrays of joints, ``.npy`` and ``.npz``."""

from __future__ import annotations

from pathlib import Path
from typing import NoReturn

import numpy as np

from pyg_skeletonmae.errors import SkeletonFormatError
from pyg_skeletonmae.io.npz import Array, NpzFile, map_npy
from pyg_skeletonmae.io.poses import AS_IS, PoseOptions, PoseTracks, empty_tracks, finish_tracks
from pyg_skeletonmae.skeleton import Skeleton
from pyg_skeletonmae.skeleton.layouts import get_layout

_POS, _SCORE = "pos", "score"
_ARRAY = "floats [T, V, C] or [M, T, V, C]"


def read_arrays(
    path: str | Path, layout: str | Path | Skeleton, options: PoseOptions = AS_IS
) -> PoseTracks:
    """Reads the joints of one recording.

    An ``.npy`` file holds floats ``[T, V, C]`` or ``[M, T, V, C]``, persons, frames, joints and
    coordinates. An ``.npz`` file holds such an array as ``pos`` (or as its only array), and may
    hold scores ``score [T, V]`` or ``[M, T, V]`` beside it; other arrays are not read. NaN is a
    missing joint. Nothing is unpickled.

    Args:
        path: The file.
        layout: The skeleton, with its joints in the order of the array.
        options: What to do with scores and pixels.

    Returns:
        ``pos [M, T, V, C]`` in the unit of the file.

    Raises:
        SkeletonFormatError: The file is missing or damaged, holds objects, or is not as above.
        ConfigError: Scores are asked for and there are none.
    """
    path, skeleton = Path(path), get_layout(layout)
    suffix = path.suffix.lower()
    if suffix == ".npz":
        pos, score = _read_npz(path)
    elif suffix == ".npy":
        pos, score = _tracks(path, "header", map_npy(path), 4), None
    else:
        _fail(path, "the name", "a .npy or .npz file", f"{path.suffix!r:.60}")
    if 0 in pos.shape or pos.shape[2] != skeleton.num_joints:
        expected = f"persons, frames, {skeleton.num_joints} joints and coordinates"
        _fail(path, "the joints", expected, f"shape {list(pos.shape)}")
    if options.image_size is not None and pos.shape[3] < 2:
        _fail(path, "the joints", "two coordinates, to have pixels", f"{pos.shape[3]}")
    values = empty_tracks(path, pos.shape)
    with np.errstate(over="ignore"):  # what float32 cannot hold is reported as infinite
        values[...] = pos
    return finish_tracks(path, values, score, skeleton, options)


def _read_npz(path: Path) -> tuple[Array, Array | None]:
    with NpzFile(path) as file:
        key = _POS if _POS in file.keys or len(file.keys) != 1 else file.keys[0]
        shape = file.header(key).shape
        if len(shape) not in (3, 4):
            _fail(path, f"array {key!r}", _ARRAY, f"shape {list(shape)}")
        pos = _tracks(path, f"array {key!r}", file.array(key, "f", len(shape)), 4)
        if _SCORE not in file.keys or key == _SCORE:
            return pos, None
        score = _tracks(path, f"array {_SCORE!r}", file.array(_SCORE, "f", len(shape) - 1), 3)
    if score.shape != pos.shape[:3]:
        found = f"shape {list(score.shape)} beside {list(pos.shape)}"
        _fail(path, f"array {_SCORE!r}", "a score for each joint", found)
    with np.errstate(over="ignore"):
        return pos, score.astype(np.float32)


def _tracks(path: Path, where: str, array: Array, axes: int) -> Array:
    """With an axis for the persons."""
    if array.dtype.kind != "f" or array.ndim not in (axes - 1, axes):
        _fail(path, where, _ARRAY, f"{array.dtype} of shape {list(array.shape)}")
    return array if array.ndim == axes else array[None]


def _fail(path: Path, where: str, expected: str, found: str) -> NoReturn:
    raise SkeletonFormatError(path, where, expected, found)
