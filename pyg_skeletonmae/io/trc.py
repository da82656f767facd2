"""TRC: the tab-separated table of markers that OpenSim, Mokka and Pose2Sim write."""

from __future__ import annotations

import math
import re
from dataclasses import replace
from pathlib import Path
from typing import NoReturn

import numpy as np

from pyg_skeletonmae.errors import SkeletonFormatError
from pyg_skeletonmae.io.joint_names import joint_index
from pyg_skeletonmae.io.npz import require_file
from pyg_skeletonmae.io.poses import (
    AS_IS,
    PoseOptions,
    PoseTracks,
    check_size,
    empty_tracks,
    finish_tracks,
)
from pyg_skeletonmae.skeleton import Skeleton
from pyg_skeletonmae.skeleton.layouts import get_layout

_MAX_BYTES = 128 * 2**20
_MAX_MARKERS = 4096
_CELL = re.compile(r"[+\-]?(\d+\.?\d*|\.\d+)([eE][+\-]?\d+)?|[nN][aA][nN]|", re.ASCII)


def read_trc(
    path: str | Path, layout: str | Path | Skeleton, options: PoseOptions = AS_IS
) -> PoseTracks:
    """Reads the markers of one recording.

    Line 2 names what line 3 says (``DataRate``, ``NumFrames``, ``NumMarkers``, ``Units``, ...);
    then follow ``Frame#``, ``Time`` and the names of the markers, the line ``X1 Y1 Z1 X2 ...``, and
    a row for each frame: its number, its time, and x, y and z of every marker. Cells stand between
    tabs; a marker whose three cells are empty, or ``nan``, is missing, and so are cells that a row
    lacks at its end. Empty lines are not looked at.

    Args:
        path: The file.
        layout: The skeleton. Its joints are found by the names of the markers (or its aliases for
            them); other markers are left out.
        options: ``fps`` stands over the file's rate; ``zeros``.

    Returns:
        ``pos [1, T, V, 3]`` in the unit of the file, which is noted; ``fps`` is its data rate.

    Raises:
        SkeletonFormatError: The file is missing, damaged or not as above, its numbers of frames or
            markers do not agree, or it lacks a joint; the message names the line.
    """
    path, skeleton = require_file(path, "a TRC file"), get_layout(layout)
    lines = _lines(path)
    header = dict(zip(lines[1][1], (cell[:20] for cell in lines[2][1]), strict=False))
    number, names = lines[3][0], lines[3][1]
    if [name.lower() for name in names[:2]] != ["frame#", "time"]:
        _fail(path, number, "'Frame#', 'Time' and the names of markers", ", ".join(names[:2]))
    markers = [name for name in names[2:] if name]
    if not 0 < len(markers) <= _MAX_MARKERS or header.get("NumMarkers") != f"{len(markers)}":
        expected = f"the {header.get('NumMarkers')} markers of line {lines[2][0]}"
        _fail(path, number, f"{expected}, {_MAX_MARKERS} at most", f"{len(markers)}")
    axes = [cell.lower()[:1] for cell in lines[4][1] if cell]
    if axes != list("xyz") * len(markers):
        _fail(path, lines[4][0], "X, Y and Z of every marker", ", ".join(axes))
    index = joint_index(path, f"line {number}", markers, skeleton)
    rows = lines[5:]
    if header.get("NumFrames") != f"{len(rows)}" or not rows:
        expected = f"the {header.get('NumFrames')} frames of line {lines[2][0]}"
        raise SkeletonFormatError(path, "the rows", expected, f"{len(rows)}")
    width = 2 + 3 * len(markers)
    check_size(path, (1, len(rows), width, 1))
    values = np.full((len(rows), width), np.nan)
    for row, (number, cells) in zip(values, rows, strict=True):
        while cells and not cells[-1]:
            cells.pop()
        if len(cells) > width or not all(map(_CELL.fullmatch, cells)):
            _fail(path, number, f"{width} numbers", f"{len(cells)} cells, {', '.join(cells)}")
        row[: len(cells)] = [float(cell) if cell else np.nan for cell in cells]
    if not (np.diff(values[:, 0]) == 1).all() or np.isnan(values[0, 0]):
        raise SkeletonFormatError(path, "'Frame#'", "numbers that grow by one", "others")
    pos = empty_tracks(path, (1, len(rows), skeleton.num_joints, 3))
    with np.errstate(over="ignore"):  # what float32 cannot hold is reported as infinite
        pos[0] = values[:, 2:].reshape(len(rows), -1, 3)[:, index]
    left = [name for i, name in enumerate(markers) if i not in index]
    notes = [f"in {header['Units']}"] if header.get("Units") else []
    notes += [f"markers left out: {', '.join(left):.200}"] if left else []
    tracks = finish_tracks(path, pos, None, skeleton, options, notes=notes)
    rate = header.get("DataRate", "")
    if not _CELL.fullmatch(rate) or not 0 < (hertz := float(rate or "nan")) < math.inf:
        _fail(path, lines[2][0], "a DataRate above 0", repr(rate))
    return replace(tracks, fps=options.fps or hertz)


def _lines(path: Path) -> list[tuple[int, list[str]]]:
    """The number and the cells of each line that is not empty."""
    if path.stat().st_size > _MAX_BYTES:
        raise SkeletonFormatError(path, "the file", f"at most {_MAX_BYTES} bytes", "more")
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError:
        raise SkeletonFormatError(path, "the file", "UTF-8 text", "other bytes") from None
    numbered = enumerate(text.replace("\r\n", "\n").replace("\r", "\n").split("\n"), 1)
    lines = [(n, [c.strip() for c in line.split("\t")]) for n, line in numbered if line.strip()]
    if len(lines) < 5 or lines[0][1][0].lower() != "pathfiletype":
        raise SkeletonFormatError(path, "line 1", "'PathFileType', of a TRC file", "others")
    return lines


def _fail(path: Path, number: int, expected: str, found: str) -> NoReturn:
    raise SkeletonFormatError(path, f"line {number}", expected, f"{found:.100}") from None
