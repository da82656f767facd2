import torch

from pyg_skeletonmae import Skeleton
from pyg_skeletonmae.layouts import NTU25
from pyg_skeletonmae.skeleton.graph import distances, subset_fields

RING = torch.tensor([[0, 1, 1, 2, 2, 3, 3, 0], [1, 0, 2, 1, 3, 2, 0, 3]])


def test_distances_in_a_ring():
    assert distances(RING, 4).tolist() == [[0, 1, 2, 1], [1, 0, 1, 2], [2, 1, 0, 1], [1, 2, 1, 0]]


def test_distances_are_a_metric_on_a_body():
    hops = distances(NTU25.edge_index, NTU25.num_joints)
    assert torch.equal(hops, hops.t())
    assert torch.equal(hops == 1, NTU25.adjacency() > 0)
    assert (hops[:, None] <= hops[:, :, None] + hops).all()
    assert hops[NTU25.index("left_hand_tip"), NTU25.index("right_foot")] == 11


def test_subset_fields_hang_orphans_from_the_shallowest_joint():
    fields = subset_fields(NTU25, {"left_wrist", "left_hand_tip", "left_foot", "right_hip"}, "few")
    few = Skeleton(**fields)
    assert few.root == "left_wrist"  # three bones below the old root, like the hip after it
    assert few.bones == (
        ("left_foot", "left_wrist"),
        ("right_hip", "left_wrist"),
        ("left_hand_tip", "left_wrist"),
    )
    assert few.part_names == ("torso", "left_arm", "left_leg")
    assert few.aliases["WristLeft"] == "left_wrist"
