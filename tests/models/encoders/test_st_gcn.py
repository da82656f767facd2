import pytest
import torch
from model_helpers import make_batch

from pyg_skeletonmae import Skeleton, layouts
from pyg_skeletonmae.errors import ConfigError
from pyg_skeletonmae.models import STGCN, Encoder, STGCNEncoder
from pyg_skeletonmae.models.encoders.st_gcn import STGCNBlock, spatial_partitions

SKELETON = layouts.UIPRMD22


def test_neighbours_fall_into_the_joint_itself_the_inner_and_the_outer_ones() -> None:
    star = Skeleton.from_parents("star", ["hub", "arm", "hand", "leg"], [-1, 0, 1, 0])
    itself, inner, outer = spatial_partitions(star)
    assert torch.equal(itself, torch.eye(4))
    assert inner.tolist() == [[0, 0, 0, 0], [1, 0, 0, 0], [0, 1, 0, 0], [1, 0, 0, 0]]
    assert outer.tolist() == [[0, 0.5, 0, 0.5], [0, 0, 1, 0], [0, 0, 0, 0], [0, 0, 0, 0]]


def test_every_bone_is_in_one_group_for_each_of_its_ends() -> None:
    groups = spatial_partitions(SKELETON)[1:] > 0
    assert torch.equal(groups.any(0), SKELETON.adjacency() > 0)
    assert not groups.all(0).any()


def test_a_block_sums_over_groups_as_written() -> None:
    torch.manual_seed(0)
    partitions = spatial_partitions(SKELETON)
    block = STGCNBlock(8, 8, partitions).eval()
    torch.nn.init.uniform_(block.importance)
    seen = []
    block.norm.register_forward_pre_hook(lambda module, inputs: seen.append(inputs[0]))
    x = torch.randn(2, SKELETON.num_joints, 6, 8)
    block(x)
    weights = torch.stack([conv.lin.weight for conv in block.convs])  # [K, D, C]
    expected = torch.einsum("kuv,pvtc,kdc->putd", partitions * block.importance, x, weights)
    torch.testing.assert_close(seen[0], expected, rtol=1e-4, atol=1e-5)


def test_time_is_halved_where_the_width_grows() -> None:
    encoder = STGCNEncoder(SKELETON, 3, [8, 8, 16, 16])
    assert isinstance(encoder, Encoder)
    assert encoder(make_batch(SKELETON)).shape == (7, SKELETON.num_joints, 4, 16)
    assert repr(encoder) == "STGCNEncoder(uiprmd22, hidden=16, blocks=4)"


def test_the_papers_blocks() -> None:
    encoder = STGCNEncoder(SKELETON)
    assert [block.stride for block in encoder.blocks] == [1, 1, 1, 1, 2, 1, 1, 2, 1, 1]
    assert encoder.out_channels == 256


def test_needs_a_block() -> None:
    with pytest.raises(ConfigError, match="at least one block"):
        STGCNEncoder(SKELETON, channels=[])


def test_classifier() -> None:
    model = STGCN(SKELETON, 3, 5, [8], joints="concat", segments=2)
    assert model(make_batch(SKELETON))["logits"].shape[1] == 5
    assert repr(model) == f"STGCN({model.encoder!r}, classes=5)"
