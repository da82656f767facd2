import pytest
import torch
from model_helpers import assert_gradients, make_batch

from pyg_skeletonmae import layouts
from pyg_skeletonmae.draws import Draws
from pyg_skeletonmae.errors import DataError
from pyg_skeletonmae.models import Encoder, GraphEncoder
from pyg_skeletonmae.models.encoders.graph import Conv, GraphStack, graph_conv
from pyg_skeletonmae.transforms.masking import draw_edge_mask

SKELETON = layouts.UIPRMD22


@pytest.mark.parametrize("conv", ["gin", "gcn", "gat"])
def test_shapes_and_gradients(conv: Conv) -> None:
    encoder = GraphEncoder(SKELETON, hidden_channels=16, depth=2, conv=conv)
    batch = make_batch(SKELETON)
    out = encoder(batch)
    assert out.shape == (7, SKELETON.num_joints, 8, 16)
    assert isinstance(encoder, Encoder)
    out.square().sum().backward()
    assert_gradients(encoder)
    torch.testing.assert_close(out, encoder.encode_tracks(batch.pos.view(7, -1, 8, 3)))


def test_frames_do_not_see_each_other() -> None:
    encoder = GraphEncoder(SKELETON, hidden_channels=16).eval()
    pos = torch.randn(2, SKELETON.num_joints, 6, 3)
    torch.testing.assert_close(
        encoder.encode_tracks(pos)[:, :, 3:4], encoder.encode_tracks(pos[:, :, 3:4])
    )


@pytest.mark.parametrize("conv", ["gin", "gcn", "gat"])
def test_dense_stack_equals_the_sparse_definition(conv: Conv) -> None:
    layer = graph_conv(conv, 16).eval()
    batch = make_batch(SKELETON, (1, 2, 5))
    x = torch.randn(batch.num_nodes, 4, 16)
    dense = layer(x.view(8, -1, 4, 16), SKELETON.adjacency())
    torch.testing.assert_close(
        dense.flatten(0, 1), layer(x, batch.edge_index), atol=1e-5, rtol=1e-5
    )


@pytest.mark.parametrize("conv", ["gin", "gcn", "gat"])
def test_the_global_group_is_the_same_in_both_forms(conv: Conv) -> None:
    torch.manual_seed(0)
    stack = GraphStack(16, 2, conv, global_group=True)
    batch = make_batch(SKELETON, (1, 2, 5))
    x, weight = torch.randn(2, batch.num_nodes, 4, 16)
    graph = torch.arange(8).repeat_interleave(SKELETON.num_joints)
    grads = []
    for form in ("dense", "sparse"):
        own = x.clone().requires_grad_()
        stack.zero_grad()
        if form == "dense":
            out = stack(own.view(8, -1, 4, 16), SKELETON.adjacency()).flatten(0, 1)
        else:
            out = stack(own, batch.edge_index, graph)
        (out * weight).sum().backward()
        assert_gradients(stack)
        grads.append([out.detach(), own.grad, *(p.grad.clone() for p in stack.parameters())])
    for dense, sparse in zip(*grads, strict=True):
        torch.testing.assert_close(dense, sparse, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("hidden", ["token", "drop"])
def test_the_global_group_brings_all_joints_one_step_apart(hidden: str) -> None:
    torch.manual_seed(0)
    encoder = GraphEncoder(SKELETON, hidden_channels=16, depth=1, norm="layer", global_group=True)
    pos = torch.randn(2, SKELETON.num_joints, 5, 3, requires_grad=True)
    visible = torch.ones(pos.shape[:-1], dtype=torch.bool)
    if hidden == "drop":
        visible = torch.rand(pos.shape[:-1]) > 0.3
        visible[0, 0, 2] = True
    out = encoder.encode_subgraph(pos, visible) if hidden == "drop" else encoder.encode_tracks(pos)
    out[0, 0, 2].square().sum().backward()
    reached = pos.grad.ne(0).any(-1)
    expected = torch.zeros_like(visible)
    expected[0, :, 2] = visible[0, :, 2]
    assert torch.equal(reached, expected)


def test_without_a_global_group_nothing_is_drawn_for_it() -> None:
    states = []
    for options in ({}, {"global_group": False}):
        torch.manual_seed(0)
        states.append(GraphEncoder(SKELETON, hidden_channels=16, **options).state_dict())
    assert not [name for name in states[0] if "everyone" in name]
    torch.testing.assert_close(*states, rtol=0, atol=0)


def test_masked_edges_equal_a_graph_without_them() -> None:
    encoder = GraphEncoder(SKELETON, hidden_channels=16)
    batch = make_batch(SKELETON)
    edge_mask = draw_edge_mask(SKELETON, 0.4, Draws.from_generator(7))
    adjacency = encoder.masked_adjacency(edge_mask)
    assert adjacency.shape == (7, SKELETON.num_joints, SKELETON.num_joints)
    torch.testing.assert_close(adjacency, adjacency.transpose(1, 2))
    layer = graph_conv("gin", 16).eval()
    x = torch.randn(batch.num_nodes, 4, 16)
    sparse = layer(x, batch.edge_index[:, ~edge_mask])
    dense = layer(x.view(7, -1, 4, 16), adjacency)
    torch.testing.assert_close(dense.flatten(0, 1), sparse, atol=1e-5, rtol=1e-5)


def test_layer_norm_and_residual_do_not_look_at_other_clips() -> None:
    encoder = GraphEncoder(SKELETON, norm="layer", residual=True, hidden_channels=16)
    pos = torch.randn(3, SKELETON.num_joints, 4, 3)
    torch.testing.assert_close(encoder.encode_tracks(pos)[1:2], encoder.encode_tracks(pos[1:2]))


def test_repr() -> None:
    assert repr(GraphEncoder(SKELETON)) == (
        "GraphEncoder(uiprmd22, channels=3, hidden=64, depth=3, conv=SkeletonGINConv)"
    )


@pytest.mark.parametrize("conv", ["gin", "gcn", "gat"])
@pytest.mark.parametrize("everyone", [False, True])
def test_subgraphs_of_visible_joints(conv: str, everyone: bool) -> None:
    """All visible: the whole; else hidden joints reach visible features by exactly 0.0."""
    torch.manual_seed(0)
    options = {"conv": conv, "joint_embedding": True, "global_group": everyone}
    encoder = GraphEncoder(layouts.UIPRMD22, 3, 8, **options)
    pos = torch.randn(3, 22, 5, 3)
    everything = torch.ones(3, 22, 5, dtype=torch.bool)
    torch.testing.assert_close(
        encoder.encode_subgraph(pos, everything), encoder.encode_tracks(pos), rtol=1e-4, atol=1e-5
    )
    visible = torch.rand(3, 22, 5) > 0.5
    features = encoder.encode_subgraph(pos, visible)
    assert features[~visible].eq(0).all() and features[visible].ne(0).any(-1).all()
    other = torch.where(visible[..., None], pos, 1e3)
    assert torch.equal(encoder.encode_subgraph(other, visible), features)
    with pytest.raises(DataError, match="none is left to see"):
        encoder.encode_subgraph(pos, torch.zeros_like(visible))


def test_hidden_states_end_in_the_features() -> None:
    encoder = GraphEncoder(layouts.UIPRMD22, 3, 8, joint_embedding=True).eval()
    pos = torch.randn(3, 22, 5, 3)
    states = encoder.hidden_states(pos, 2)
    assert len(states) == 2 and encoder.num_states == 3
    torch.testing.assert_close(states[-1], encoder.encode_tracks(pos).flatten(1, 2))
