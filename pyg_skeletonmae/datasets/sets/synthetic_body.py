"""A jointed human body that any skeleton can ride on: segments, proportions, forward kinematics.

Body frame: x to the person's left, y up, z to the front, metres, angles in radians. All numbers
are our choice: round averages of adult bodies.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from pyg_skeletonmae.errors import SkeletonError
from pyg_skeletonmae.skeleton import Skeleton

Point = tuple[str, tuple[float, float, float]]

# Joint of the body: its parent, and where it sits in the parent's frame (left side; x mirrored).
_RIG: dict[str, Point] = {
    "spine": ("pelvis", (0.0, 0.10, 0.0)),
    "chest": ("spine", (0.0, 0.20, 0.0)),
    "neck": ("chest", (0.0, 0.21, 0.0)),
    "head": ("neck", (0.0, 0.10, 0.02)),
    "shoulder": ("chest", (0.18, 0.16, 0.0)),
    "elbow": ("shoulder", (0.0, -0.28, 0.0)),
    "wrist": ("elbow", (0.0, -0.25, 0.0)),
    "hip": ("pelvis", (0.09, -0.05, 0.0)),
    "knee": ("hip", (0.0, -0.42, 0.0)),
    "ankle": ("knee", (0.0, -0.41, 0.0)),
}
_SIDED = ("shoulder", "elbow", "wrist", "hip", "knee", "ankle")

# Where the joints of skeletons sit: word in the name -> segment and place in its frame (left side).
# The longest word that occurs decides.
_PLACES: dict[str, Point] = {
    "pelvis": ("pelvis", (0.0, 0.0, 0.0)),
    "waist": ("pelvis", (0.0, 0.0, 0.0)),
    "spine": ("spine", (0.0, 0.0, 0.0)),
    "belly": ("spine", (0.0, 0.0, 0.0)),
    "chest": ("chest", (0.0, 0.0, 0.0)),
    "thorax": ("chest", (0.0, 0.12, 0.0)),
    "torso": ("chest", (0.0, 0.0, 0.0)),
    "neck": ("neck", (0.0, 0.0, 0.0)),
    "head": ("head", (0.0, 0.0, 0.0)),
    "head_top": ("head", (0.0, 0.14, 0.0)),
    "nose": ("head", (0.0, 0.0, 0.11)),
    "eye": ("head", (0.03, 0.04, 0.09)),
    "eye_inner": ("head", (0.015, 0.04, 0.09)),
    "eye_outer": ("head", (0.045, 0.04, 0.08)),
    "ear": ("head", (0.075, 0.01, 0.01)),
    "mouth": ("head", (0.025, -0.05, 0.09)),
    "collar": ("chest", (0.03, 0.16, 0.0)),
    "shoulder": ("shoulder", (0.0, 0.0, 0.0)),
    "elbow": ("elbow", (0.0, 0.0, 0.0)),
    "wrist": ("wrist", (0.0, 0.0, 0.0)),
    "hand": ("wrist", (0.0, -0.08, 0.0)),
    "thumb": ("wrist", (0.0, -0.07, 0.05)),
    "index": ("wrist", (0.0, -0.16, 0.02)),
    "pinky": ("wrist", (0.0, -0.14, -0.03)),
    "hand_tip": ("wrist", (0.0, -0.17, 0.0)),
    "hip": ("hip", (0.0, 0.0, 0.0)),
    "knee": ("knee", (0.0, 0.0, 0.0)),
    "ankle": ("ankle", (0.0, 0.0, 0.0)),
    "foot": ("ankle", (0.0, -0.05, 0.13)),
    "heel": ("ankle", (0.0, -0.06, -0.05)),
    "toe": ("ankle", (0.01, -0.06, 0.17)),
    "big_toe": ("ankle", (-0.02, -0.06, 0.18)),
    "small_toe": ("ankle", (0.04, -0.06, 0.15)),
    "foot_index": ("ankle", (-0.01, -0.06, 0.18)),
}
_ARM = ("shoulder", "elbow", "wrist", "hand", "hand_tip")
_LEG = ("hip", "knee", "ankle", "foot")


def body_segments() -> tuple[str, ...]:
    """The segments of the body, parents first: ``pelvis``, ``spine``, ..., ``left_wrist``, ..."""
    names = ["pelvis"]
    for joint in _RIG:
        names += [f"{s}_{joint}" for s in ("left", "right")] if joint in _SIDED else [joint]
    return tuple(names)


def place_joints(skeleton: Skeleton) -> tuple[list[str], Tensor]:
    """The segment each joint of a skeleton rides on, and its place in that segment's frame.

    A joint is placed by a word in its name ("left_knee"); else by its body part, along the arm or
    leg in the order of its distance from the root; else it rides with its nearest placed ancestor.

    Returns:
        The segment names, one per joint, and the places ``[V, 3]`` in metres.

    Raises:
        SkeletonError: No joint sits on an arm or a leg, so that nothing would move.
    """
    points = {joint: _by_name(joint) for joint in skeleton.joints}
    for part in ("left_arm", "right_arm", "left_leg", "right_leg"):
        _along_limb(skeleton, part, points)
    if not any(point is not None and point[0].endswith(_SIDED) for point in points.values()):
        raise SkeletonError(
            f"{skeleton.name}: no joint of an arm or a leg to move; name joints such as "
            "'left_elbow', or give body parts such as 'left_arm'"
        )
    places = [points[joint] or _with_ancestor(skeleton, joint, points) for joint in skeleton.joints]
    return [segment for segment, _ in places], torch.tensor([place for _, place in places])


def _with_ancestor(skeleton: Skeleton, joint: str, points: Mapping[str, Point | None]) -> Point:
    number, parent_of = skeleton.index(joint), dict(skeleton.bones)
    while joint in parent_of and points[joint] is None:
        joint = parent_of[joint]
    segment, (x, y, z) = points[joint] or _PLACES["pelvis"]
    return segment, (x, y + 0.03, z + 0.01 * (number % 7))


def _by_name(joint: str) -> Point | None:
    side = next((s for s in ("left", "right") if s in joint.lower()), "")
    words = [word for word in _PLACES if word in joint.lower()]
    if not words:
        return None
    word = max(words, key=len)
    segment, (x, y, z) = _PLACES[word]
    if segment in _SIDED:
        if side:
            return f"{side}_{segment}", (x if side == "left" else -x, y, z)
        # A hip or shoulder without a side is the middle of the two; a limb without one is unknown.
        return {"hip": ("pelvis", (x, y, z)), "shoulder": ("chest", (x, 0.16, z))}.get(word)
    return segment, ({"left": x, "right": -x}.get(side, 0.0), y, z)


def _along_limb(skeleton: Skeleton, part: str, points: dict[str, Point | None]) -> None:
    side, limb = part.split("_")
    chain = _ARM if limb == "arm" else _LEG
    depth = skeleton.hops[skeleton.index(skeleton.root)]
    joints = sorted(
        skeleton.parts.get(part, ()), key=lambda joint: int(depth[skeleton.index(joint)])
    )
    for rank, joint in enumerate(joints, start=1):
        word = chain[min(rank, len(chain) - 1)]
        segment, (x, y, z) = _PLACES[word]
        if points[joint] is None:  # joints beyond the end of the limb lie in a row, 3 cm apart
            further = 0.03 * max(0, rank - len(chain) + 1)
            points[joint] = f"{side}_{segment}", (x, y - further, z)


def forward_kinematics(
    pose: Mapping[str, Tensor], size: Mapping[str, Tensor], root: Tensor
) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """Places and turns every segment.

    Args:
        pose: Angles by name, ``[n, T]`` each: ``yaw, pitch, roll`` of the pelvis, ``bend, lean,
            twist`` of the spine, ``nod, turn`` of the head, and for ``l_`` and ``r_``: ``flex,
            abduct, open, rotate, elbow`` of the arm, ``hip, spread, knee`` of the leg.
        size: Scales by name, ``[n]`` each: ``trunk, width, arm, leg``.
        root: The pelvis, ``[n, T, 3]``.

    Returns:
        The origins ``[n, T, 3]`` and the rotations ``[n, T, 3, 3]`` of the segments, by name.
    """
    turn = _rotations(pose)
    groups = {"elbow": "arm", "wrist": "arm", "knee": "leg", "ankle": "leg"}
    place, frame = {"pelvis": root}, {"pelvis": turn["pelvis"]}
    for name in body_segments()[1:]:
        side, _, joint = name.rpartition("_")
        parent, offset = _RIG[joint]
        parent = f"{side}_{parent}" if parent in _SIDED else parent
        length = size[groups.get(joint, "trunk")]
        step = torch.tensor(offset) * torch.stack([size["width"], length, length], dim=-1)
        if side == "right":
            step = step * torch.tensor([-1.0, 1.0, 1.0])
        place[name] = place[parent] + (frame[parent] @ step[:, None, :, None])[..., 0]
        # Feet stay level: they follow only the way the body faces.
        frame[name] = turn["foot"] if joint == "ankle" else frame[parent] @ turn[name]
    return place, frame


def _rotations(pose: Mapping[str, Tensor]) -> dict[str, Tensor]:
    foot = axis_rotation(1, pose["yaw"])
    spine = axis_rotation(1, 0.5 * pose["twist"])
    spine = spine @ axis_rotation(2, 0.5 * pose["lean"]) @ axis_rotation(0, 0.5 * pose["bend"])
    head = axis_rotation(1, 0.5 * pose["turn"]) @ axis_rotation(0, 0.5 * pose["nod"])
    turn = {
        "pelvis": foot @ axis_rotation(2, pose["roll"]) @ axis_rotation(0, pose["pitch"]),
        "foot": foot, "spine": spine, "chest": spine, "neck": head, "head": head,
    }  # fmt: skip
    for side, key, sign in (("left", "l_", 1.0), ("right", "r_", -1.0)):
        turn[f"{side}_shoulder"] = (
            axis_rotation(1, sign * pose[key + "open"])
            @ axis_rotation(0, -pose[key + "flex"])
            @ axis_rotation(2, sign * pose[key + "abduct"])
            @ axis_rotation(1, sign * pose[key + "rotate"])
        )
        turn[f"{side}_elbow"] = axis_rotation(0, -pose[key + "elbow"])
        turn[f"{side}_wrist"] = torch.eye(3)
        turn[f"{side}_hip"] = axis_rotation(2, sign * pose[key + "spread"]) @ axis_rotation(
            0, -pose[key + "hip"]
        )
        turn[f"{side}_knee"] = axis_rotation(0, pose[key + "knee"])
    return turn


def axis_rotation(axis: int, angle: Tensor) -> Tensor:
    """Rotations about the x, y or z axis (0, 1, 2), right-handed: ``[...]`` to ``[..., 3, 3]``."""
    matrix = torch.eye(3).expand(*angle.shape, 3, 3).clone()
    a, b = (axis + 1) % 3, (axis + 2) % 3
    matrix[..., a, a] = matrix[..., b, b] = angle.cos()
    matrix[..., b, a] = angle.sin()
    matrix[..., a, b] = -angle.sin()
    return matrix
