"""What GAT has of its own; its parity with PyG stands in test_skeleton_conv.py with the others."""

from __future__ import annotations

import torch
from nn_helpers import CHANNELS, make_tracks, randomize
from torch import nn

from pyg_skeletonmae.nn import SkeletonGATConv

OUT = 8


def test_gat_returns_attention_on_plain_nodes() -> None:
    conv = SkeletonGATConv(CHANNELS, OUT, heads=3)
    graphs = make_tracks(1, 2).frame_graphs()
    out, (edges, alpha) = conv(graphs.x, graphs.edge_index, return_attention_weights=True)
    assert out.shape == (graphs.num_nodes, 3 * OUT)
    assert alpha.shape == (edges.size(1), 3)


def test_gat_dropout_acts_on_the_attention() -> None:
    conv = SkeletonGATConv(CHANNELS, OUT, dropout=1.0)
    randomize(conv)
    tracks = make_tracks(2, 5)
    nothing = conv.bias.expand(2, 6, 5, OUT)
    torch.testing.assert_close(conv(tracks.x, tracks.adjacency), nothing)
    sparse = conv(tracks.x.flatten(0, 1), tracks.edge_index)
    torch.testing.assert_close(sparse, nothing.flatten(0, 1))
    assert not torch.equal(conv.eval()(tracks.x, tracks.adjacency), nothing)


def test_gat_with_weights_for_sources_and_targets() -> None:
    torch.manual_seed(0)
    conv = SkeletonGATConv((CHANNELS, CHANNELS), OUT, heads=2)
    tracks = make_tracks(2, 5)
    dense = conv(tracks.x, tracks.adjacency).flatten(0, 1)
    sparse = conv(tracks.x.flatten(0, 1), tracks.edge_index)
    torch.testing.assert_close(dense, sparse, rtol=1e-5, atol=1e-5)


def test_values_of_the_adjacency_do_not_matter() -> None:
    conv = randomize(SkeletonGATConv(CHANNELS, OUT, heads=2))
    tracks = make_tracks(2, 5)
    out = conv(tracks.x, tracks.adjacency)
    torch.testing.assert_close(conv(tracks.x, -3.0 * tracks.adjacency), out)
    loops = tracks.adjacency + torch.eye(6)
    torch.testing.assert_close(conv(tracks.x, loops), out)


def test_attention_is_a_mean_of_equal_neighbours() -> None:
    conv = SkeletonGATConv(CHANNELS, CHANNELS, bias=False)
    nn.init.eye_(conv.lin.weight)
    nn.init.zeros_(conv.att_src)
    nn.init.zeros_(conv.att_dst)
    tracks = make_tracks(1, 3)
    weight = tracks.adjacency[0] + torch.eye(6)
    mean = torch.einsum("ij,jtc->itc", weight / weight.sum(1, keepdim=True), tracks.x[0])
    torch.testing.assert_close(conv(tracks.x, tracks.adjacency)[0], mean)


def test_joint_without_neighbours_receives_nothing() -> None:
    conv = randomize(SkeletonGATConv(CHANNELS, OUT, add_self_loops=False))
    x = torch.randn(1, 6, 3, CHANNELS, requires_grad=True)
    out = conv(x, torch.zeros(6, 6))
    torch.testing.assert_close(out, conv.bias.expand_as(out))
    out.sum().backward()
    assert x.grad is not None and not x.grad.any()
