"""The owner's text files of UI-PRMD: local offsets and Euler angles, one frame per line."""

from __future__ import annotations

import codecs
import gzip
import re
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple, NoReturn

import numpy as np

from pyg_skeletonmae.errors import SkeletonFormatError
from pyg_skeletonmae.files.plain import open_plain
from pyg_skeletonmae.io.npz import Array, require_file
from pyg_skeletonmae.io.scan import list_files
from pyg_skeletonmae.io.uiprmd_files import MOVEMENTS, SETS, recording_name, relative_paths
from pyg_skeletonmae.skeleton import Skeleton
from pyg_skeletonmae.skeleton.layouts import UIPRMD22

MAX_BYTES = 64 * 2**20
_METRES = 0.01
_NAME = re.compile(r"m(\d\d)_s(\d\d)_e(\d\d)_positions(_inc)?\.txt(\.gz)?")


class Recording(NamedTuple):
    """One repetition of one movement: two files and what their names say.

    ``movement``, ``subject`` and ``repetition`` count from 1, as in the file names.
    """

    movement: int
    subject: int
    repetition: int
    correct: bool
    positions: Path
    angles: Path

    @property
    def name(self) -> str:
        """``m##_s##_e##``, with ``_inc`` for the incorrect ones."""
        return recording_name(self.movement, self.subject, self.repetition, self.correct)


def find_recordings(root: str | Path) -> list[Recording]:
    """The repetitions in a folder of the owner's layout, correct ones first, in order of name.

    Args:
        root: The folder with ``Segmented Movements`` and ``Incorrect Segmented Movements``.

    Raises:
        SkeletonFormatError: A file of positions has no file of angles, or a name is out of range.
    """
    recordings: dict[str, Recording] = {}
    for correct, folder in SETS.items():
        for path in list_files(Path(root) / folder / "Kinect" / "Positions", "m*_positions*"):
            match = _NAME.fullmatch(path.name)
            if match is None or (match[4] is None) != correct:
                continue
            movement, subject, repetition = (int(match[i]) for i in (1, 2, 3))
            if not 1 <= movement <= len(MOVEMENTS):
                _fail(path, "the name", f"movement 01 to {len(MOVEMENTS)}", match[1])
            angles = _angles(root, relative_paths(movement, subject, repetition, correct)[1], path)
            recording = Recording(movement, subject, repetition, correct, path, angles)
            recordings.setdefault(recording.name, recording)
    return sorted(
        recordings.values(), key=lambda recording: (not recording.correct, recording.name)
    )


def read_recordings(root: str | Path) -> Iterator[tuple[Recording, Array]]:
    """Reads the repetitions in a folder one by one, with their positions ``[T, V, 3]``."""
    for recording in find_recordings(root):
        yield recording, read_positions(recording.positions, recording.angles)


def read_positions(positions: str | Path, angles: str | Path) -> Array:
    """Global joint positions in metres, ``[T, V, 3]``, float32, from a pair of the owner's files.

    Args:
        positions: Local offsets in cm, one frame per line, x, y, z of each joint.
        angles: Local Euler angles in degrees, in the same form.

    Raises:
        SkeletonFormatError: A file is missing, damaged or no table of numbers, or the two have
            different numbers of frames; the message names file and line.
    """
    offset, angle = read_table(positions), read_table(angles)
    if len(offset) != len(angle):
        _fail(
            Path(angles),
            f"line {len(angle)}",
            f"{len(offset)} frames as in the positions",
            str(len(angle)),
        )
    with np.errstate(over="ignore", invalid="ignore"):  # what is not finite is reported below
        pos = (forward_kinematics(offset, angle, UIPRMD22) * _METRES).astype(np.float32)
    if not np.isfinite(pos).all():
        frame = int(np.argmin(np.isfinite(pos).all((1, 2))))
        expected = "offsets whose positions float32 can hold"
        _fail(Path(positions), f"line {frame + 1}", expected, "larger ones")
    return pos


def read_table(path: str | Path, num_joints: int = UIPRMD22.num_joints) -> Array:
    """A text file (``.gz``: compressed) of comma-separated numbers, ``[T, V, 3]``, float64.

    Raises:
        SkeletonFormatError: The file is missing, damaged, empty, or a line does not hold
            ``3 * num_joints`` finite numbers; the message names the line.
    """
    path = require_file(path, "a file of numbers")
    lines = _read_text(path).rstrip().splitlines()
    if not lines:
        _fail(path, "line 1", "a frame", "an empty file")
    rows = []
    for number, line in enumerate(lines, 1):
        fields = line.split(",")
        if len(fields) != 3 * num_joints:
            _fail(path, f"line {number}", f"{3 * num_joints} numbers", f"{len(fields)}")
        try:
            row = np.array(fields, np.float64)
        except ValueError as error:
            _fail(path, f"line {number}", "numbers", str(error)[-60:])
        if not np.isfinite(row).all():
            _fail(path, f"line {number}", "finite numbers", "NaN or infinity")
        rows.append(row)
    return np.stack(rows).reshape(len(rows), num_joints, 3)


def forward_kinematics(offset: Array, angle: Array, skeleton: Skeleton) -> Array:
    r"""Global positions from local offsets and rotations.

    .. math::
        R_v = R_{p(v)} R_z(\gamma_v) R_y(\beta_v) R_x(\alpha_v), \qquad
        x_v = x_{p(v)} + R_{p(v)} o_v

    with :math:`R_{p(v)} = I` and :math:`x_{p(v)} = 0` at the root.

    Args:
        offset: The joints in the frame of their parents, ``[T, V, 3]``.
        angle: Euler angles :math:`\alpha, \beta, \gamma` in degrees, ``[T, V, 3]``.
        skeleton: The tree.

    Returns:
        Positions ``[T, V, 3]`` in the unit of ``offset``.
    """
    local = euler_matrices(angle)
    rotation, position = np.empty_like(local), np.empty_like(offset)
    parents = skeleton.parents.tolist()
    for joint in np.argsort(skeleton.hops[skeleton.index(skeleton.root)].numpy(), kind="stable"):
        parent = parents[joint]
        if parent < 0:
            rotation[:, joint], position[:, joint] = local[:, joint], offset[:, joint]
            continue
        rotation[:, joint] = rotation[:, parent] @ local[:, joint]
        moved = (rotation[:, parent] @ offset[:, joint, :, None])[..., 0]
        position[:, joint] = position[:, parent] + moved
    return position


def euler_matrices(degrees: Array) -> Array:
    """Rotations ``Rz Ry Rx``, ``[..., 3, 3]``, of angles about x, y and z, ``[..., 3]``."""
    x, y, z = np.moveaxis(np.radians(degrees), -1, 0)
    cx, cy, cz, sx, sy, sz = np.cos(x), np.cos(y), np.cos(z), np.sin(x), np.sin(y), np.sin(z)
    rows = [
        [cz * cy, cz * sy * sx - sz * cx, cz * sy * cx + sz * sx],
        [sz * cy, sz * sy * sx + cz * cx, sz * sy * cx - cz * sx],
        [-sy, cy * sx, cy * cx],
    ]
    return np.stack([np.stack(row, -1) for row in rows], -2)


def _read_text(path: Path) -> str:
    try:
        with gzip.open(path) if path.suffix == ".gz" else open_plain(path) as file:
            data = file.read(MAX_BYTES + 1)
        if len(data) > MAX_BYTES:
            raise ValueError(f"more than {MAX_BYTES} bytes")
        return data.removeprefix(codecs.BOM_UTF8).decode("ascii")
    except (OSError, EOFError, zlib.error, ValueError) as error:
        raise SkeletonFormatError(
            path, "the file", "a text of numbers", f"damage ({error})"
        ) from None


def _angles(root: str | Path, relative: str, positions: Path) -> Path:
    for path in (Path(root) / relative, Path(root) / f"{relative}.gz"):
        if path.is_file():
            return path
    raise SkeletonFormatError(
        positions, "the path", f"its angles in {relative}[.gz]", "no such file"
    )


def _fail(path: Path, where: str, expected: str, found: str) -> NoReturn:
    raise SkeletonFormatError(path, where, expected, found)
