import copy

import pytest
import torch
from model_helpers import make_batch
from torch import nn

from pyg_skeletonmae import Skeleton, layouts
from pyg_skeletonmae.errors import ConfigError
from pyg_skeletonmae.models import STGCN, Encoder, STGCNEncoder
from pyg_skeletonmae.models.encoders.st_gcn import STGCNBlock, spatial_partitions
from pyg_skeletonmae.nn.adjacency import visible_adjacency

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


@pytest.mark.parametrize("training", [True, False])
def test_the_subgraph_of_all_tokens_is_the_whole(training: bool) -> None:
    torch.manual_seed(0)
    encoder = STGCNEncoder(layouts.UIPRMD22, 3, [8, 16, 32], global_group=True).train(training)
    pos = torch.randn(4, 22, 16, 3)
    assert encoder.frames_per_token == 4 and encoder.embed_channels == 12
    visible = torch.ones(4, 22, 4, dtype=torch.bool)
    expected = copy.deepcopy(encoder).encode_tracks(pos)
    torch.testing.assert_close(
        encoder.encode_subgraph(pos, visible), expected, rtol=1e-4, atol=1e-5
    )
    torch.testing.assert_close(encoder.mix(encoder.embed(pos)).shape, expected.shape)


def test_hidden_tokens_reach_visible_features_by_exactly_zero() -> None:
    torch.manual_seed(0)
    encoder = STGCNEncoder(layouts.UIPRMD22, 3, [8, 16, 32], global_group=True)
    visible = torch.rand(4, 22, 4) > 0.6
    pos = torch.randn(4, 22, 16, 3, requires_grad=True)
    features = encoder.encode_subgraph(pos, visible)
    assert features[~visible].eq(0).all() and features[visible].ne(0).any(-1).all()
    features.square().sum().backward()
    frames = visible.repeat_interleave(4, 2)
    assert pos.grad is not None and pos.grad[~frames].eq(0).all()
    other = torch.where(frames[..., None], pos.detach(), 1e3)
    assert torch.equal(encoder.encode_subgraph(other, visible), features)


def test_means_run_over_visible_neighbours() -> None:
    """As over an adjacency of each frame whose rows are divided by the visible neighbours."""
    torch.manual_seed(0)
    partitions = spatial_partitions(layouts.UIPRMD22)
    block = STGCNBlock(4, 8, partitions).eval()
    nn.init.normal_(block.importance)
    x, visible = torch.randn(2, 22, 6, 4), torch.rand(2, 22, 6) > 0.5
    x = x * visible[..., None]
    frames = x.transpose(1, 2).reshape(12, 22, 1, 4)
    h = torch.zeros(12, 22, 1, 8)
    for conv, group, weight in zip(block.convs, partitions, block.importance, strict=True):
        shown = visible_adjacency(group, visible)
        rows = shown / shown.sum(-1, keepdim=True).clamp_min(1e-9)
        h = h + conv(frames, rows * weight)
    h = h.view(2, 6, 22, 8).transpose(1, 2)
    h = torch.relu(block.norm(h)) * visible[..., None]
    expected = torch.relu(block.temporal(h, visible) + block.residual(x)) * visible[..., None]
    torch.testing.assert_close(block(x, visible), expected, rtol=1e-4, atol=1e-5)
