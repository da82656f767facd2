"""BVH motion capture: a hierarchy of joints, a table of channels, and the positions they give.

The parser is ours. Looked at in 2026, each with the same damaged files: ``pybvh`` 0.9, the only one
in active development (it takes NaN in a row and a missing brace, fails with ``IndexError`` on a
joint without a name, wants three rotations in every joint, and needs Matplotlib); ``bvh`` 0.3
(takes most damaged files as they are, and is recursive); ``bvhsdk`` 0.2 (does not support all
orders of rotation); ``bvhtoolbox`` 0.1 (needs ``pkg_resources``, which is gone). A reader that
refuses whatever is not BVH, at any depth of nesting, is shorter than the checks around these.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import get_args

import numpy as np

from pyg_skeletonmae.errors import ConfigError, SkeletonError, SkeletonFormatError
from pyg_skeletonmae.io.bvh_parser import Joint, Motion, parse_bvh
from pyg_skeletonmae.io.npz import Array
from pyg_skeletonmae.io.poses import PoseTracks, Positions, check_size
from pyg_skeletonmae.skeleton import Skeleton

_FRAMES_AT_ONCE = 512
_MOST_MOVED = 2


def read_bvh(
    path: str | Path, end_sites: bool = True, positions: Positions | None = None
) -> PoseTracks:
    r"""Reads a BVH file and computes where its joints are.

    .. math::
        R_v = R_{p(v)} \prod_c R_c(\theta_{v,c}), \qquad x_v = x_{p(v)} + R_{p(v)} o_v

    with the rotation channels :math:`c` of a joint in the order in which they are written, the
    first one leftmost, right-handed, in degrees, and :math:`o_v` its OFFSET. The root is at its
    OFFSET plus its position channels.

    Programs disagree on what position channels below the root mean, and the file does not say it.
    Where the first frame equals the OFFSET in all of these joints but one or two (those that carry
    the motion of the body), they replace it, in all joints; our choice, because added they would
    make every bone twice as long. Otherwise the caller has to say it.

    Args:
        path: The file; keywords in any case, each frame on a line of its own or on several.
        end_sites: Keep the ends of the chains, after all joints, as ``<joint>_End``.
        positions: What position channels do with the OFFSET of their joint, ``"replace"`` or
            ``"add"``, in all joints; None = as above.

    Returns:
        One track, ``pos [1, T, V, 3]`` in the unit of the file, nothing missing; the skeleton
        ``bvh`` has the file's joints in its order, and ``fps`` is one over the frame time.

    Raises:
        SkeletonFormatError: The file is missing or damaged, its numbers of frames or channels do
            not agree, a number is not finite, two joints share a name, there are more than 1024
            joints, or it is open what position channels mean; the message names the line.
        ConfigError: ``positions`` is none of the two.
    """
    if positions not in (None, *get_args(Positions)):
        raise ConfigError(f"positions={positions!r}: expected 'replace', 'add' or None")
    motion = parse_bvh(path)
    notes: list[str] = []
    if positions is None:
        positions, notes = _meaning(Path(path), motion)
    joints, frames = motion.joints, len(motion.values)
    order = [i for i, joint in enumerate(joints) if not joint.is_end]
    order += [i for i, joint in enumerate(joints) if joint.is_end and end_sites]
    row = {-1: -1} | {joint: place for place, joint in enumerate(order)}
    names, parents = [joints[i].name for i in order], [row[joints[i].parent] for i in order]
    try:
        skeleton = Skeleton.from_parents("bvh", names, parents)
    except SkeletonError as error:
        raise SkeletonFormatError(path, "the hierarchy", "a skeleton", str(error)) from None
    check_size(Path(path), (1, frames, len(order), 3))
    pos = np.empty((1, frames, len(order), 3), np.float32)
    with np.errstate(over="ignore", invalid="ignore"):  # what is not finite is reported below
        for start in range(0, frames, _FRAMES_AT_ONCE):
            rows = slice(start, start + _FRAMES_AT_ONCE)
            pos[0, rows] = forward_kinematics(joints, motion.values[rows], positions)[:, order]
    if not np.isfinite(pos).all():
        found = "larger ones"
        raise SkeletonFormatError(path, "the positions", "numbers that float32 can hold", found)
    valid = np.ones(pos.shape[:3], bool)
    return PoseTracks(pos, valid, skeleton, 1 / motion.frame_time, tuple(notes))


def forward_kinematics(
    joints: Sequence[Joint], values: Array, positions: Positions = "add"
) -> Array:
    """Global positions of joints and end sites.

    Args:
        joints: The joints, parents first.
        values: Their channels one after the other, degrees and lengths, ``[T, N]``.
        positions: Whether position channels replace the OFFSET of their joint, or are added to it.

    Returns:
        Positions ``[T, len(joints), 3]``, float64.
    """
    position = np.empty((len(values), len(joints), 3))
    rotation = np.empty((len(values), len(joints), 3, 3))
    column = 0
    for number, joint in enumerate(joints):
        moved = np.tile(np.asarray(joint.offset, np.float64), (len(values), 1))
        turned = np.broadcast_to(np.eye(3), (len(values), 3, 3)).copy()
        if joint.parent >= 0:
            turned[:] = rotation[:, joint.parent]
        rotation[:, number] = turned
        for channel in joint.channels or ():
            if channel.turns:
                # Multiplies by a rotation about one axis, from the right.
                i, j = (channel.axis + 1) % 3, (channel.axis + 2) % 3
                angle, own = np.radians(values[:, column])[:, None], rotation[:, number]
                first, second = own[:, :, i].copy(), own[:, :, j].copy()
                own[:, :, i] = np.cos(angle) * first + np.sin(angle) * second
                own[:, :, j] = np.cos(angle) * second - np.sin(angle) * first
            else:
                offset = moved[:, channel.axis] if positions == "add" else 0.0
                moved[:, channel.axis] = offset + values[:, column]
            column += 1
        position[:, number] = (turned @ moved[:, :, None])[:, :, 0]
        if joint.parent >= 0:
            position[:, number] += position[:, joint.parent]
    return position


def _meaning(path: Path, motion: Motion) -> tuple[Positions, list[str]]:
    """What position channels do, by the first frame, and a note if that had to be found out."""
    column, equal = 0, 0
    moved: list[str] = []
    for joint in motion.joints:
        pairs: list[tuple[float, float]] = []  # first frame, OFFSET: where it makes a difference
        for channel in joint.channels or ():
            offset = (joint.offset or [0.0] * 3)[channel.axis]
            if not channel.turns and joint.parent >= 0 and offset:
                pairs.append((float(motion.values[0, column]), offset))
            column += 1
        if pairs and all(math.isclose(*pair, rel_tol=1e-4, abs_tol=1e-4) for pair in pairs):
            equal += 1
        elif pairs:
            moved.append(joint.name)
    if not equal and not moved:
        return "add", []
    if not equal or len(moved) > _MOST_MOVED:
        raise SkeletonFormatError(
            path,
            "the position channels below the root",
            'positions="replace" or "add", as they may replace the OFFSET or be added to it',
            f"values that differ from it in the first frame in {', '.join(moved):.100}",
        )
    but = f" but {' and '.join(moved)}" if moved else ""
    note = f"position channels replace the OFFSET: the first frame equals it in all joints{but}"
    return "replace", [note]
