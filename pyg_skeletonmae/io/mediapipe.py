"""MediaPipe landmarks: a table of any layout, or a NumPy array."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from pyg_skeletonmae.errors import ConfigError, SkeletonFormatError
from pyg_skeletonmae.io.axes import check_order
from pyg_skeletonmae.io.landmark_columns import NOTHING_SAID, TableOptions
from pyg_skeletonmae.io.landmark_table import read_landmark_table
from pyg_skeletonmae.io.npz import map_npy
from pyg_skeletonmae.io.poses import AS_IS, PoseOptions, PoseTracks, empty_tracks, finish_tracks
from pyg_skeletonmae.skeleton import Skeleton
from pyg_skeletonmae.skeleton.layouts import get_layout

_TABLES = (".csv", ".tsv", ".txt")


def read_mediapipe(
    path: str | Path,
    layout: str | Path | Skeleton = "mediapipe33",
    options: PoseOptions = AS_IS,
    *,
    columns: Mapping[str, str] | Sequence[str] | None = None,
    ignore: Sequence[str] = (),
    label_column: str | None = None,
    first_index: int | None = None,
    strict: bool = False,
) -> PoseTracks:
    """Reads the landmarks of a recording.

    A **table** (``.csv``, ``.tsv``, ``.txt``) is read by
    :func:`~pyg_skeletonmae.io.read_landmark_table`, which says what it may look like. The usual
    ones have a row a frame, with the columns ``NOSE_x, NOSE_y, NOSE_z, NOSE_visibility, ...`` or
    ``x0, y0, z0, v0, ...``.

    An **NPY** file holds floats ``[T, V, 3]`` or, with visibility, ``[T, V, 4]``, NaN where a
    landmark is missing.

    Args:
        path: The file.
        layout: The skeleton: ``"mediapipe33"``, ``"hand21"`` or one of your own.
        options: What to do with scores (the visibilities). ``image_size`` is for pixels; landmarks
            in MediaPipe's normalised image coordinates are 0 to 1 already.
        columns: What columns of a table mean, see
            :class:`~pyg_skeletonmae.io.landmark_columns.TableOptions`, as for those below.
        ignore: Columns to leave out.
        label_column: The column that says what is shown.
        first_index: Whether landmarks are numbered from 0 or 1.
        strict: Refuse columns of which nothing is used.

    Returns:
        ``pos [M, T, V, 2 or 3]`` in the unit of the file.

    Raises:
        SkeletonFormatError: The file is missing or damaged, or could mean several things; the
            message names the line and the column, and the argument that settles it.
        ConfigError: Arguments for tables are given for an NPY file.
    """
    path, skeleton = Path(path), get_layout(layout)
    table = TableOptions(columns, ignore, label_column, first_index, strict)
    if path.suffix.lower() in _TABLES:
        return read_landmark_table(path, skeleton, options, table)
    if path.suffix.lower() != ".npy":
        raise SkeletonFormatError(path, "the name", "a .csv, .tsv or .npy file", f"{path.suffix!r}")
    if table != NOTHING_SAID:
        raise ConfigError(
            f"{path}: columns, ignore, label_column, first_index, strict: of tables only"
        )
    array, joints = map_npy(path), skeleton.num_joints
    if array.dtype.kind != "f" or array.ndim != 3 or array.shape[1] != joints:
        shape = f"{array.dtype} {list(array.shape)}"
        raise SkeletonFormatError(path, "header", f"floats [T, {joints}, 3 or 4]", shape)
    if array.shape[2] not in (3, 4):
        raise SkeletonFormatError(path, "header", "3 or 4 channels", f"{array.shape[2]}")
    values = empty_tracks(path, (1, *array.shape))
    with np.errstate(over="ignore"):  # what float32 cannot hold is reported as infinite
        values[0] = array
    pos, score = values[..., :3].copy(), values[..., 3] if values.shape[-1] == 4 else None
    note = check_order(pos[0], joints, str(path))
    return finish_tracks(path, pos, score, skeleton, options, notes=[note] if note else ())
