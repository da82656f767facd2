"""MediaPipe landmarks: a CSV file with one row a frame, or a NumPy array."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from pyg_skeletonmae.errors import SkeletonFormatError
from pyg_skeletonmae.io.csv_file import CsvFile, frame_rows
from pyg_skeletonmae.io.npz import Array, map_npy
from pyg_skeletonmae.io.poses import AS_IS, PoseOptions, PoseTracks, empty_tracks, finish_tracks
from pyg_skeletonmae.skeleton import Skeleton
from pyg_skeletonmae.skeleton.layouts import get_layout

_AXES = "xyzv"
_NO_LANDMARK = ("frame", "timestamp", "timestamp_ms", "time")
_NAME_FIRST = re.compile(r"(.+?)[ _.\-](x|y|z|visibility|v)")
_AXIS_FIRST = re.compile(r"(x|y|z|visibility|v)_?(\d{1,4})", re.ASCII)


def read_mediapipe(
    path: str | Path,
    layout: str | Path | Skeleton = "mediapipe33",
    options: PoseOptions = AS_IS,
) -> PoseTracks:
    """Reads the landmarks of one person.

    A **CSV** file has a row of names and then one row a frame. The columns of a landmark are named

    - ``<landmark>_x``, ``_y``, ``_z`` and ``_visibility`` (or ``_v``), also with ``.``, ``-`` or a
      blank instead of ``_``; the landmark by MediaPipe's name (``LEFT_SHOULDER``), by the
      skeleton's, or by its number from 0; or
    - ``x0, y0, z0, visibility0`` (or ``v0``), also ``x_0``; numbers from 0, or from 1 if there is
      no 0.

    Case does not matter, nor does the order. All landmarks must be there, each with x, y and z;
    visibility for all or for none. ``frame`` may hold frame numbers that grow: a number left out is
    a frame in which nobody was found. Numbers under ``timestamp``, ``timestamp_ms`` and ``time``
    are not used; any other column is an error. Empty cells (or ``nan``) are missing landmarks.

    An **NPY** file holds floats ``[T, V, 3]`` or, with visibility, ``[T, V, 4]``, NaN where a
    landmark is missing.

    Args:
        path: The file, ``.csv`` or ``.npy``.
        layout: The skeleton: ``"mediapipe33"``, ``"hand21"`` or one of your own.
        options: What to do with scores (the visibilities). ``image_size`` is for pixels; landmarks
            in MediaPipe's normalised image coordinates are 0 to 1 already.

    Returns:
        ``pos [1, T, V, 3]`` in the unit of the file.

    Raises:
        SkeletonFormatError: The file is missing or damaged, or is not as above; the message names
            the line or the column.
    """
    path, skeleton = Path(path), get_layout(layout)
    if path.suffix.lower() == ".npy":
        values = _read_array(path, skeleton)
    elif path.suffix.lower() == ".csv":
        values = _read_table(path, skeleton)
    else:
        raise SkeletonFormatError(path, "the name", "a .csv or .npy file", f"{path.suffix!r}")
    pos, score = values[..., :3].copy(), values[..., 3] if values.shape[-1] == 4 else None
    return finish_tracks(path, pos, score, skeleton, options)


def _read_array(path: Path, skeleton: Skeleton) -> Array:
    array = map_npy(path)
    wanted = (skeleton.num_joints,)
    if array.dtype.kind != "f" or array.ndim != 3 or array.shape[1:2] != wanted:
        found = f"{array.dtype} {list(array.shape)}"
        raise SkeletonFormatError(path, "header", f"floats [T, {wanted[0]}, 3 or 4]", found)
    if array.shape[2] not in (3, 4):
        raise SkeletonFormatError(path, "header", "3 or 4 channels", f"{array.shape[2]}")
    values = empty_tracks(path, (1, *array.shape))
    with np.errstate(over="ignore"):  # what float32 cannot hold is reported as infinite
        values[0] = array
    return values


def _read_table(path: Path, skeleton: Skeleton) -> Array:
    file = CsvFile(path)
    names = [name.lower() for name in file.names()]
    column = _columns(file, names, skeleton)
    numbers = file.numbers()
    frames = np.arange(len(numbers) * 1.0)
    rows = frame_rows(file, numbers[:, names.index("frame")] if "frame" in names else frames)
    values = empty_tracks(path, (1, len(rows), *column.shape))
    with np.errstate(over="ignore"):
        values[0, rows >= 0] = numbers[:, column]
    return values


def _columns(file: CsvFile, names: list[str], skeleton: Skeleton) -> Array:
    """The column of each channel of each joint, ``[V, 3 or 4]``."""
    known = {joint.lower(): i for i, joint in enumerate(skeleton.joints)}
    known |= {alias.lower(): skeleton.index(alias) for alias in skeleton.aliases}
    first = 0 if "0" in {_landmark(name)[0] for name in names} else 1
    known |= {str(i + first): i for i in range(skeleton.num_joints)}
    column = np.full((skeleton.num_joints, 4), -1)
    for number, name in enumerate(names):
        if name in names[:number]:
            file.fail("each column once", f"{name!r:.60} twice")
        if name in _NO_LANDMARK:
            continue
        landmark, axis = _landmark(name)
        if landmark not in known:
            expected = "<landmark>_x, _y, _z, _visibility, x0, y0, z0, visibility0, or frame"
            file.fail(expected, f"the column {name!r:.60}")
        place = known[landmark], _AXES.index(axis[0])
        if column[place] >= 0:
            file.fail("each column once", f"{name!r:.60} and {names[column[place]]!r:.60}")
        column[place] = number
    return _whole(file, column, skeleton)


def _landmark(name: str) -> tuple[str, str]:
    """The landmark of a column and its axis; empty texts if the column is none of these."""
    if match := _AXIS_FIRST.fullmatch(name):
        return str(int(match[2])), match[1]
    match = _NAME_FIRST.fullmatch(name)
    return (match[1], match[2]) if match else ("", "")


def _whole(file: CsvFile, column: Array, skeleton: Skeleton) -> Array:
    """Without the visibility if there is none; every other column must be there."""
    if (column[:, 3] < 0).all():
        column = column[:, :3]
    if (missing := np.argwhere(column < 0)).size:
        joint, axis = (int(i) for i in missing[0])
        name = ("x", "y", "z", "visibility")[axis]
        file.fail(f"a column for {name} of {skeleton.joints[joint]!r}", "none")
    return column
