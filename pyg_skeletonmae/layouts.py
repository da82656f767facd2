"""The joint layouts people meet."""

from __future__ import annotations

from pathlib import Path

from pyg_skeletonmae.errors import SkeletonError
from pyg_skeletonmae.skeleton import Skeleton

_UIPRMD_OWNER = (
    "Waist Spine Chest Neck Head HeadTip LeftCollar LeftUpperArm LeftForearm LeftHand RightCollar "
    "RightUpperArm RightForearm RightHand LeftUpperLeg LeftLowerLeg LeftFoot LeftToes RightUpperLeg "
    "RightLowerLeg RightFoot RightToes"
).split()
_UIPRMD_JOINTS = (
    "pelvis spine chest neck head head_top left_collar left_shoulder left_elbow left_wrist "
    "right_collar right_shoulder right_elbow right_wrist left_hip left_knee left_ankle left_foot "
    "right_hip right_knee right_ankle right_foot"
).split()

UIPRMD22 = Skeleton.from_parents(
    "uiprmd22",
    _UIPRMD_JOINTS,
    [-1, 0, 1, 2, 3, 4, 2, 6, 7, 8, 2, 10, 11, 12, 0, 14, 15, 16, 0, 18, 19, 20],
    left_right=tuple(
        (joint, joint.replace("left", "right")) for joint in _UIPRMD_JOINTS if "left" in joint
    ),
    parts={
        "head": ("neck", "head", "head_top"),
        "torso": (
            "pelvis", "spine", "chest", "left_collar", "left_shoulder",
            "right_collar", "right_shoulder", "left_hip", "right_hip",
        ),
        "left_arm": ("left_elbow", "left_wrist"),
        "right_arm": ("right_elbow", "right_wrist"),
        "left_leg": ("left_knee", "left_ankle", "left_foot"),
        "right_leg": ("right_knee", "right_ankle", "right_foot"),
    },
    aliases=dict(zip(_UIPRMD_OWNER, _UIPRMD_JOINTS, strict=True)),
)  # fmt: skip


def get_layout(name_or_path: str | Path | Skeleton) -> Skeleton:
    """The layout of that name, or the skeleton in that YAML file; a skeleton is returned as it is."""
    if isinstance(name_or_path, Skeleton):
        return name_or_path
    text = str(name_or_path)
    if text.lower() == "uiprmd22":
        return UIPRMD22
    if text.endswith((".yaml", ".yml")):
        return Skeleton.from_yaml(text)
    raise SkeletonError(f"unknown layout {text!r}")
