from __future__ import annotations

import pytest
import torch
from evaluation_helpers import batches, clip
from protocol_helpers import small_encoder
from torch_geometric.data import Batch
from transforms_helpers import make_clip

from pyg_skeletonmae.errors import CheckpointError, SkeletonError
from pyg_skeletonmae.evaluation import bridge
from pyg_skeletonmae.layouts import NTU25, UIPRMD22
from pyg_skeletonmae.models import GraphEncoder, STEncoder, STTFormerEncoder
from pyg_skeletonmae.skeleton import Skeleton


def test_joint_vectors_go_by_their_names():
    torch.manual_seed(0)
    encoder = GraphEncoder(UIPRMD22, hidden_channels=8, depth=1, joint_embedding=True).eval()
    other = bridge(encoder, NTU25)
    assert other.skeleton == NTU25 and encoder.skeleton == UIPRMD22
    for joint in ("head", "left_knee"):
        theirs = other.joint_embedding[NTU25.index(joint)]
        assert torch.equal(theirs, encoder.joint_embedding[UIPRMD22.index(joint)])
    torch.testing.assert_close(other.embed.weight, encoder.embed.weight)
    out = other(Batch.from_data_list([make_clip(persons=2, skeleton=NTU25)]))
    assert out.shape == (2, NTU25.num_joints, 9, 8)


def test_a_transformer_too():
    encoder = STEncoder(UIPRMD22, frames=8, frames_per_patch=4, hidden_channels=8, depth=1, heads=2)
    other = bridge(encoder, NTU25)
    out = other(Batch.from_data_list([make_clip(frames=8, skeleton=NTU25)]))
    assert out.shape == (1, NTU25.num_joints, 2, 8)
    index = NTU25.index("head"), UIPRMD22.index("head")
    assert torch.equal(other.position.joint[index[0]], encoder.position.joint[index[1]])


def test_an_encoder_moved_there_and_back_is_the_same():
    """All joints of the small skeleton are in the large one, so nothing is lost."""
    small = UIPRMD22.subset(["pelvis", "spine", "chest", "left_hip", "right_hip", "left_knee"])
    encoder = GraphEncoder(small, hidden_channels=8, depth=2, joint_embedding=True).eval()
    back = bridge(bridge(encoder, UIPRMD22), small)
    (batch,) = batches([clip(torch.randn(1, small.num_joints, 4, 3))], 1)
    torch.testing.assert_close(back(batch), encoder(batch), rtol=0, atol=0)


def test_equal_joints_and_skeletons_that_cannot_be_bridged():
    encoder = small_encoder()
    assert bridge(encoder, UIPRMD22) is encoder
    with pytest.raises(SkeletonError, match="no common joint"):
        bridge(encoder, Skeleton("other", ("a", "b"), (("b", "a"),), root="a"))
    former = STTFormerEncoder(UIPRMD22, frames=6, tuple_frames=3, channels=((4, 4, 2),))
    with pytest.raises(CheckpointError, match="joints: uiprmd22"):
        bridge(former, NTU25)
