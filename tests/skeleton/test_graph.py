from dataclasses import replace

import pytest
import torch

from pyg_skeletonmae import Skeleton
from pyg_skeletonmae.layouts import LAYOUTS, NTU25
from pyg_skeletonmae.skeleton.graph import distances, subtree

RING = torch.tensor([[0, 1, 1, 2, 2, 3, 3, 0], [1, 0, 2, 1, 3, 2, 0, 3]])


def test_distances_in_a_ring():
    assert distances(RING, 4).tolist() == [[0, 1, 2, 1], [1, 0, 1, 2], [2, 1, 0, 1], [1, 2, 1, 0]]


def test_distances_are_a_metric_on_a_body():
    hops = distances(NTU25.edge_index, NTU25.num_joints)
    assert torch.equal(hops, hops.t())
    assert torch.equal(hops == 1, NTU25.adjacency() > 0)
    assert (hops[:, None] <= hops[:, :, None] + hops).all()
    assert hops[NTU25.index("left_hand_tip"), NTU25.index("right_foot")] == 11


def test_a_subtree_hangs_orphans_from_the_shallowest_joint():
    few = NTU25.subset({"left_wrist", "left_hand_tip", "left_foot", "right_hip"}, "few")
    root, bones = subtree(few.joints, dict(NTU25.bones))
    assert root == few.root == "left_wrist"  # three bones below the old root, as the next hip
    assert few.bones == tuple(bones)
    assert bones == [
        ("left_foot", "left_wrist"),
        ("right_hip", "left_wrist"),
        ("left_hand_tip", "left_wrist"),
    ]
    assert few.part_names == ("torso", "left_arm", "left_leg")
    assert few.aliases["WristLeft"] == "left_wrist"


def tree(**parents: str) -> Skeleton:
    """A skeleton by the parent of each joint but the first."""
    joints = list(parents)
    return Skeleton("tree", joints, [b for b in parents.items() if b[1]], joints[0])


MOUSE = tree(
    nose="", left_ear="nose", right_ear="nose", neck="nose", back="neck", left_hip="back",
    right_hip="back", tail_base="back", tail_mid="tail_base", tail_tip="tail_mid",
)  # fmt: skip


def test_chains_of_a_mouse() -> None:
    assert dict(MOUSE.body_parts) == {
        "nose": ("nose",),
        "left_ear": ("left_ear",),
        "right_ear": ("right_ear",),
        "neck": ("neck", "back"),
        "left_hip": ("left_hip",),
        "right_hip": ("right_hip",),
        "tail_base": ("tail_base", "tail_mid", "tail_tip"),
    }
    assert MOUSE.mirror_pairs == (("left_ear", "right_ear"), ("left_hip", "right_hip"))
    assert MOUSE.parts == {} and "parts" not in MOUSE.to_dict()


def test_a_root_amid_a_chain_cuts_nothing() -> None:
    assert tree(b="", a="b", c="b").body_parts == {"b": ("b", "a", "c")}
    assert tree(a="", b="a", c="b").body_parts == {"a": ("a", "b", "c")}
    star = tree(hub="", x="hub", y="hub", z="hub")
    assert star.body_parts == {joint: (joint,) for joint in star.joints}


@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=lambda layout: layout.name)
def test_derived_parts_are_connected_disjoint_and_cover_all(layout: Skeleton) -> None:
    bare = replace(layout, parts={})
    parts = bare.body_parts
    assert sorted(joint for part in parts.values() for joint in part) == sorted(bare.joints)
    for top, part in parts.items():
        small = bare.subset(part)
        assert small.root == top and {*small.bones} <= {*bare.bones}
    assert bare.part_names == tuple(parts) and (bare.part_index >= 0).all()
    assert layout.body_parts == layout.parts
    assert bare == Skeleton.from_dict(bare.to_dict()) != layout
