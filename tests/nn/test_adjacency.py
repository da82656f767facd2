from __future__ import annotations

import pytest
import torch
from torch import nn

from pyg_skeletonmae.errors import ConfigError, DataError
from pyg_skeletonmae.nn.adjacency import aggregate, is_clip, is_dense, refuse, require_sum


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
