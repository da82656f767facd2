import copy

import pytest
import torch
from model_helpers import make_batch

from pyg_skeletonmae import layouts
from pyg_skeletonmae.errors import ConfigError, DataError
from pyg_skeletonmae.models import Encoder, GraphTemporalEncoder
from pyg_skeletonmae.nn.norm import AxisNorm, Norm

SKELETON = layouts.UIPRMD22


def make_encoder(**arguments: object) -> GraphTemporalEncoder:
    torch.manual_seed(0)
    fixed = {"frames": 16, "hidden_channels": 8, "depth": 2, **arguments}
    return GraphTemporalEncoder(SKELETON, 3, **fixed)


def test_a_token_is_a_few_frames_of_a_joint() -> None:
    encoder = make_encoder(frames=8, frames_per_patch=2)
    assert isinstance(encoder, Encoder)
    assert encoder(make_batch(SKELETON)).shape == (7, SKELETON.num_joints, 4, 8)
    assert encoder.frames_per_token == 2 and encoder.embed_channels == 8


def test_tokens_are_normalised_coordinates_with_vectors_of_joint_and_time() -> None:
    encoder = make_encoder().eval()
    mean = torch.randn(22 * 3)
    encoder.data_norm.running_mean = mean
    pos = torch.randn(2, 22, 16, 3)
    x = (pos[1, 5, 4:8] - mean.view(22, 3)[5]) / (1 + encoder.data_norm.eps) ** 0.5
    expected = encoder.patch.proj(x.flatten()) + encoder.position.joint[5]
    expected = expected + encoder.position.time[1]
    torch.testing.assert_close(encoder.embed(pos)[1, 5, 1], expected)


def test_all_joints_may_be_normalised_by_the_same_numbers() -> None:
    encoder = make_encoder(data_norm="axis")
    assert isinstance(encoder.data_norm, AxisNorm) and encoder.data_norm.num_features == 3
    pos = torch.randn(2, 22, 16, 3)
    x = (pos - pos.mean((0, 1, 2))) / pos.std((0, 1, 2), correction=0)
    expected = encoder.patch(x).view(2, 22, 4, 8) + encoder.position().view(22, 4, 8)
    torch.testing.assert_close(encoder.embed(pos), expected, rtol=1e-4, atol=1e-4)


def test_each_joint_may_have_a_gain_of_its_own() -> None:
    encoder = make_encoder(joint_gain=True).eval()
    plain = copy.deepcopy(encoder)
    plain.gain = None
    assert encoder.gain is not None and make_encoder().gain is None
    pos, visible = torch.randn(2, 22, 16, 3), torch.rand(2, 22, 4) > 0.5
    expected = plain.encode_tracks(pos) * encoder.gain
    torch.testing.assert_close(encoder.encode_tracks(pos), expected)
    torch.testing.assert_close(encoder.hidden_states(pos, 2)[1], expected.flatten(1, 2))
    torch.testing.assert_close(
        encoder.inference().encode_tracks(pos), expected, atol=1e-5, rtol=1e-4
    )
    subgraph = plain.encode_subgraph(pos, visible) * encoder.gain
    torch.testing.assert_close(encoder.encode_subgraph(pos, visible), subgraph)


@pytest.mark.parametrize(("global_group", "reach"), [(False, 1), (True, 22)])
def test_a_block_reaches_the_neighbours_or_all_joints(global_group: bool, reach: int) -> None:
    encoder = make_encoder(depth=1, global_group=global_group).eval()
    pos = torch.randn(1, 22, 16, 3, requires_grad=True)
    hand = SKELETON.hops[0].argmax()
    encoder.encode_tracks(pos)[0, hand, 1].sum().backward()
    assert pos.grad is not None
    seen = pos.grad[0].abs().sum(-1) > 0
    near = SKELETON.hops[hand] <= reach
    assert torch.equal(seen.any(1), near)
    assert seen[hand, :12].all() and not seen[:, 12:].any()  # three steps of time


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("norm", ["batch", "layer"])
def test_the_subgraph_of_all_tokens_is_the_whole(norm: Norm, training: bool) -> None:
    encoder = make_encoder(norm=norm).train(training)
    pos = torch.randn(4, 22, 16, 3)
    visible = torch.ones(4, 22, 4, dtype=torch.bool)
    expected = copy.deepcopy(encoder).encode_tracks(pos)
    torch.testing.assert_close(
        encoder.encode_subgraph(pos, visible), expected, rtol=1e-4, atol=1e-5
    )


@pytest.mark.parametrize("arguments", [{}, {"norm": "layer"}, {"data_norm": "axis"}])
def test_hidden_tokens_reach_visible_features_by_exactly_zero(arguments: dict[str, str]) -> None:
    encoder = make_encoder(**arguments)
    visible = torch.rand(4, 22, 4) > 0.6
    pos = torch.randn(4, 22, 16, 3, requires_grad=True)
    features = encoder.encode_subgraph(pos, visible)
    assert features[~visible].eq(0).all() and features[visible].ne(0).any(-1).all()
    features.square().sum().backward()
    frames = visible.repeat_interleave(4, 2)
    assert pos.grad is not None and pos.grad[~frames].eq(0).all()
    assert pos.grad[frames].ne(0).any()
    other = torch.where(frames[..., None], pos.detach(), 1e3)
    assert torch.equal(encoder.encode_subgraph(other, visible), features)


def test_hidden_states_are_those_of_the_last_blocks() -> None:
    encoder = make_encoder(depth=3).eval()
    pos = torch.randn(2, 22, 16, 3)
    states = encoder.hidden_states(pos, 2)
    assert encoder.num_states == 3 and len(states) == 2
    torch.testing.assert_close(states[-1], encoder.encode_tracks(pos).flatten(1, 2))


def test_what_is_refused() -> None:
    with pytest.raises(ConfigError, match="depth 0: expected at least one block"):
        make_encoder(depth=0)
    with pytest.raises(ConfigError, match="kernel_size 2 must be odd"):
        make_encoder(kernel_size=2)
    with pytest.raises(ConfigError, match="no whole number of patches"):
        make_encoder(frames=15)
    with pytest.raises(DataError, match=r"Resample\(16\)"):
        make_encoder()(make_batch(SKELETON, frames=12))


def test_repr() -> None:
    assert repr(make_encoder()) == (
        "GraphTemporalEncoder(uiprmd22, channels=3, frames=16, frames_per_patch=4, hidden=8, "
        "depth=2)"
    )
