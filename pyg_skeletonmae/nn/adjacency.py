"""What the skeleton convolutions share: telling the forms of input apart, summing neighbours."""

from __future__ import annotations

import torch
from torch import Tensor
from torch_geometric.utils import scatter

from pyg_skeletonmae.errors import ConfigError, DataError


def is_clip(x: object) -> bool:
    """Whether node features carry a time axis: ``[N, T, C]`` or ``[P, V, T, C]``.

    Everything else, bipartite pairs included, is PyG's own business.

    Raises:
        DataError: ``x`` is a tensor of another number of dimensions than 2, 3 or 4.
    """
    if not isinstance(x, Tensor) or x.dim() == 2:
        return False
    if x.dim() not in (3, 4):
        raise DataError(
            f"node features are [N, C], [N, T, C] or [P, V, T, C], found the shape {list(x.shape)}"
        )
    return True


def is_dense(x: Tensor, edges: object) -> bool:
    """Whether a clip comes as tracks with an adjacency (True) or as nodes with edges (False).

    Args:
        x: Node features ``[N, T, C]`` or ``[P, V, T, C]``.
        edges: ``[2, E]``, long, for the former; ``[V, V]`` or ``[P, V, V]``, float, for the latter.

    Raises:
        DataError: The shapes or dtypes do not fit together.
    """
    form = type(edges).__name__
    if isinstance(edges, Tensor):
        form = f"{edges.dtype} of shape {list(edges.shape)}"
    shapes = f"found {form} for node features {list(x.shape)}"
    if not isinstance(edges, Tensor) or edges.layout != torch.strided:
        raise DataError(f"a clip takes a dense tensor of edges or an adjacency, {shapes}")
    if x.dim() == 3:
        if edges.dtype != torch.long or edges.dim() != 2 or edges.size(0) != 2:
            raise DataError(f"nodes [N, T, C] take an edge_index [2, E], long; {shapes}")
        return False
    tracks, joints = x.shape[:2]
    square = (joints, joints)
    if not edges.is_floating_point() or edges.shape not in (square, (tracks, *square)):
        raise DataError(
            f"tracks [P, V, T, C] take a float adjacency [V, V] or [P, V, V], "
            f"here [{joints}, {joints}] or [{tracks}, {joints}, {joints}]; {shapes}"
        )
    return True


def aggregate(adjacency: Tensor, x: Tensor, onto: Tensor | None = None) -> Tensor:
    r"""The sum over neighbours, :math:`\mathbf{x}^{\prime}_i = \sum_j A_{ij} \mathbf{x}_j`.

    One matrix product per track over all frames and channels at once. On a CPU ``einsum`` would
    permute, and ``matmul`` of one adjacency would copy all tracks into one long matrix: twice the
    time.

    Args:
        adjacency: ``[V, V]`` or ``[P, V, V]``.
        x: ``[P, V, T, C]``.
        onto: What the sums are added to, in its place, ``[P, V, T, C]``; none: zero.
    """
    own = adjacency.to(x.dtype).expand(x.size(0), -1, -1)
    if onto is not None:
        return onto.flatten(2).baddbmm_(own, x.flatten(2)).view(x.shape)
    return torch.bmm(own, x.flatten(2)).view(x.shape)


def visible_adjacency(adjacency: Tensor, visible: Tensor) -> Tensor:
    """The adjacency of each frame ``[P * T, V, V]`` without the edges of hidden joints.

    Args:
        adjacency: ``[V, V]`` or ``[P, V, V]``.
        visible: ``[P, V, T]``, bool.
    """
    tracks, joints, frames = visible.shape
    there = visible.transpose(1, 2).to(adjacency.dtype)
    own = adjacency.expand(tracks, joints, joints)[:, None]
    both = there[..., :, None] * there[..., None, :]
    return (own * both).reshape(tracks * frames, joints, joints)


def visible_edges(adjacency: Tensor, visible: Tensor) -> Tensor:
    """The edges ``[2, E]`` among visible joints, which are numbered frame by frame.

    The sparse form of :func:`visible_adjacency`: joint ``visible.transpose(1, 2).nonzero()[n]`` is
    node ``n``.

    Args:
        adjacency: ``[V, V]`` or ``[P, V, V]``, of ones and zeros.
        visible: ``[P, V, T]``, bool.
    """
    there = visible.transpose(1, 2).flatten(0, 1)
    number = there.flatten().cumsum(0).view_as(there) - 1
    frame, to, source = visible_adjacency(adjacency, visible).nonzero(as_tuple=True)
    return torch.stack([number[frame, source], number[frame, to]])


def graph_mean(x: Tensor, graph: Tensor | None = None) -> Tensor:
    """The mean over the nodes of each graph, at each of its nodes or for all of them to share.

    Args:
        x: Tracks ``[P, V, T, C]``, each a graph; or nodes ``[N, T, C]``.
        graph: The graph of each node ``[N]``, long, in rising order.

    Returns:
        ``[P, 1, T, C]``, or ``[N, T, C]``.

    Raises:
        DataError: Nodes come without their graphs, or tracks with some.
    """
    if (x.dim() == 3) != (graph is not None):
        raise DataError(f"the graph of each node is for nodes [N, T, C], found {list(x.shape)}")
    if graph is None:
        return x.mean(1, keepdim=True)
    return scatter(x, graph, dim=0, reduce="mean")[graph]


def refuse(conv: torch.nn.Module, **arguments: object) -> None:
    """Raises a :class:`ConfigError` for an argument of PyG's layer that has no meaning on clips."""
    for name, value in arguments.items():
        if value is not None:
            raise ConfigError(f"{type(conv).__name__} takes no {name} with clips")


def require_sum(conv: torch.nn.Module) -> None:
    """Raises a :class:`ConfigError` if a convolution on a dense adjacency is to do but sum."""
    if getattr(conv, "aggr", None) not in ("add", "sum"):
        raise ConfigError(
            f"{type(conv).__name__} sums over a dense adjacency; another aggr needs an edge_index"
        )
