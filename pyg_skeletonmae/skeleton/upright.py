"""Which axis of coordinates is vertical, and coordinates turned as pictures have them."""

from __future__ import annotations

from typing import Literal, cast

import torch
from torch import Tensor

from pyg_skeletonmae.skeleton.skeleton import Skeleton

UpAxis = Literal["x up", "y up", "z up", "x down", "y down", "z down"]
_TURNS = {  # to the right, up, towards the viewer: an axis and its sign
    "y up": ((0, 1), (1, 1), (2, 1)),
    "y down": ((0, 1), (1, -1), (2, -1)),
    "z up": ((0, 1), (2, 1), (1, -1)),
    "z down": ((0, 1), (2, -1), (1, 1)),
    "x up": ((1, -1), (0, 1), (2, 1)),
    "x down": ((1, 1), (0, -1), (2, 1)),
}


def up_axis(skeleton: Skeleton, pos: Tensor, valid: Tensor | None = None) -> UpAxis | None:
    """Which axis of coordinates is vertical, and where it points; None where they do not tell.

    The mean line from the feet (or hips) to the head; along an axis, if that holds 0.8 of its
    length (our choice: people bend and lie, but rarely all of them).

    Args:
        skeleton: The joints.
        pos: Poses, ``[R, V, C]``, two or three coordinates first.
        valid: Which joints are present, ``[R, V]``; None: all.
    """
    names = ("head_top head nose", "left_foot left_ankle left_hip pelvis")
    ends = [next((j for j in side.split() if j in skeleton.joints), None) for side in names]
    if None in ends:
        return None
    high, low = (skeleton.index(str(joint)) for joint in ends)
    seen = slice(None) if valid is None else valid[:, high] & valid[:, low]
    line = (pos[:, high, :3] - pos[:, low, :3])[seen].double().mean(dim=0)
    axis = int(line.abs().argmax()) if len(line) > 1 else 0
    if not abs(float(line[axis])) > 0.8 * float(line.norm()):
        return None
    letter, points = "xyz"[axis], "up" if line[axis] > 0 else "down"
    return cast(UpAxis, f"{letter} {points}")


def upright(pos: Tensor, up: UpAxis) -> Tensor:
    """Coordinates turned so that they point to the right, upwards, and towards the viewer.

    Args:
        pos: ``[..., C]``, two or three coordinates first; other channels are left out.
        up: Which axis is vertical, and where it points. In the plane only x and y can be.

    Returns:
        ``[..., 3]``; of the plane ``[..., 2]``.
    """
    channels = min(pos.size(-1), 3)
    turn = [(axis, sign) for axis, sign in _TURNS[up] if axis < channels]
    return torch.stack([sign * pos[..., axis] for axis, sign in turn], dim=-1)
