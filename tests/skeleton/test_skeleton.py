import copy
import json
import pickle
import subprocess
import sys
from dataclasses import FrozenInstanceError, replace

import pytest
import torch
from torch_geometric.utils import is_undirected

from pyg_skeletonmae import Skeleton
from pyg_skeletonmae.errors import SkeletonError

#        head
#          |
#  l_hand-neck-r_hand
#          |
#         hip
FIGURE = Skeleton(
    name="figure",
    joints=("hip", "neck", "head", "l_hand", "r_hand"),
    bones=(("neck", "hip"), ("head", "neck"), ("l_hand", "neck"), ("r_hand", "neck")),
    root="hip",
    left_right=(("l_hand", "r_hand"),),
    parts={"arms": ("l_hand", "r_hand"), "trunk": ("hip", "neck")},
    center="neck",
    extra_edges=(("l_hand", "hip"), ("r_hand", "hip")),
    aliases={"LeftHand": "l_hand"},
)


def test_derived_tensors():
    assert FIGURE.num_joints == 5
    assert FIGURE.parents.tolist() == [-1, 0, 1, 1, 1]
    assert FIGURE.bone_index.tolist() == [[1, 2, 3, 4], [0, 1, 1, 1]]
    assert FIGURE.flip_index.tolist() == [0, 1, 2, 4, 3]
    assert FIGURE.part_index.tolist() == [1, 1, -1, 0, 0]
    assert FIGURE.part_names == ("arms", "trunk")
    assert FIGURE.center_joint == "neck"
    assert replace(FIGURE, center=None).center_joint == "hip"
    names = ("edge_index", "bone_index", "parents", "hops", "flip_index", "part_index")
    assert {getattr(FIGURE, name).dtype for name in names} == {torch.long}


def test_edges_go_both_ways_side_by_side():
    assert FIGURE.edge_index.shape == (2, 12)
    assert is_undirected(FIGURE.edge_index, num_nodes=5)
    assert torch.equal(FIGURE.edge_index[:, 0::2], FIGURE.edge_index[:, 1::2].flip(0))
    assert torch.equal(FIGURE.edge_index[:, 0:8:2], FIGURE.bone_index)


def test_adjacency_matches_the_edges():
    adjacency = FIGURE.adjacency()
    assert adjacency.dtype == torch.float32
    assert torch.equal(adjacency, adjacency.t())
    assert adjacency.diagonal().sum() == 0
    assert adjacency.sum() == FIGURE.edge_index.size(1)
    assert torch.equal(FIGURE.adjacency(self_loops=True), adjacency + torch.eye(5))


def test_extra_edges_shorten_hops_and_leave_the_tree_alone():
    tree = replace(FIGURE, extra_edges=())
    assert torch.equal(tree.parents, FIGURE.parents)
    assert tree.hops[0].tolist() == [0, 1, 2, 2, 2]
    assert FIGURE.hops[0].tolist() == [0, 1, 2, 1, 1]


def test_hops_agree_with_powers_of_the_adjacency():
    reach = torch.eye(5)
    for distance in range(5):
        assert torch.equal(FIGURE.hops <= distance, reach > 0)
        reach = reach @ FIGURE.adjacency(self_loops=True)


def test_index_takes_names_and_aliases():
    assert FIGURE.index("l_hand") == FIGURE.index("LeftHand") == 3
    with pytest.raises(SkeletonError, match="figure: unknown joint 'tail'; known are hip, neck"):
        FIGURE.index("tail")


def test_a_single_joint_is_a_skeleton():
    dot = Skeleton("dot", ["x"], [], "x")
    assert dot.edge_index.shape == (2, 0)
    assert dot.hops.tolist() == [[0]]
    assert dot.adjacency().tolist() == [[0.0]]
    assert dot.flip_index.tolist() == [0]


def test_from_parents():
    figure = Skeleton.from_parents(
        "figure", FIGURE.joints, FIGURE.parents, left_right=[["l_hand", "r_hand"]]
    )
    assert figure.bones == FIGURE.bones
    assert figure.root == "hip"
    assert figure.left_right == FIGURE.left_right


@pytest.mark.parametrize(
    ("parents", "message"),
    [
        ([-1, 0], "3 joints but 2 parents"),
        ([-1, 0, -1], r"exactly one joint needs the parent -1, found \['a', 'c'\]"),
        ([1, 2, 0], r"exactly one joint needs the parent -1, found \[\]"),
        ([-1, 0, 3], "the parent of 'c' is 3, out of range"),
        ([-1, 0, -2], "the parent of 'c' is -2, out of range"),
        ([-1, 2, 1], "joint 'b' is not connected to the root: cycle b -> c -> b"),
    ],
)
def test_from_parents_names_the_joint_at_fault(parents, message):
    with pytest.raises(SkeletonError, match=message):
        Skeleton.from_parents("abc", ["a", "b", "c"], parents)


def test_from_parents_refuses_an_unknown_field():
    with pytest.raises(TypeError, match="left_rihgt"):
        Skeleton.from_parents("a", ["a"], [-1], left_rihgt=[])


def test_subset_bridges_dropped_joints():
    small = FIGURE.subset(["head", "hip", "LeftHand"])
    assert small.name == "figure-3"
    assert small.joints == ("hip", "head", "l_hand")
    assert small.bones == (("head", "hip"), ("l_hand", "hip"))
    assert small.left_right == ()
    assert small.parts == {"arms": ("l_hand",), "trunk": ("hip",)}
    assert small.center is None
    assert small.extra_edges == ()  # the one to the left hand became a bone
    assert small.aliases == {"LeftHand": "l_hand"}


def test_subset_without_the_root_finds_a_new_one():
    small = FIGURE.subset(["head", "l_hand", "r_hand"], name="ends")
    assert small.name == "ends"
    assert small.root == "head"
    assert small.bones == (("l_hand", "head"), ("r_hand", "head"))
    assert small.left_right == FIGURE.left_right


def test_subset_of_everything_is_the_same_skeleton():
    assert FIGURE.subset(FIGURE.joints, name="figure") == FIGURE


def test_subset_refuses_nothing_and_strangers():
    with pytest.raises(SkeletonError, match="at least one joint"):
        FIGURE.subset([])
    with pytest.raises(SkeletonError, match="unknown joint 'tail'"):
        FIGURE.subset(["hip", "tail"])


def test_map_to_reorders_joints():
    shuffled = Skeleton(
        "s", ["r_hand", "hip", "tail"], [["hip", "r_hand"], ["tail", "hip"]], "r_hand"
    )
    assert FIGURE.map_to(shuffled).tolist() == [4, 0, -1]
    assert shuffled.map_to(FIGURE).tolist() == [1, -1, -1, -1, 0]
    assert FIGURE.map_to(FIGURE).tolist() == [0, 1, 2, 3, 4]


def test_map_to_understands_the_owners_names():
    raw = Skeleton("raw", ["hip", "LeftHand"], [["LeftHand", "hip"]], "hip")
    assert FIGURE.map_to(raw).tolist() == [0, 3]
    assert raw.map_to(FIGURE).tolist() == [0, -1, -1, 1, -1]


def test_equality_counts_every_field():
    same = Skeleton.from_dict(FIGURE.to_dict())
    assert same == FIGURE and hash(same) == hash(FIGURE)
    changes = {
        "name": "other",
        "joints": ("hip", "neck", "head", "r_hand", "l_hand"),
        "bones": (("neck", "hip"), ("head", "hip"), ("l_hand", "neck"), ("r_hand", "neck")),
        "left_right": (("r_hand", "l_hand"),),
        "parts": dict(reversed(FIGURE.parts.items())),  # the numbers of the parts change
        "center": None,
        "extra_edges": FIGURE.extra_edges[:1],
        "aliases": {},
    }
    for key, value in changes.items():
        assert replace(FIGURE, **{key: value}) != FIGURE, key
    assert FIGURE != "figure"


def test_skeletons_are_keys():
    assert {FIGURE: 1}[Skeleton.from_dict(FIGURE.to_dict())] == 1


def test_skeletons_cannot_change():
    with pytest.raises(FrozenInstanceError):
        FIGURE.name = "other"
    with pytest.raises(TypeError, match="assignment"):
        FIGURE.parts["arms"] = ()
    parts = {"trunk": ["hip"]}
    skeleton = Skeleton("s", ["hip"], [], "hip", parts=parts)
    parts["trunk"].append("tail")
    assert skeleton.parts == {"trunk": ("hip",)}


def test_copies():
    FIGURE.hops  # noqa: B018 - fills the cache, which must not travel
    again = pickle.loads(pickle.dumps(FIGURE))
    assert again == FIGURE
    assert "hops" not in vars(again)
    assert copy.deepcopy(FIGURE) is FIGURE
    assert copy.copy(FIGURE) == FIGURE


def test_dict_is_plain_and_lossless():
    content = json.loads(json.dumps(FIGURE.to_dict()))
    assert Skeleton.from_dict(content) == FIGURE
    assert list(Skeleton("dot", ["x"], [], "x").to_dict()) == ["name", "joints", "bones", "root"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"bons": []}, "unknown key 'bons'; did you mean 'bones'?"),
        ({3: []}, "unknown key 3"),
        ({"root": 0}, "root: expected text, found 0; joints are addressed by name"),
        ({"joints": "hip"}, "joints: expected a list, found 'hip'"),
        ({"bones": [[1, 0]]}, "bones: expected text, found 1"),
    ],
)
def test_from_dict_refuses_what_is_no_skeleton(change, message):
    with pytest.raises(SkeletonError, match=message):
        Skeleton.from_dict(FIGURE.to_dict() | change)


def test_from_dict_names_a_missing_key():
    with pytest.raises(SkeletonError, match="the key 'joints' is missing"):
        Skeleton.from_dict({"name": "x", "bones": [], "root": "x"})


def test_repr():
    assert repr(FIGURE) == "Skeleton(figure, joints=5, parts=2)"


def test_the_package_imports_without_plots_and_trainers():
    heavy = "{'matplotlib', 'lightning_fabric', 'jsonargparse', 'sklearn'}"
    code = f"import sys, pyg_skeletonmae as p; print(p.__version__, {heavy} & set(sys.modules))"
    output = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    version, found = output.stdout.strip().split(" ", 1)
    assert version[0].isdigit()
    assert found == "set()"
