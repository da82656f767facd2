from dataclasses import replace

import pytest

from pyg_skeletonmae import Skeleton
from pyg_skeletonmae.layouts import LAYOUTS
from pyg_skeletonmae.skeleton.names import mirror_pairs


@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=lambda layout: layout.name)
def test_the_pairs_of_every_layout_follow_from_its_names(layout: Skeleton) -> None:
    assert mirror_pairs(layout.joints) == layout.left_right
    if layout.aliases:  # the owners' names tell the same, but for the numbered points of a face
        name = {joint: joint for joint in layout.joints}
        name |= {joint: alias for alias, joint in layout.aliases.items()}
        pairs = {(name[left], name[right]) for left, right in layout.left_right}
        pairs = {pair for pair in pairs if not pair[0].startswith("face-")}
        assert set(mirror_pairs([name[joint] for joint in layout.joints])) == pairs


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ("left_hip", "right_hip"), ("hip_left", "hip_right"), ("LeftUpLeg", "RightUpLeg"),
        ("leftArm", "rightArm"), ("HandTipLeft", "HandTipRight"), ("LEFT_EYE", "RIGHT_EYE"),
        ("L_Hip", "R_Hip"), ("hip_L", "hip_R"), ("hand.l", "hand.r"), ("Hand.L.001", "Hand.R.001"),
        ("LElbow", "RElbow"), ("lThigh", "rThigh"), ("thumb_01_l", "thumb_01_r"),
        ("Bip01 L Thigh", "Bip01 R Thigh"), ("mixamorig:LeftArm", "mixamorig:RightArm"),
        ("LFHD", "RFHD"), ("lfemur", "rfemur"), ("EarL", "EarR"), ("pawL", "pawR"),
        ("leftear", "rightear"), ("earleft", "earright"), ("forelegL1", "forelegR1"),
        ("left-paw", "right-paw"), ("left ear", "right ear"), ("l_lip", "r_lip"),
    ],
)  # fmt: skip
def test_sides_are_written_in_many_ways(left: str, right: str) -> None:
    assert mirror_pairs(["spine", right, "tail", left, "nail"]) == ((left, right),)


@pytest.mark.parametrize(
    "joints",
    [
        ("spine", "tail", "left_hip", "lumbar", "l5"),  # no partner
        ("left_hand", "LeftHand", "right_hand"),  # which of the two?
        ("left", "hand"),
        ("j0", "j1", "j2"),
    ],
)
def test_no_pair_where_names_do_not_tell(joints: tuple[str, ...]) -> None:
    assert mirror_pairs(joints) == ()


def test_each_joint_is_in_one_pair() -> None:
    joints = ("l_lip", "r_lip", "l_rip", "r_rip", "lip", "rip")
    pairs = mirror_pairs(joints)
    assert pairs == (("l_lip", "r_lip"), ("l_rip", "r_rip"), ("lip", "rip"))


def test_pairs_that_are_given_stand() -> None:
    layout = LAYOUTS["coco17"]
    eyes = replace(layout, left_right=(("left_eye", "right_eye"),))
    assert eyes.mirror_pairs == eyes.left_right
    bare = replace(layout, left_right=())
    assert bare.mirror_pairs == layout.left_right and bare.left_right == ()
    assert bare.flip_index.equal(layout.flip_index) and not eyes.flip_index.equal(layout.flip_index)
    assert "left_right" not in bare.to_dict() and bare != layout
