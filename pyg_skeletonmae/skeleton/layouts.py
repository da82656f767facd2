"""The joint layouts people meet, each one a :class:`~pyg_skeletonmae.Skeleton`.

The same name is the same joint in every layout, so that ``map_to`` works between any two; the data
owner's names are ``aliases``. Bodies have the six parts ``head, torso, left_arm, right_arm,
left_leg, right_leg`` (V0 ... V5 of `"SkeletonMAE" <https://arxiv.org/abs/2307.08476>`_); shoulders
and hips belong to the torso, as there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from difflib import get_close_matches
from pathlib import Path

from pyg_skeletonmae.errors import SkeletonError
from pyg_skeletonmae.skeleton.skeleton import Skeleton

_TORSO = {"pelvis", "spine", "chest", "collar", "shoulder", "hip"}
_ARM = {"elbow", "wrist", "hand", "thumb", "index", "middle", "ring", "pinky"}  # or of it: hand_tip
_LEG = {"knee", "ankle", "foot", "heel", "big_toe", "small_toe"}


def _part(joint: str, neck: str) -> str:
    stem = joint.removeprefix("left_").removeprefix("right_")
    if stem == "neck":
        return neck
    if stem in _TORSO:
        return "torso"
    side = joint.split("_")[0]
    in_arm = stem.partition("_")[0] in _ARM
    return f"{side}_arm" if in_arm else f"{side}_leg" if stem in _LEG else "head"


def _body(
    name: str,
    joints: str,
    parents: Sequence[int],
    owner: str | None = None,
    center: str | None = None,
    neck: str = "head",
) -> Skeleton:
    """A body whose joint names say what is left, right, and part of what."""
    names = joints.split()
    owners = owner.split() if owner else names
    part_names = ("head", "torso", "left_arm", "right_arm", "left_leg", "right_leg")
    return Skeleton.from_parents(
        name,
        names,
        parents,
        left_right=[(j, f"right_{j[5:]}") for j in names if j.startswith("left_")],
        parts={part: [j for j in names if _part(j, neck) == part] for part in part_names},
        center=center,
        aliases={alias: j for alias, j in zip(owners, names, strict=True) if alias != j},
    )


# NTU RGB+D and PKU-MMD (Kinect v2), aliases from the Kinect SDK 2.0. The tree hangs from between
# the shoulders, as in the bone lists of both CTR-GCN and pyskl; clips are centred on the middle of
# the spine. The wiring of the hands is pyskl's: tip and thumb both hang from the hand.
NTU25 = _body(
    "ntu25",
    "pelvis spine neck head left_shoulder left_elbow left_wrist left_hand right_shoulder "
    "right_elbow right_wrist right_hand left_hip left_knee left_ankle left_foot right_hip "
    "right_knee right_ankle right_foot chest left_hand_tip left_thumb right_hand_tip right_thumb",
    [1, 20, 20, 2, 20, 4, 5, 6, 20, 8, 9, 10, 0, 12, 13, 14, 0, 16, 17, 18, -1, 7, 7, 11, 11],
    "SpineBase SpineMid Neck Head ShoulderLeft ElbowLeft WristLeft HandLeft ShoulderRight "
    "ElbowRight WristRight HandRight HipLeft KneeLeft AnkleLeft FootLeft HipRight KneeRight "
    "AnkleRight FootRight SpineShoulder HandTipLeft ThumbLeft HandTipRight ThumbRight",
    center="spine",
)

# The wiring of CTR-GCN, MAMP and Skeleton2vec: a hand tip hangs from the thumb.
_CTRGCN_TIPS = {"left_hand_tip": "left_thumb", "right_hand_tip": "right_thumb"}
NTU25_CTRGCN = replace(
    NTU25,
    name="ntu25_ctrgcn",
    bones=tuple((child, _CTRGCN_TIPS.get(child, parent)) for child, parent in NTU25.bones),
)

# Kinect v1 (MSR Action 3D, UTKinect, SBU with other names); "ShoulderCenter" is where NTU has its
# spine at the shoulders. Centred like NTU: our choice, because the sensors differ in little else.
KINECT20 = _body(
    "kinect20",
    "pelvis spine chest head left_shoulder left_elbow left_wrist left_hand right_shoulder "
    "right_elbow right_wrist right_hand left_hip left_knee left_ankle left_foot right_hip "
    "right_knee right_ankle right_foot",
    [1, 2, -1, 2, 2, 4, 5, 6, 2, 8, 9, 10, 0, 12, 13, 14, 0, 16, 17, 18],
    "HipCenter Spine ShoulderCenter Head ShoulderLeft ElbowLeft WristLeft HandLeft ShoulderRight "
    "ElbowRight WristRight HandRight HipLeft KneeLeft AnkleLeft FootLeft HipRight KneeRight "
    "AnkleRight FootRight",
    center="spine",
)

# The Kinect part of UI-PRMD (Vakanski et al., Data 2018): a joint is the START of the bone its
# owner names it after, so "LeftUpperLeg" is the hip.
UIPRMD22 = _body(
    "uiprmd22",
    "pelvis spine chest neck head head_top left_collar left_shoulder left_elbow left_wrist "
    "right_collar right_shoulder right_elbow right_wrist left_hip left_knee left_ankle left_foot "
    "right_hip right_knee right_ankle right_foot",
    [-1, 0, 1, 2, 3, 4, 2, 6, 7, 8, 2, 10, 11, 12, 0, 14, 15, 16, 0, 18, 19, 20],
    "Waist Spine Chest Neck Head HeadTip LeftCollar LeftUpperArm LeftForearm LeftHand RightCollar "
    "RightUpperArm RightForearm RightHand LeftUpperLeg LeftLowerLeg LeftFoot LeftToes "
    "RightUpperLeg RightLowerLeg RightFoot RightToes",
)

# COCO keypoints (HRNet and most 2-D detectors). COCO names no tree; this is pyskl's, hanging from
# the nose: nose to shoulders, shoulders to hips.
COCO17 = _body(
    "coco17",
    "nose left_eye right_eye left_ear right_ear left_shoulder right_shoulder left_elbow "
    "right_elbow left_wrist right_wrist left_hip right_hip left_knee right_knee left_ankle "
    "right_ankle",
    [-1, 0, 0, 1, 2, 0, 0, 5, 6, 7, 8, 5, 6, 11, 12, 13, 14],
)

# The same tree, and edges across the shoulders and the hips: the more usual drawing of a body.
COCO17_BODY = replace(
    COCO17,
    name="coco17_body",
    extra_edges=(("left_shoulder", "right_shoulder"), ("left_hip", "right_hip")),
)

# OpenPose with the COCO model (Kinetics-Skeleton), the wiring of ST-GCN. The neck is the middle of
# the shoulders here, hence torso.
OPENPOSE18 = _body(
    "openpose18",
    "nose neck right_shoulder right_elbow right_wrist left_shoulder left_elbow left_wrist "
    "right_hip right_knee right_ankle left_hip left_knee left_ankle right_eye left_eye right_ear "
    "left_ear",
    [1, -1, 1, 2, 3, 1, 5, 6, 2, 8, 9, 5, 11, 12, 0, 0, 14, 15],
    "Nose Neck RShoulder RElbow RWrist LShoulder LElbow LWrist RHip RKnee RAnkle LHip LKnee "
    "LAnkle REye LEye REar LEar",
    neck="torso",
)

# OpenPose BODY_25: order and pairs of its documentation ("Output" and "Heatmap output"), without
# the two ear-shoulder pairs, which only help its part association and are not drawn there.
BODY25 = _body(
    "body25",
    "nose neck right_shoulder right_elbow right_wrist left_shoulder left_elbow left_wrist pelvis "
    "right_hip right_knee right_ankle left_hip left_knee left_ankle right_eye left_eye right_ear "
    "left_ear left_big_toe left_small_toe left_heel right_big_toe right_small_toe right_heel",
    [1, 8, 1, 2, 3, 1, 5, 6, -1, 8, 9, 10, 8, 12, 13, 0, 0, 15, 16, 14, 19, 14, 11, 22, 11],
    "Nose Neck RShoulder RElbow RWrist LShoulder LElbow LWrist MidHip RHip RKnee RAnkle LHip LKnee "
    "LAnkle REye LEye REar LEar LBigToe LSmallToe LHeel RBigToe RSmallToe RHeel",
    neck="torso",
)

# Human3.6M, the joints used for 3-D pose estimation. The owner's foot is the ankle, and the owner's
# head the end of the head chain.
H36M17 = _body(
    "h36m17",
    "pelvis right_hip right_knee right_ankle left_hip left_knee left_ankle spine chest neck "
    "head_top left_shoulder left_elbow left_wrist right_shoulder right_elbow right_wrist",
    [-1, 0, 1, 2, 0, 4, 5, 0, 7, 8, 9, 8, 11, 12, 8, 14, 15],
    "Hip RHip RKnee RFoot LHip LKnee LFoot Spine Thorax Neck/Nose Head LShoulder LElbow LWrist "
    "RShoulder RElbow RWrist",
)

# MediaPipe Pose (BlazePose). Its own connections hold cycles and leave the mouth loose: this tree
# is ours, with the mouth and the shoulders hanging from the nose.
MEDIAPIPE33 = _body(
    "mediapipe33",
    "nose left_eye_inner left_eye left_eye_outer right_eye_inner right_eye right_eye_outer "
    "left_ear right_ear left_mouth right_mouth left_shoulder right_shoulder left_elbow "
    "right_elbow left_wrist right_wrist left_pinky right_pinky left_index right_index left_thumb "
    "right_thumb left_hip right_hip left_knee right_knee left_ankle right_ankle left_heel "
    "right_heel left_foot right_foot",
    [
        *(-1, 0, 1, 2, 0, 4, 5, 3, 6, 0, 0, 0, 0, 11, 12, 13, 14),
        *(15, 16, 15, 16, 15, 16, 11, 12, 23, 24, 25, 26, 27, 28, 27, 28),
    ],
    "NOSE LEFT_EYE_INNER LEFT_EYE LEFT_EYE_OUTER RIGHT_EYE_INNER RIGHT_EYE RIGHT_EYE_OUTER "
    "LEFT_EAR RIGHT_EAR MOUTH_LEFT MOUTH_RIGHT LEFT_SHOULDER RIGHT_SHOULDER LEFT_ELBOW "
    "RIGHT_ELBOW LEFT_WRIST RIGHT_WRIST LEFT_PINKY RIGHT_PINKY LEFT_INDEX RIGHT_INDEX LEFT_THUMB "
    "RIGHT_THUMB LEFT_HIP RIGHT_HIP LEFT_KNEE RIGHT_KNEE LEFT_ANKLE RIGHT_ANKLE LEFT_HEEL "
    "RIGHT_HEEL LEFT_FOOT_INDEX RIGHT_FOOT_INDEX",
)

# One hand as MediaPipe Hands and OpenPose order it; no mirror pairs. The first joint of a finger
# belongs to the palm, as shoulders and hips belong to the torso.
_FINGERS = {
    "thumb": ("thumb_cmc", "thumb_mcp", "thumb_ip", "thumb_tip"),
    **{
        finger: tuple(f"{finger}_{joint}" for joint in ("mcp", "pip", "dip", "tip"))
        for finger in ("index", "middle", "ring", "pinky")
    },
}
_HAND = ("wrist", *(joint for joints in _FINGERS.values() for joint in joints))
_CALLED_FINGER = {*_FINGERS["index"], *_FINGERS["middle"], *_FINGERS["ring"]}
HAND21 = Skeleton.from_parents(
    "hand21",
    _HAND,
    [-1, 0, 1, 2, 3, 0, 5, 6, 7, 0, 9, 10, 11, 0, 13, 14, 15, 0, 17, 18, 19],
    parts={
        "palm": ("wrist", *(joints[0] for joints in _FINGERS.values())),
        **{finger: joints[1:] for finger, joints in _FINGERS.items()},
    },
    aliases={
        (joint.replace("_", "_finger_") if joint in _CALLED_FINGER else joint).upper(): joint
        for joint in _HAND
    },
)

# COCO-WholeBody (Jin et al., 2020, https://arxiv.org/abs/2007.11858): the joints of COCO, feet,
# the 68 points of a face in the order of 300-W (the person's right first), two hands. Jaw, brows
# and lips are counted towards the middle. COCO's wrist and the root of a hand are two annotations.
# The publication names no tree: body, feet and hands are those of the layouts above; the face is
# ours, from the tip of the nose down to the chin and from the middle outwards. The aliases are
# MMPose's names.
_FACE = (
    "right_jaw_1 right_jaw_2 right_jaw_3 right_jaw_4 right_jaw_5 right_jaw_6 right_jaw_7 "
    "right_jaw_8 chin left_jaw_8 left_jaw_7 left_jaw_6 left_jaw_5 left_jaw_4 left_jaw_3 "
    "left_jaw_2 left_jaw_1 right_brow_1 right_brow_2 right_brow_3 right_brow_4 right_brow_5 "
    "left_brow_5 left_brow_4 left_brow_3 left_brow_2 left_brow_1 "
    "nose_bridge_1 nose_bridge_2 nose_bridge_3 nose_tip "
    "right_nostril_outer right_nostril_inner nose_base left_nostril_inner left_nostril_outer "
    "right_eye_outer right_eye_upper_1 right_eye_upper_2 right_eye_inner right_eye_lower_2 "
    "right_eye_lower_1 left_eye_inner left_eye_upper_2 left_eye_upper_1 left_eye_outer "
    "left_eye_lower_1 left_eye_lower_2 "
    "right_mouth right_upper_lip_1 right_upper_lip_2 upper_lip left_upper_lip_2 left_upper_lip_1 "
    "left_mouth left_lower_lip_1 left_lower_lip_2 lower_lip right_lower_lip_2 right_lower_lip_1 "
    "right_mouth_inner right_upper_lip_inner upper_lip_inner left_upper_lip_inner left_mouth_inner "
    "left_lower_lip_inner lower_lip_inner right_lower_lip_inner"
)
_FACE_PARENTS = [
    *(1, 2, 3, 4, 5, 6, 7, 8, 57, 8, 9, 10, 11, 12, 13, 14, 15),  # jaw: the chin from the lip
    *(18, 19, 20, 21, 27, 27, 22, 23, 24, 25),  # brows
    *(28, 29, 30, -23, 32, 33, 30, 33, 34),  # nose: its tip from COCO's
    *(-21, -21, -21, -21, -21, -21, -22, -22, -22, -22, -22, -22),  # lids: from COCO's eyes
    *(49, 50, 51, 33, 51, 52, 53, 56, 57, 66, 57, 58, 61, 62, 51, 62, 63, 66, 62, 66),  # lips
]  # within the face; below 0 lie the 23 joints before it
_FEET = "left_big_toe left_small_toe left_heel right_big_toe right_small_toe right_heel"
_MMPOSE_FINGERS = ("thumb", "forefinger", "middle_finger", "ring_finger", "pinky_finger")
_MMPOSE_HAND = ("hand_root", *(f"{finger}{i}" for finger in _MMPOSE_FINGERS for i in (1, 2, 3, 4)))


def _wholebody(body: Sequence[str], face: Sequence[str], hand: Sequence[str]) -> str:
    hands = (f"{side}_{joint}" for side in ("left", "right") for joint in hand)
    return " ".join([*body, *face, *hands])


def _wholebody_parents(body: Sequence[int]) -> list[int]:
    """Those of a body that begins with the joints of COCO, and of its face and hands."""
    face, left = len(body), len(body) + len(_FACE_PARENTS)
    right, fingers = left + HAND21.num_joints, HAND21.parents[1:].tolist()
    return [
        *body,
        *((face if parent >= 0 else 23) + parent for parent in _FACE_PARENTS),
        *(9, *(left + parent for parent in fingers)),
        *(10, *(right + parent for parent in fingers)),
    ]


_ALL = _FACE.split(), ("hand_root", *_HAND[1:])
_MMPOSE_ALL = [f"face-{i}" for i in range(68)], _MMPOSE_HAND
WHOLEBODY133 = _body(
    "wholebody133",
    _wholebody([*COCO17.joints, *_FEET.split()], *_ALL),
    _wholebody_parents([*COCO17.parents.tolist(), 15, 17, 15, 16, 20, 16]),
    _wholebody([*COCO17.joints, *_FEET.split()], *_MMPOSE_ALL),
)

# Halpe Full-Body (AlphaPose; https://arxiv.org/abs/2004.00945): the joints of COCO, a spine and
# feet, and with 136 joints the face and the hands of COCO-WholeBody. The tree is what AlphaPose
# draws, where the head of COCO is loose: here it hangs from the neck, as in BODY_25. The owner's
# head is its top, the owner's neck lies between the shoulders, hence torso.
_HALPE = (
    "Nose LEye REye LEar REar LShoulder RShoulder LElbow RElbow LWrist RWrist LHip RHip LKnee "
    "RKnee LAnkle RAnkle Head Neck Hip LBigToe RBigToe LSmallToe RSmallToe LHeel RHeel"
)
HALPE26 = _body(
    "halpe26",
    " ".join(COCO17.joints) + " head_top neck pelvis left_big_toe right_big_toe left_small_toe "
    "right_small_toe left_heel right_heel",
    [
        *(18, 0, 0, 1, 2, 18, 18, 5, 6, 7, 8, 19, 19, 11, 12, 13, 14),
        *(18, 19, -1, 24, 25, 24, 25, 15, 16),
    ],
    _HALPE,
    neck="torso",
)
HALPE136 = _body(
    "halpe136",
    _wholebody(HALPE26.joints, *_ALL),
    _wholebody_parents(HALPE26.parents.tolist()),
    _wholebody(_HALPE.split(), *_MMPOSE_ALL),
    neck="torso",
)

LAYOUTS: Mapping[str, Skeleton] = {
    layout.name: layout
    for layout in (
        NTU25, NTU25_CTRGCN, KINECT20, UIPRMD22, COCO17, COCO17_BODY,
        OPENPOSE18, BODY25, H36M17, MEDIAPIPE33, HAND21, WHOLEBODY133,
        HALPE26, HALPE136,
    )
}  # fmt: skip


def get_layout(layout: str | Path | Skeleton) -> Skeleton:
    """A layout by its name, or the skeleton in a YAML file; a skeleton is returned as it is.

    Args:
        layout: A name from :data:`LAYOUTS` (case does not matter) or a path: anything that ends in
            ``.yaml`` or ``.yml`` or holds a slash.

    Raises:
        SkeletonError: No layout has this name (the message names the nearest one and all others),
            or the file holds no valid skeleton.
    """
    if isinstance(layout, Skeleton):
        return layout
    text = str(layout)
    if isinstance(layout, Path) or "/" in text or text.endswith((".yaml", ".yml")):
        return Skeleton.from_yaml(text)
    if text.lower() in LAYOUTS:
        return LAYOUTS[text.lower()]
    near = get_close_matches(text.lower(), LAYOUTS, n=1, cutoff=0.0)[0]
    raise SkeletonError(
        f"unknown layout {text!r}; did you mean {near!r}? Known are {', '.join(LAYOUTS)}, "
        "or give the path of a .yaml file"
    )
