"""Plain arrays of joints, ``.npy`` and ``.npz``."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import NoReturn

import numpy as np

from pyg_skeletonmae.errors import SkeletonFormatError
from pyg_skeletonmae.io.axes import check_axes, check_order, reorder, transposed_hint
from pyg_skeletonmae.io.npz import Array, NpzFile, map_npy
from pyg_skeletonmae.io.poses import (
    AS_IS,
    PoseOptions,
    PoseTracks,
    empty_tracks,
    finish_tracks,
)
from pyg_skeletonmae.skeleton import Skeleton
from pyg_skeletonmae.skeleton.layouts import get_layout

_POS, _SCORE = "pos", "score"
_ARRAY = "floats [T, V, C] or [M, T, V, C]"


def read_arrays(
    path: str | Path,
    layout: str | Path | Skeleton,
    options: PoseOptions = AS_IS,
    *,
    axes: str | None = None,
) -> PoseTracks:
    """Reads the joints of one recording.

    An ``.npy`` file holds floats ``[T, V, C]`` or ``[M, T, V, C]``, persons, frames, joints and
    coordinates, or has its axes in the order that ``axes`` says. An ``.npz`` file holds such an
    array as ``pos`` (or as its only array), and may hold scores ``score [T, V]`` or ``[M, T, V]``
    beside it; other arrays are not read. NaN is a missing joint. Nothing is unpickled.

    Args:
        path: The file.
        layout: The skeleton, with its joints in the order of the array.
        options: What to do with scores and pixels.
        axes: The order of the axes, ``"MTVC"`` or ``"CTVM"`` (of ST-GCN) for example, of scores
            without ``C``; None = that of the options. Where neither says it and the shape fits
            another order, too, see :func:`~pyg_skeletonmae.io.axes.check_order`.

    Returns:
        ``pos [M, T, V, C]`` in the unit of the file.

    Raises:
        SkeletonFormatError: The file is missing or damaged, holds objects, or is not as above.
        ConfigError: Scores are asked for and there are none; ``axes`` is no order; or the numbers
            are those of another order.
    """
    check_axes(axes)
    path, skeleton, axes = Path(path), get_layout(layout), axes or options.axes
    suffix = path.suffix.lower()
    if suffix == ".npz":
        pos, score = _read_npz(path, axes)
    elif suffix == ".npy":
        pos, score = _tracks(path, "header", map_npy(path), axes), None
    else:
        _fail(path, "the name", "a .npy or .npz file", f"{path.suffix!r:.60}")
    if 0 in pos.shape or pos.shape[2] != skeleton.num_joints:
        expected = f"persons, frames, {skeleton.num_joints} joints and coordinates"
        shape = pos.shape if len(pos) > 1 else pos.shape[1:]
        hint = "" if axes else transposed_hint(shape, skeleton.num_joints)
        _fail(path, "the joints", expected, f"shape {list(pos.shape)}{hint}")
    note = "" if axes else check_order(pos, skeleton.num_joints, str(path))
    if options.image_size is not None and pos.shape[3] < 2:
        _fail(path, "the joints", "two coordinates, to have pixels", f"{pos.shape[3]}")
    values = empty_tracks(path, pos.shape)
    with np.errstate(over="ignore"):  # what float32 cannot hold is reported as infinite
        values[...] = pos
    if note:
        warnings.warn(f"{path.name}: {note}", stacklevel=2)
    return finish_tracks(path, values, score, skeleton, options, notes=(note,) if note else ())


def _read_npz(path: Path, axes: str | None) -> tuple[Array, Array | None]:
    with NpzFile(path) as file:
        key = _POS if _POS in file.keys or len(file.keys) != 1 else file.keys[0]
        shape = file.header(key).shape
        if len(shape) not in (3, 4):
            _fail(path, f"array {key!r}", _ARRAY, f"shape {list(shape)}")
        pos = _tracks(path, f"array {key!r}", file.array(key, "f", len(shape)), axes)
        if _SCORE not in file.keys or key == _SCORE:
            return pos, None
        score = file.array(_SCORE, "f", len(shape) - 1)
        score = _tracks(path, f"array {_SCORE!r}", score, axes, without="C")
    if score.shape != pos.shape[:3]:
        found = f"shape {list(score.shape)} beside {list(pos.shape)}"
        _fail(path, f"array {_SCORE!r}", "a score for each joint", found)
    with np.errstate(over="ignore"):
        return pos, score.astype(np.float32)


def _tracks(path: Path, where: str, array: Array, axes: str | None, without: str = "") -> Array:
    """In the order ``MTVC``, with an axis for the persons."""
    ndim = 4 - len(without)
    if array.dtype.kind != "f" or array.ndim not in (ndim - 1, ndim):
        hint = transposed_hint(array.shape, 0) if array.ndim == 5 else ""
        _fail(path, where, _ARRAY, f"{array.dtype} of shape {list(array.shape)}{hint}")
    array = reorder(array, axes, without)
    return array if array.ndim == ndim else array[None]


def _fail(path: Path, where: str, expected: str, found: str) -> NoReturn:
    raise SkeletonFormatError(path, where, expected, found)
