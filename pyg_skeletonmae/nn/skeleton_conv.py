r"""GIN and GCN on skeleton clips: PyG's layers, made safe for a time axis and fast on tracks.

PyG's own layers do not take ``[N, T, C]``: the batch norm inside GIN's MLP reads ``T`` as channels
(silently wrong where ``T = C``), GCN's edge weights do not broadcast over ``T`` (silently wrong
where ``T = E``). :class:`~pyg_skeletonmae.nn.SkeletonGATConv` completes the family.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch_geometric.nn import GCNConv, GINConv
from torch_geometric.nn.conv.gcn_conv import gcn_norm

from pyg_skeletonmae.errors import ConfigError
from pyg_skeletonmae.nn.adjacency import aggregate, is_clip, is_dense, refuse, require_sum


class SkeletonGINConv(GINConv):
    r"""The graph isomorphism operator from the `"How Powerful are Graph Neural Networks?"
    <https://arxiv.org/abs/1810.00826>`_ paper, on the frames of skeleton clips.

    .. math::
        \mathbf{x}^{\prime}_{i,t} = h_{\mathbf{\Theta}} \left( (1 + \epsilon) \cdot
        \mathbf{x}_{i,t} + \sum_{j} A_{ij} \, \mathbf{x}_{j,t} \right)

    A drop-in for :class:`torch_geometric.nn.GINConv`: same constructor, same ``state_dict``, and on
    2-D input the same computation. :math:`h_{\mathbf{\Theta}}` always sees ``[-1, C]``, so a batch
    norm in it normalises channels, over all joints and frames.

    Args:
        nn: The network :math:`h_{\mathbf{\Theta}}` from ``[-1, in_channels]`` to
            ``[-1, out_channels]``. As in PyG, its parameters are initialised anew: load weights
            afterwards.
        eps: The initial :math:`\epsilon`. (default: ``0.``)
        train_eps: Whether :math:`\epsilon` is trained. (default: ``False``)
        **kwargs: Arguments of :class:`torch_geometric.nn.conv.MessagePassing`.

    Shapes:
        - **input:** tracks :math:`(P, V, T, C_{in})` with a float adjacency :math:`(V, V)` or
          :math:`(P, V, V)`; nodes :math:`(N, T, C_{in})` with an edge index :math:`(2, E)`; or any
          input of PyG's layer
        - **output:** the input's shape with :math:`C_{out}` channels

    Raises:
        DataError: The edges do not have the form that belongs to the input.
        ConfigError: ``size`` with a clip, or another ``aggr`` than a sum with an adjacency.
    """

    def forward(self, x: Any, edge_index: Any, size: tuple[int, int] | None = None) -> Tensor:
        """The convolved features, see the class."""
        if not is_clip(x):
            return super().forward(x, edge_index, size)
        refuse(self, size=size)
        h: Tensor = self.nn(self.neighbour_sums(x, edge_index).flatten(0, -2))
        return h.view(*x.shape[:-1], h.size(-1))

    def neighbour_sums(self, x: Tensor, edge_index: Tensor) -> Tensor:
        r"""What :math:`h_{\mathbf{\Theta}}` maps, of a clip: of its shape."""
        if is_dense(x, edge_index):
            require_sum(self)
            eye = torch.eye(x.size(1), dtype=edge_index.dtype, device=edge_index.device)
            return aggregate(edge_index + (1 + self.eps) * eye, x)
        flat = x.flatten(1)  # time becomes channels: messages are the same for every frame
        out: Tensor = self.propagate(edge_index, x=(flat, flat), size=None).view(x.shape)
        return out + (1 + self.eps) * x


class SkeletonGCNConv(GCNConv):
    r"""The graph convolutional operator from the `"Semi-supervised Classification with Graph
    Convolutional Networks" <https://arxiv.org/abs/1609.02907>`_ paper, on the frames of clips.

    .. math::
        \mathbf{X}^{\prime}_t = \mathbf{\hat{D}}^{-1/2} \mathbf{\hat{A}}
        \mathbf{\hat{D}}^{-1/2} \mathbf{X}_t \mathbf{\Theta}, \qquad
        \mathbf{\hat{A}} = \mathbf{A} + \mathbf{I}

    A drop-in for :class:`torch_geometric.nn.GCNConv`: same constructor, same ``state_dict``, and on
    2-D input the same computation. A dense adjacency is normalised as PyG normalises edges; its
    non-zero diagonal entries count as self-loops that are there already.

    Args:
        in_channels: Size of each input feature, or ``-1`` to derive it from the first input.
        out_channels: Size of each output feature.
        improved: Whether :math:`\mathbf{\hat{A}}` is :math:`\mathbf{A} + 2\mathbf{I}`. PyG heeds it
            only where there are edge weights, so on plain nodes it does here, too; on clips it
            always holds. (default: ``False``)
        cached: Whether the normalisation of the first *edge index* is kept for all later ones;
            an adjacency is always normalised, which costs next to nothing. (default: ``False``)
        add_self_loops: Whether self-loops are added; by default, if ``normalize``.
        normalize: Whether to add self-loops and normalise. (default: ``True``)
        bias: Whether the layer learns an additive bias. (default: ``True``)
        **kwargs: Arguments of :class:`torch_geometric.nn.conv.MessagePassing`.

    Shapes:
        - **input:** tracks :math:`(P, V, T, C_{in})` with a float adjacency :math:`(V, V)` or
          :math:`(P, V, V)`; nodes :math:`(N, T, C_{in})` with an edge index :math:`(2, E)` and
          edge weights :math:`(E)` *(optional)*; or any input of PyG's layer
        - **output:** the input's shape with :math:`C_{out}` channels

    Raises:
        DataError: The edges do not have the form that belongs to the input.
        ConfigError: ``edge_weight`` or another ``aggr`` than a sum with an adjacency.
    """

    def forward(self, x: Any, edge_index: Any, edge_weight: Tensor | None = None) -> Tensor:
        """The convolved features, see the class."""
        if not is_clip(x):
            return super().forward(x, edge_index, edge_weight)
        if is_dense(x, edge_index):
            if edge_weight is not None:
                raise ConfigError("SkeletonGCNConv: put the edge weights into the dense adjacency")
            require_sum(self)
            out = aggregate(self._normalize_adjacency(edge_index), self.lin(x))
        else:
            edges, weight = self._normalize_edges(edge_index, edge_weight, x)
            h = self.lin(x)
            flat = h.flatten(1)  # time becomes channels: a weight is the same for every frame
            out = self.propagate(edges, x=flat, edge_weight=weight).view(h.shape)
        return out if self.bias is None else out + self.bias

    def _normalize_adjacency(self, adjacency: Tensor) -> Tensor:
        if not self.normalize:
            return adjacency
        if self.add_self_loops:
            loops = adjacency.diagonal(dim1=-2, dim2=-1)
            missing = (loops == 0).to(adjacency.dtype) * (2.0 if self.improved else 1.0)
            adjacency = adjacency + torch.diag_embed(missing)
        degree = adjacency.sum(-1)
        isolated = degree == 0
        scale = degree.masked_fill(isolated, 1.0).pow(-0.5).masked_fill(isolated, 0.0)
        return scale.unsqueeze(-1) * adjacency * scale.unsqueeze(-2)

    def _normalize_edges(
        self, edge_index: Tensor, edge_weight: Tensor | None, x: Tensor
    ) -> tuple[Tensor, Tensor | None]:
        if not self.normalize:
            return edge_index, edge_weight
        if self._cached_edge_index is not None:
            return self._cached_edge_index
        if edge_weight is None:  # PyG forgets `improved` without weights
            edge_weight = torch.ones_like(edge_index[0], dtype=x.dtype)
        loops = (self.improved, self.add_self_loops)
        edges: tuple[Tensor, Tensor]
        edges = gcn_norm(edge_index, edge_weight, x.size(0), *loops, self.flow, x.dtype)
        if self.cached:
            self._cached_edge_index = edges
        return edges
