import math

import pytest
import torch

from pyg_skeletonmae import layouts
from pyg_skeletonmae.datasets.sets.synthetic_body import (
    axis_rotation,
    body_segments,
    forward_kinematics,
    place_joints,
)
from pyg_skeletonmae.datasets.sets.synthetic_motion import ANGLES
from pyg_skeletonmae.errors import SkeletonError
from pyg_skeletonmae.skeleton import Skeleton

BODIES = [
    "NTU25", "NTU25_CTRGCN", "KINECT20", "UIPRMD22", "COCO17", "OPENPOSE18", "BODY25", "H36M17",
    "MEDIAPIPE33",
]  # fmt: skip


def stand(**degrees):
    pose = {name: torch.zeros(1, 1) for name in ANGLES}
    pose |= {name: torch.full((1, 1), math.radians(value)) for name, value in degrees.items()}
    size = {name: torch.ones(1) for name in ("trunk", "width", "arm", "leg")}
    place, _ = forward_kinematics(pose, size, torch.zeros(1, 1, 3))
    return {name: value[0, 0] for name, value in place.items()}


def test_standing_is_upright_and_symmetric():
    place = stand()
    assert place["head"][1] > place["chest"][1] > place["left_hip"][1] > place["left_ankle"][1]
    assert place["left_wrist"][0] > 0 > place["right_wrist"][0]
    for name, point in place.items():
        if name.startswith("left_"):
            mirrored = point * torch.tensor([-1.0, 1.0, 1.0])
            torch.testing.assert_close(place[f"right_{name[5:]}"], mirrored)


@pytest.mark.parametrize(
    ("angles", "joint", "axis", "sign"),
    [
        ({"r_flex": 90}, "right_wrist", 2, 1),  # forward
        ({"r_abduct": 90}, "right_wrist", 0, -1),  # to the right
        ({"l_abduct": 90}, "left_wrist", 0, 1),
        ({"l_elbow": 90}, "left_wrist", 2, 1),
        ({"r_hip": 90}, "right_knee", 2, 1),
        ({"l_knee": 90}, "left_ankle", 2, -1),  # knees bend backwards
        ({"bend": 60}, "head", 2, 1),
        ({"pitch": 60}, "head", 2, 1),
        ({"l_flex": 90, "l_open": 45}, "left_wrist", 0, 1),
        ({"r_abduct": 90, "r_rotate": 90, "r_elbow": 90}, "right_wrist", 1, 1),  # "stop"
    ],
)
def test_angles_mean_what_they_say(angles, joint, axis, sign):
    moved = stand(**angles)[joint] - stand()[joint]
    assert sign * moved[axis] > 0.2


def test_bones_keep_their_length():
    still, moved = stand(), stand(r_flex=70, r_elbow=80, l_hip=60, l_knee=100, bend=30, yaw=40)
    for a, b in (("right_elbow", "right_wrist"), ("left_knee", "left_ankle"), ("chest", "neck")):
        torch.testing.assert_close((moved[a] - moved[b]).norm(), (still[a] - still[b]).norm())


def test_axis_rotations_are_right_handed():
    quarter = torch.tensor(math.pi / 2)
    x, y, z = torch.eye(3)
    for axis, (start, end) in enumerate(((y, z), (z, x), (x, y))):
        torch.testing.assert_close(axis_rotation(axis, quarter) @ start, end, atol=1e-6, rtol=0)


@pytest.mark.parametrize("name", BODIES)
def test_every_body_layout_is_placed_by_name(name):
    skeleton = getattr(layouts, name)
    segments, places = place_joints(skeleton)
    assert places.shape == (skeleton.num_joints, 3)
    assert set(segments) <= set(body_segments())
    for joint, segment in zip(skeleton.joints, segments, strict=True):
        for side in ("left", "right"):
            if joint.startswith(side) and segment.startswith(("left", "right")):
                assert segment.startswith(side)
    standing = stand()
    points = torch.stack([standing[s] for s in segments]) + places
    flipped = points[skeleton.flip_index] * torch.tensor([-1.0, 1.0, 1.0])
    torch.testing.assert_close(points, flipped)
    distinct = torch.cdist(points, points) + torch.eye(len(points))
    assert distinct.min() > 0.005


def test_unknown_names_are_placed_by_their_part():
    names = ("o", "a", "b", "c", "u", "v")
    robot = Skeleton.from_parents(
        "robot", names, [-1, 0, 1, 2, 0, 4],
        parts={"left_arm": ("a", "b", "c"), "right_leg": ("u", "v")},
    )  # fmt: skip
    segments, _ = place_joints(robot)
    trunk, left, right = segments[0], segments[1:4], segments[4:]
    assert trunk == "pelvis"
    assert left == ["left_elbow", "left_wrist", "left_wrist"]
    assert right == ["right_knee", "right_ankle"]


def test_a_limb_of_many_unknown_joints_has_no_two_in_one_place():
    names = ["o", *(f"j{i}" for i in range(8))]
    arm = Skeleton.from_parents(
        "arm", names, list(range(-1, 8)), parts={"right_arm": tuple(names[1:])}
    )
    segments, places = place_joints(arm)
    assert len({(s, *p) for s, p in zip(segments, places.tolist(), strict=True)}) == 9


def test_nothing_to_move_is_an_error():
    with pytest.raises(SkeletonError, match="hand21: no joint of an arm or a leg"):
        place_joints(layouts.HAND21)
