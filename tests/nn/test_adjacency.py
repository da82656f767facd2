from __future__ import annotations

import pytest
import torch
from torch import nn

from pyg_skeletonmae.errors import ConfigError, DataError
from pyg_skeletonmae.layouts import UIPRMD22
from pyg_skeletonmae.models.encoders.graph import GraphStack
from pyg_skeletonmae.nn.adjacency import (
    aggregate,
    graph_mean,
    is_clip,
    is_dense,
    refuse,
    require_sum,
    visible_adjacency,
    visible_edges,
)


def test_is_clip_by_dimensions() -> None:
    assert not is_clip(torch.zeros(6, 4))
    assert not is_clip((torch.zeros(6, 4), None))
    assert is_clip(torch.zeros(6, 3, 4))
    assert is_clip(torch.zeros(2, 6, 3, 4))
    with pytest.raises(DataError, match=r"found the shape \[6\]"):
        is_clip(torch.zeros(6))


def test_is_dense_by_form() -> None:
    tracks, nodes = torch.zeros(2, 6, 3, 4), torch.zeros(12, 3, 4)
    assert is_dense(tracks, torch.zeros(6, 6))
    assert is_dense(tracks, torch.zeros(2, 6, 6, dtype=torch.float64))
    assert not is_dense(nodes, torch.zeros(2, 0, dtype=torch.long))
    with pytest.raises(DataError, match=r"here \[6, 6\] or \[2, 6, 6\]; found torch.int64"):
        is_dense(tracks, torch.zeros(6, 6, dtype=torch.long))
    with pytest.raises(DataError, match="found NoneType"):
        is_dense(nodes, None)


@pytest.mark.parametrize("shape", [(6, 6), (2, 6, 6)])
def test_aggregate_sums_over_the_second_index(shape: tuple[int, ...]) -> None:
    x = torch.randn(2, 6, 3, 4, dtype=torch.float64)
    adjacency = torch.randn(shape, dtype=torch.float64)
    expected = torch.einsum("pij,pjtc->pitc", adjacency.expand(2, 6, 6), x)
    torch.testing.assert_close(aggregate(adjacency, x), expected)
    swapped = x.transpose(1, 2).contiguous().transpose(1, 2)  # another layout of memory
    torch.testing.assert_close(aggregate(adjacency, swapped), expected)
    assert aggregate(adjacency, x.float()).dtype == torch.float32


def test_refusals_name_the_layer_and_the_argument() -> None:
    layer = nn.Identity()
    refuse(layer, size=None)
    with pytest.raises(ConfigError, match="Identity takes no size with clips"):
        refuse(layer, edge_attr=None, size=(1, 2))
    with pytest.raises(ConfigError, match="another aggr needs an edge_index"):
        require_sum(layer)


@pytest.mark.parametrize("masked_edges", [False, True])
@pytest.mark.parametrize("conv", ["gin", "gcn", "gat"])
def test_visible_graphs_are_the_same_dense_and_sparse(conv: str, masked_edges: bool) -> None:
    """Over ``[P * T, V, V]`` and over the edges among visible joints; gradients, too."""
    torch.manual_seed(0)
    visible = torch.rand(2, 22, 3) > 0.5
    adjacency = UIPRMD22.adjacency().double()
    if masked_edges:
        keep = torch.rand(2, 22, 22).triu(1) > 0.3
        adjacency = adjacency * (keep | keep.mT)
    stack = GraphStack(8, 2, conv, norm="layer").double()
    there = visible.transpose(1, 2).flatten(0, 1)
    x = torch.randn(6, 22, 1, 8, dtype=torch.double, requires_grad=True)
    dense = stack(x, visible_adjacency(adjacency, visible))[there]
    dense.square().sum().backward()
    expected = [x.grad, *(p.grad for p in stack.parameters())]
    x.grad = None
    stack.zero_grad()
    sparse = stack(x[there], visible_edges(adjacency, visible))
    torch.testing.assert_close(sparse, dense)
    sparse.square().sum().backward()
    assert x.grad is not None and x.grad[~there].eq(0).all()
    torch.testing.assert_close(x.grad[there], expected[0][there])
    for parameter, gradient in zip(stack.parameters(), expected[1:], strict=True):
        torch.testing.assert_close(parameter.grad, gradient)


def test_the_mean_of_each_graph_in_both_forms() -> None:
    x = torch.randn(3, 4, 5, 2)
    mean = graph_mean(x)
    assert mean.shape == (3, 1, 5, 2)
    graph = torch.arange(3).repeat_interleave(4)
    sparse = graph_mean(x.flatten(0, 1), graph)
    torch.testing.assert_close(sparse, mean.expand_as(x).flatten(0, 1))
    for wrong in ((x.flatten(0, 1), None), (x, graph)):
        with pytest.raises(DataError, match="graph of each node"):
            graph_mean(*wrong)
