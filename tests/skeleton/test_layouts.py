import pytest
import torch
from scipy.sparse.csgraph import connected_components

from pyg_skeletonmae import Skeleton, get_layout, layouts
from pyg_skeletonmae.errors import SkeletonError
from pyg_skeletonmae.layouts import LAYOUTS

BODY_PARTS = ("head", "torso", "left_arm", "right_arm", "left_leg", "right_leg")
BODIES = {name: layout for name, layout in LAYOUTS.items() if name != "hand21"}
every_layout = pytest.mark.parametrize("layout", LAYOUTS.values(), ids=LAYOUTS)
every_body = pytest.mark.parametrize("layout", BODIES.values(), ids=BODIES)


def part_indices(layout):
    return [sorted(layout.index(joint) for joint in joints) for joints in layout.parts.values()]


@every_layout
def test_is_a_connected_tree(layout):
    assert connected_components(layout.adjacency().numpy())[0] == 1
    assert layout.bone_index.shape == (2, layout.num_joints - 1)
    assert (layout.parents == -1).sum() == 1


@every_layout
def test_flipping_twice_changes_nothing(layout):
    flip = layout.flip_index
    assert torch.equal(flip[flip], torch.arange(layout.num_joints))


@every_body
def test_mirroring_keeps_the_graph_and_exchanges_the_parts(layout):
    flip = layout.flip_index
    adjacency = layout.adjacency()
    assert torch.equal(adjacency[flip][:, flip], adjacency)
    swap = torch.tensor([0, 1, 3, 2, 5, 4])
    assert torch.equal(layout.part_index[flip], swap[layout.part_index])


@every_body
def test_pairs_are_named_left_and_right(layout):
    sided = [joint for joint in layout.joints if joint.startswith(("left_", "right_"))]
    assert sorted(joint for pair in layout.left_right for joint in pair) == sorted(sided)
    assert all(a.replace("left_", "right_") == b for a, b in layout.left_right)


@every_layout
def test_parts_cover_every_joint_once(layout):
    assert (layout.part_index >= 0).all()
    assert sum(len(joints) for joints in layout.parts.values()) == layout.num_joints


@every_body
def test_bodies_have_the_six_parts(layout):
    assert layout.part_names == BODY_PARTS


@every_layout
def test_subset_keeps_it_connected(layout):
    generator = torch.Generator().manual_seed(0)
    for _ in range(20):
        order = torch.randperm(layout.num_joints, generator=generator).tolist()
        size = 1 + int(torch.randint(layout.num_joints, (), generator=generator))
        joints = [layout.joints[i] for i in order[:size]]
        small = layout.subset(joints)  # the constructor refuses what is not connected
        assert set(small.joints) == set(joints)
        assert (small.hops >= 0).all()
        assert [layout.joints[i] for i in layout.map_to(small).tolist()] == list(small.joints)


@every_layout
@pytest.mark.parametrize("other", LAYOUTS.values(), ids=LAYOUTS)
def test_mapping_there_and_back(layout, other):
    there, back = layout.map_to(other), other.map_to(layout)
    shared = set(layout.joints) & set(other.joints)
    assert int((there >= 0).sum()) == int((back >= 0).sum()) == len(shared)
    for joint in shared:
        assert there[back[layout.index(joint)]] == layout.index(joint)


def test_a_clip_travels_between_layouts():
    pos = torch.randn(layouts.NTU25.num_joints, 3)
    there = layouts.NTU25.map_to(layouts.KINECT20)
    assert (there >= 0).all()
    kinect = pos[there]
    for joint in layouts.KINECT20.joints:
        assert torch.equal(kinect[layouts.KINECT20.index(joint)], pos[layouts.NTU25.index(joint)])


@every_layout
def test_names_are_canonical_and_aliases_are_the_owners(layout):
    assert all(joint == joint.lower() and joint.isidentifier() for joint in layout.joints)
    assert layout.name == layout.name.lower()
    for alias, joint in layout.aliases.items():
        assert layout.index(alias) == layout.index(joint)


SIZES = {"NTU25": 25, "NTU25_CTRGCN": 25, "KINECT20": 20, "UIPRMD22": 22, "COCO17": 17}
SIZES |= {"COCO17_BODY": 17, "OPENPOSE18": 18, "BODY25": 25, "H36M17": 17, "MEDIAPIPE33": 33}
SIZES |= {"WHOLEBODY133": 133, "HALPE26": 26, "HALPE136": 136}


def test_every_layout_has_its_size_here():
    assert {name.lower() for name in (*SIZES, "HAND21")} == set(LAYOUTS)


@pytest.mark.parametrize("name", [*SIZES, "HAND21"])
def test_get_layout_by_name(name):
    layout = getattr(layouts, name)
    assert get_layout(name.lower()) is get_layout(name) is get_layout(layout) is layout
    assert layout.num_joints == SIZES.get(name, 21)


def test_get_layout_by_path(tmp_path):
    path = tmp_path / "mine.yml"
    layouts.HAND21.to_yaml(path)
    assert get_layout(path) == get_layout(str(path)) == layouts.HAND21
    path.rename(tmp_path / "mine")
    assert get_layout(tmp_path / "mine") == get_layout(f"{tmp_path}/mine") == layouts.HAND21


def test_get_layout_names_the_nearest_and_all():
    with pytest.raises(
        SkeletonError, match="unknown layout 'NTU52'; did you mean 'ntu25'"
    ) as caught:
        get_layout("NTU52")
    assert all(name in str(caught.value) for name in LAYOUTS)
    with pytest.raises(SkeletonError, match=r"mine\.yaml: there is no such file"):
        get_layout("mine.yaml")


# The tables of the sources, written down once more and independently of the module.


def bones_from_one(*pairs):
    return {(child - 1, parent - 1) for child, parent in pairs}


def bones(layout: Skeleton):
    return set(map(tuple, layout.bone_index.t().tolist()))


NTU_BODY = [(1, 2), (2, 21), (3, 21), (4, 3), (5, 21), (6, 5), (7, 6), (8, 7), (9, 21), (10, 9)]
NTU_BODY += [(11, 10), (12, 11), (13, 1), (14, 13), (15, 14), (16, 15), (17, 1), (18, 17)]
NTU_BODY += [(19, 18), (20, 19)]


def test_ntu_wirings():
    tips = [(22, 8), (23, 8), (24, 12), (25, 12)]
    assert bones(layouts.NTU25) == bones_from_one(*NTU_BODY, *tips)
    tips = [(22, 23), (23, 8), (24, 25), (25, 12)]
    assert bones(layouts.NTU25_CTRGCN) == bones_from_one(*NTU_BODY, *tips)
    for layout in (layouts.NTU25, layouts.NTU25_CTRGCN):
        assert layout.index(layout.root) == 20
        assert layout.index(layout.center_joint) == 1
        assert part_indices(layout) == [
            [2, 3],
            [0, 1, 4, 8, 12, 16, 20],
            [5, 6, 7, 21, 22],
            [9, 10, 11, 23, 24],
            [13, 14, 15],
            [17, 18, 19],
        ]


def test_kinect_wiring():
    body = [(1, 2), (2, 3), (4, 3), (5, 3), (6, 5), (7, 6), (8, 7), (9, 3), (10, 9), (11, 10)]
    body += [(12, 11), (13, 1), (14, 13), (15, 14), (16, 15), (17, 1), (18, 17), (19, 18), (20, 19)]
    assert bones(layouts.KINECT20) == bones_from_one(*body)


def test_coco_tree_and_parts():
    tree = [(15, 13), (13, 11), (16, 14), (14, 12), (11, 5), (12, 6), (9, 7), (7, 5), (10, 8)]
    tree += [(8, 6), (5, 0), (6, 0), (1, 0), (3, 1), (2, 0), (4, 2)]
    assert bones(layouts.COCO17) == set(tree)
    assert part_indices(layouts.COCO17) == [
        [0, 1, 2, 3, 4], [5, 6, 11, 12], [7, 9], [8, 10], [13, 15], [14, 16],
    ]  # fmt: skip
    extra = layouts.COCO17_BODY.adjacency() - layouts.COCO17.adjacency()
    assert extra.nonzero().tolist() == [[5, 6], [6, 5], [11, 12], [12, 11]]


def test_uiprmd_parts():
    assert part_indices(layouts.UIPRMD22) == [
        [3, 4, 5], [0, 1, 2, 6, 7, 10, 11, 14, 18], [8, 9], [12, 13], [15, 16, 17], [19, 20, 21],
    ]  # fmt: skip


def test_openpose_wirings():
    tree = [(4, 3), (3, 2), (7, 6), (6, 5), (13, 12), (12, 11), (10, 9), (9, 8), (11, 5), (8, 2)]
    tree += [(5, 1), (2, 1), (0, 1), (15, 0), (14, 0), (17, 15), (16, 14)]
    assert bones(layouts.OPENPOSE18) == set(tree)
    # The pairs drawn by OpenPose, as its documentation lists them (without direction).
    flat = [1, 8, 1, 2, 1, 5, 2, 3, 3, 4, 5, 6, 6, 7, 8, 9, 9, 10, 10, 11, 8, 12, 12, 13, 13, 14]
    flat += [1, 0, 0, 15, 15, 17, 0, 16, 16, 18, 14, 19, 19, 20, 14, 21, 11, 22, 22, 23, 11, 24]
    drawn = {frozenset(pair) for pair in zip(flat[0::2], flat[1::2], strict=True)}
    assert {frozenset(bone) for bone in bones(layouts.BODY25)} == drawn
    assert layouts.BODY25.index("MidHip") == 8
    assert layouts.BODY25.index("LBigToe") == layouts.BODY25.index("left_big_toe") == 19


def test_the_mediapipe_tree_adds_the_mouth_and_breaks_the_cycles():
    chains = [(0, 1), (1, 2), (2, 3), (3, 7), (0, 4), (4, 5), (5, 6), (6, 8), (9, 10), (11, 12)]
    chains += [(11, 13), (13, 15), (15, 17), (15, 19), (15, 21), (17, 19), (12, 14), (14, 16)]
    chains += [(16, 18), (16, 20), (16, 22), (18, 20), (11, 23), (12, 24), (23, 24), (23, 25)]
    chains += [(24, 26), (25, 27), (26, 28), (27, 29), (28, 30), (29, 31), (30, 32), (27, 31)]
    official = {frozenset(pair) for pair in [*chains, (28, 32)]}
    ours = {frozenset(bone) for bone in bones(layouts.MEDIAPIPE33)}
    assert sorted(map(sorted, ours - official)) == [[0, 9], [0, 10], [0, 11], [0, 12]]


def test_hand():
    hand = layouts.HAND21
    assert hand.left_right == ()
    assert hand.part_names == ("palm", "thumb", "index", "middle", "ring", "pinky")
    assert hand.index("INDEX_FINGER_TIP") == 8 and hand.index("PINKY_MCP") == 17
    assert hand.hops[0, [4, 8, 12, 16, 20]].tolist() == [4] * 5


def test_h36m():
    assert layouts.H36M17.parents.tolist() == [
        -1,
        0,
        1,
        2,
        0,
        4,
        5,
        0,
        7,
        8,
        9,
        8,
        11,
        12,
        8,
        14,
        15,
    ]
    assert layouts.H36M17.index("Thorax") == layouts.H36M17.index("chest") == 8


# Pairs of the 68 points of a face, counted from 0, as 300-W and MMPose number them.
FACE_MIRROR = {i: 16 - i for i in range(17)} | {17 + i: 26 - i for i in range(10)}
FACE_MIRROR |= {i: i for i in (27, 28, 29, 30)} | {31 + i: 35 - i for i in range(5)}
FACE_MIRROR |= {36: 45, 37: 44, 38: 43, 39: 42, 40: 47, 41: 46}
FACE_MIRROR |= {45: 36, 44: 37, 43: 38, 42: 39, 47: 40, 46: 41}
FACE_MIRROR |= {48 + i: 54 - i for i in range(7)} | {55 + i: 59 - i for i in range(5)}
FACE_MIRROR |= {60 + i: 64 - i for i in range(5)} | {65 + i: 67 - i for i in range(3)}


def test_wholebody_is_coco_with_feet_a_face_and_two_hands():
    whole = layouts.WHOLEBODY133
    assert whole.joints[:17] == layouts.COCO17.joints
    assert whole.map_to(layouts.COCO17).tolist() == list(range(17))
    assert torch.equal(whole.parents[:17], layouts.COCO17.parents)
    assert whole.index("right_heel") == 22 and whole.index("face-67") == 90
    flip = whole.flip_index
    assert (flip[23:91] - 23).tolist() == [FACE_MIRROR[i] for i in range(68)]
    assert flip[91:112].tolist() == list(range(112, 133))
    assert whole.map_to(layouts.BODY25)[-6:].tolist() == list(range(17, 23))
    assert layouts.MEDIAPIPE33.map_to(whole)[[71, 77, 62, 65]].tolist() == [10, 9, 4, 1]


@pytest.mark.parametrize(("side", "first"), [("left", 91), ("right", 112)])
def test_hands_of_wholebody_are_hand21(side, first):
    whole = layouts.WHOLEBODY133
    assert whole.joints[first] == f"{side}_hand_root"
    assert whole.parents[first] == whole.index(f"{side}_wrist")
    assert (whole.parents[first + 1 : first + 21] - first).tolist() == layouts.HAND21.parents[
        1:
    ].tolist()
    fingers = [f"{side}_{joint}" for joint in layouts.HAND21.joints[1:]]
    assert list(whole.joints[first + 1 : first + 21]) == fingers
    assert whole.index(f"{side}_forefinger4") == first + 8
    assert set(whole.joints[first : first + 21]) <= set(whole.parts[f"{side}_arm"])


def test_halpe_is_coco_with_a_spine_and_feet_and_all_of_wholebody():
    body, whole = layouts.HALPE26, layouts.HALPE136
    assert body.joints[:17] == layouts.COCO17.joints and body.root == "pelvis"
    assert [body.joints[body.index(name)] for name in ("Head", "Neck", "Hip", "LSmallToe")] == [
        "head_top",
        "neck",
        "pelvis",
        "left_small_toe",
    ]
    drawn = [(5, 18), (6, 18), (17, 18), (18, 19), (19, 11), (20, 24), (23, 25), (15, 24)]
    edges = {frozenset(map(body.index, bone)) for bone in body.bones}
    assert edges >= set(map(frozenset, drawn)) and len(edges) == 25
    assert (body.map_to(layouts.BODY25) >= 0).sum() == 25
    assert whole.joints[:26] == body.joints and torch.equal(whole.parents[:26], body.parents)
    other = layouts.WHOLEBODY133
    assert whole.joints[26:] == other.joints[23:] and whole.index("face-67") == 93
    assert dict(other.bones).items() >= {
        (child, parent) for child, parent in whole.bones if child in other.joints[23:]
    }
    assert whole.joints[94] == "left_hand_root" and whole.joints[115] == "right_hand_root"
    assert whole.flip_index[whole.flip_index].tolist() == list(range(136))
