"""GAT on skeleton clips: PyG's layer, made to take a time axis and fast on tracks."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch_geometric.nn import GATConv

from pyg_skeletonmae.nn.adjacency import is_clip, is_dense, refuse, require_sum


class SkeletonGATConv(GATConv):
    r"""The graph attentional operator from the `"Graph Attention Networks"
    <https://arxiv.org/abs/1710.10903>`_ paper, on the frames of skeleton clips.

    .. math::
        \mathbf{x}^{\prime}_{i,t} = \sum_{j \in \mathcal{N}(i) \cup \{ i \}} \alpha_{ij,t}
        \mathbf{\Theta} \mathbf{x}_{j,t}, \qquad
        \alpha_{ij,t} = \mathrm{softmax}_j \left( \mathrm{LeakyReLU} \left(
        \mathbf{a}^{\top}_s \mathbf{\Theta} \mathbf{x}_{j,t} +
        \mathbf{a}^{\top}_t \mathbf{\Theta} \mathbf{x}_{i,t} \right) \right)

    A drop-in for :class:`torch_geometric.nn.GATConv`: same constructor, same ``state_dict``, and on
    2-D input the same computation. Every frame attends by itself. In a dense adjacency every
    non-zero entry is a neighbour; its value does not matter.

    Args:
        in_channels: Size of each input feature, or ``-1`` to derive it from the first input; a pair
            gives sources and targets weights of their own.
        out_channels: Size of each output feature, per head.
        heads: The number of attention heads. (default: ``1``)
        concat: Whether heads are concatenated, else averaged. (default: ``True``)
        negative_slope: The negative slope of the LeakyReLU. (default: ``0.2``)
        dropout: The dropout probability of the attention. (default: ``0.``)
        add_self_loops: Whether each joint attends to itself, too. (default: ``True``)
        **kwargs: Further arguments of :class:`torch_geometric.nn.GATConv`, ``edge_dim``,
            ``fill_value``, ``bias`` and ``residual`` among them.

    Shapes:
        - **input:** tracks :math:`(P, V, T, C_{in})` with a float adjacency :math:`(V, V)` or
          :math:`(P, V, V)`; nodes :math:`(N, T, C_{in})` with an edge index :math:`(2, E)`; or any
          input of PyG's layer
        - **output:** the input's shape with :math:`H \cdot C_{out}` channels (:math:`C_{out}` if
          averaged)

    Raises:
        DataError: The edges do not have the form that belongs to the input.
        ConfigError: ``edge_attr``, ``size`` or ``return_attention_weights`` with a clip, or another
            ``aggr`` than a sum with an adjacency.
    """

    def forward(
        self,
        x: Any,
        edge_index: Any,
        edge_attr: Tensor | None = None,
        size: tuple[int, int] | None = None,
        return_attention_weights: Any = None,
    ) -> Any:
        """The convolved features, see the class."""
        if not is_clip(x):
            return super().forward(x, edge_index, edge_attr, size, return_attention_weights)
        refuse(
            self, edge_attr=edge_attr, size=size, return_attention_weights=return_attention_weights
        )
        if is_dense(x, edge_index):
            require_sum(self)
            return self._attend(x, edge_index)
        nodes, frames = x.shape[:2]
        offset = torch.arange(frames, device=x.device) * nodes
        edges = (edge_index[:, None] + offset[:, None]).flatten(1)
        out = super().forward(x.transpose(0, 1).flatten(0, 1), edges)
        return out.unflatten(0, (frames, nodes)).transpose(0, 1)

    def _attend(self, x: Tensor, adjacency: Tensor) -> Any:
        shape = (self.heads, self.out_channels)
        if self.lin is not None:
            h = target = self.lin(x).unflatten(-1, shape)  # [P, V, T, H, C]
        else:
            assert self.lin_src is not None and self.lin_dst is not None
            h, target = self.lin_src(x).unflatten(-1, shape), self.lin_dst(x).unflatten(-1, shape)
        alpha_source = (h * self.att_src[0]).sum(-1).permute(0, 2, 3, 1)  # [P, T, H, V]
        alpha_target = (target * self.att_dst[0]).sum(-1).permute(0, 2, 3, 1)
        alpha = self._softmax(alpha_target.unsqueeze(-1) + alpha_source.unsqueeze(-2), adjacency)
        out = torch.matmul(alpha, h.permute(0, 2, 3, 1, 4)).permute(0, 3, 1, 2, 4)
        out = out.flatten(-2) if self.concat else out.mean(-2)
        if self.res is not None:
            out = out + self.res(x)
        return out if self.bias is None else out + self.bias

    def _softmax(self, alpha: Tensor, adjacency: Tensor) -> Tensor:
        """Attention ``[P, T, H, V, V]``, row ``i`` over the neighbours of ``i``."""
        absent = adjacency == 0
        if self.add_self_loops:
            absent = absent & ~torch.eye(absent.size(-1), dtype=torch.bool, device=absent.device)
        absent = absent if absent.dim() == 2 else absent[:, None, None]
        alpha = F.leaky_relu(alpha, self.negative_slope)
        alpha = alpha.masked_fill(absent, torch.finfo(alpha.dtype).min).softmax(-1)
        if not self.add_self_loops:  # a joint without neighbours receives nothing
            alpha = alpha.masked_fill(absent, 0.0)
        return F.dropout(alpha, self.dropout, self.training)
