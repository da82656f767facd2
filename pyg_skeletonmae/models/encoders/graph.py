"""The graph encoder: a linear embedding of each joint and a stack of graph convolutions."""

from __future__ import annotations

from typing import Literal, cast

import torch
from torch import Tensor, nn

from pyg_skeletonmae.errors import DataError
from pyg_skeletonmae.models.base import SkeletonEncoder
from pyg_skeletonmae.models.inference import in_pieces
from pyg_skeletonmae.nn.adjacency import graph_mean, visible_edges
from pyg_skeletonmae.nn.kernels import kernels
from pyg_skeletonmae.nn.norm import Norm, channel_norm
from pyg_skeletonmae.nn.norm_act import FusedSequential, fused_sequential, has_hooks
from pyg_skeletonmae.nn.prelu import ScalarPReLU
from pyg_skeletonmae.nn.skeleton_conv import SkeletonGCNConv, SkeletonGINConv
from pyg_skeletonmae.nn.skeleton_gat_conv import SkeletonGATConv
from pyg_skeletonmae.skeleton import Skeleton

Conv = Literal["gin", "gcn", "gat"]


def graph_conv(conv: Conv, channels: int, norm: Norm = "batch", bias: bool = True) -> nn.Module:
    """One graph convolution of equal width.

    GIN's network is the two-layer one of GraphMAE (Linear, norm, PReLU, Linear), because the paper
    cites GIN without its details.

    Args:
        conv: The convolution.
        channels: The width.
        norm: The normalisation inside GIN's network.
        bias: Whether the output has a bias; one before a batch norm would only cost time.
    """
    if conv == "gcn":
        return SkeletonGCNConv(channels, channels, bias=bias)
    if conv == "gat":
        heads = 4 if channels % 4 == 0 else 1
        return SkeletonGATConv(channels, channels // heads, heads=heads, bias=bias)
    mlp = FusedSequential(
        nn.Linear(channels, channels, bias=norm != "batch"),
        channel_norm(channels, norm),
        ScalarPReLU(inplace=True),
        nn.Linear(channels, channels, bias=bias),
    )
    return SkeletonGINConv(mlp)


def joint_vectors(skeleton: Skeleton, channels: int) -> nn.Parameter:
    """One learned vector per joint, ``[V, 1, D]`` (normal, standard deviation 0.02)."""
    return nn.Parameter(0.02 * torch.randn(skeleton.num_joints, 1, channels))


class GraphLayer(nn.Module):
    """A graph convolution followed by normalisation, PReLU and dropout.

    Args:
        conv: The convolution.
        channels: The width.
        norm: ``"batch"`` or ``"layer"``.
        dropout: The dropout rate on the input.
        residual: Whether the input is added to the output.
        bare: The convolution alone, as in the decoder of GraphMAE.
        global_group: See :class:`GraphEncoder`.
    """

    def __init__(
        self,
        conv: Conv,
        channels: int,
        norm: Norm = "batch",
        dropout: float = 0.0,
        residual: bool = False,
        bare: bool = False,
        global_group: bool = False,
    ) -> None:
        super().__init__()
        self.dropout = nn.Dropout(dropout)
        self.conv = graph_conv(conv, channels, norm, bias=bare or norm != "batch")
        self.norm = nn.Identity() if bare else channel_norm(channels, norm)
        self.act = nn.Identity() if bare else ScalarPReLU(inplace=True)
        self.residual = residual
        self.everyone = nn.Linear(channels, channels, bias=False) if global_group else None
        sums = ["everyone"] if global_group else []
        self.norms_after: dict[str, list[str]] = {}
        if conv == "gin":
            self.norms_after = {"conv.nn.1": ["conv.nn.0"], "norm": ["conv.nn.3", *sums]}
        elif conv == "gcn":  # the attention of GAT reads what its linear map gives
            self.norms_after = {"norm": ["conv", *sums]}

    def forward(self, x: Tensor, adjacency: Tensor, graph: Tensor | None = None) -> Tensor:
        """Maps joints to joints.

        Args:
            x: ``[P, V, T, D]``; or nodes ``[N, T, D]``.
            adjacency: ``[V, V]`` or ``[P, V, V]``; of nodes, edges ``[2, E]``.
            graph: The graph of each node ``[N]``, long.
        """
        seen = self.dropout(x)
        conv, mlp = self.conv, getattr(self.conv, "nn", None)
        listened = any(has_hooks(module) for module in (conv, mlp) if module is not None)
        if (
            kernels()
            and self.everyone is None
            and isinstance(mlp, FusedSequential)
            and not listened
        ):
            sums = cast(SkeletonGINConv, conv).neighbour_sums(seen, adjacency)
            out: Tensor = fused_sequential(sums, *mlp, self.norm, self.act)
            return x + out if self.residual else out
        h = self.conv(seen, adjacency)
        if self.everyone is not None:
            h = h + self.everyone(graph_mean(seen, graph))
        out = fused_sequential(h, self.norm, self.act)
        return x + out if self.residual else out


class GraphStack(nn.Module):
    """Graph layers of equal width, one after the other; arguments as in :class:`GraphEncoder`."""

    def __init__(
        self,
        channels: int,
        depth: int,
        conv: Conv = "gin",
        norm: Norm = "batch",
        dropout: float = 0.0,
        residual: bool = False,
        global_group: bool = False,
    ) -> None:
        super().__init__()
        self.layers = nn.ModuleList(
            GraphLayer(conv, channels, norm, dropout, residual, global_group=global_group)
            for _ in range(depth)
        )

    def forward(self, x: Tensor, adjacency: Tensor, graph: Tensor | None = None) -> Tensor:
        """Maps joints to joints; arguments as in :meth:`GraphLayer.forward`."""
        for layer in self.layers:
            x = layer(x, adjacency, graph)
        return x


class GraphEncoder(SkeletonEncoder):
    r"""The encoder of the graph SkeletonMAE, frame by frame.

    `"SkeletonMAE: Graph-based Masked Autoencoder for Skeleton Sequence Pre-training"
    <https://arxiv.org/abs/2307.08476>`_, section 3.2: each joint is lifted by a linear layer and
    passed through ``depth`` GIN layers

    .. math::
        \mathbf{h}_i' = \mathrm{MLP}\Big((1 + \epsilon)\,\mathbf{h}_i +
        \sum_{j \in \mathcal{N}(i)} \mathbf{h}_j\Big)

    The paper leaves the MLP, normalisation, dropout and residual open; the defaults are GraphMAE's.

    Args:
        skeleton: The joints and bones.
        in_channels: The channels of a joint: 2 or 3 coordinates, and a score if there is one.
        hidden_channels: The width ``D``.
        depth: The number of graph layers.
        conv: ``"gin"``, ``"gcn"`` or ``"gat"``.
        norm: ``"batch"``, or ``"layer"``, which does not look at other clips.
        dropout: The dropout rate before each layer.
        residual: Whether each layer adds its input to its output.
        joint_embedding: Adds one learned vector per joint to the embedded joints, masked or not,
            which tells joints apart that the graph does not (our option).
        global_group: Adds a second group of neighbours to each layer, all joints of the frame: a
            linear map of their mean is added to what the convolution gives, so that far joints are
            one step away (our option, as in :class:`STGCNEncoder`). Where hidden joints are left
            out, the mean is that of the visible ones.

    Shapes:
        - **input:** a batch with ``pos [P * V, T, C]``
        - **output:** features ``[P, V, T, D]``
    """

    adjacency: Tensor

    def __init__(
        self,
        skeleton: Skeleton,
        in_channels: int = 3,
        hidden_channels: int = 64,
        depth: int = 3,
        conv: Conv = "gin",
        norm: Norm = "batch",
        dropout: float = 0.0,
        residual: bool = False,
        joint_embedding: bool = False,
        global_group: bool = False,
    ) -> None:
        super().__init__(skeleton, hidden_channels)
        self.embed = nn.Linear(in_channels, hidden_channels)
        self.gnn = GraphStack(
            hidden_channels, depth, conv, norm, dropout, residual, global_group=global_group
        )
        self.joint_embedding = joint_vectors(skeleton, hidden_channels) if joint_embedding else None
        self.register_buffer("adjacency", skeleton.adjacency(), persistent=False)

    @property
    def num_states(self) -> int:
        """The number of graph layers."""
        return len(self.gnn.layers)

    @in_pieces
    def encode_tracks(self, pos: Tensor) -> Tensor:
        """Encodes tracks ``[P, V, T, C]`` to ``[P, V, T, D]``."""
        self.check(pos)
        return self.mix(self.embed(pos))

    def mix(self, x: Tensor, adjacency: Tensor | None = None) -> Tensor:
        """Encodes embedded joints ``[P, V, T, D]``.

        Args:
            x: The joints, as ``embed`` gives them.
            adjacency: ``[V, V]`` or ``[P, V, V]``; none: the skeleton's.
        """
        if self.joint_embedding is not None:
            x = x + self.joint_embedding
        out: Tensor = self.gnn(x, self.adjacency if adjacency is None else adjacency)
        return out

    def encode_subgraph(
        self, pos: Tensor, visible: Tensor, adjacency: Tensor | None = None
    ) -> Tensor:
        """Encodes the subgraph of the visible joints of each frame.

        The others send and receive nothing, and no norm sees them; their features are zero.

        Args:
            pos: Tracks ``[P, V, T, C]``.
            visible: ``[P, V, T]``, bool.
            adjacency: As in :meth:`mix`.

        Raises:
            DataError: No joint is visible.
        """
        x = self.embed(pos)
        if self.joint_embedding is not None:
            x = x + self.joint_embedding
        there = visible.transpose(1, 2)
        if not len(nodes := x.transpose(1, 2)[there].unsqueeze(1)):
            raise DataError("all joints are masked: none is left to see")
        adjacency = self.adjacency if adjacency is None else adjacency
        frame = there.flatten(0, 1).nonzero()[:, 0]
        nodes = self.gnn(nodes, visible_edges(adjacency, visible), frame)
        out: Tensor = nodes.new_zeros(*there.shape, self.out_channels)
        return out.masked_scatter(there[..., None], nodes.squeeze(1)).transpose(1, 2)

    def hidden_states(self, pos: Tensor, last: int) -> list[Tensor]:
        """All joints ``[P, V * T, D]`` after each of the ``last`` layers."""
        x, states = self.embed(pos), []
        if self.joint_embedding is not None:
            x = x + self.joint_embedding
        for layer in self.gnn.layers:
            x = layer(x, self.adjacency)
            states.append(x.flatten(1, 2))
        return states[-last:]

    def for_skeleton(self, skeleton: Skeleton) -> GraphEncoder:
        """A copy of this encoder for another skeleton.

        Its layers know no joints. Where there are joint vectors, joints are matched by name (or
        alias): those in both keep theirs, the others get fresh ones.

        Raises:
            SkeletonError: The two skeletons have no joint in common.
        """
        return self._copy_for(skeleton, "joint_embedding")

    def masked_adjacency(self, edge_mask: Tensor) -> Tensor:
        """The adjacency of each track without its masked edges.

        Args:
            edge_mask: ``[P * E]``, bool, True = masked, in the order of ``skeleton.edge_index``.

        Returns:
            ``[P, V, V]``, float.
        """
        rows, columns = self.skeleton.edge_index.to(edge_mask.device)
        tracks = edge_mask.view(-1, rows.numel())
        adjacency = self.adjacency.repeat(tracks.size(0), 1, 1)
        adjacency[:, columns, rows] = torch.where(tracks, 0.0, adjacency[:, columns, rows])
        return adjacency

    def __repr__(self) -> str:
        layer = self.gnn.layers[0].conv if len(self.gnn.layers) else None
        return (
            f"{type(self).__name__}({self.skeleton.name}, channels={self.embed.in_features}, "
            f"hidden={self.out_channels}, depth={len(self.gnn.layers)}, "
            f"conv={type(layer).__name__})"
        )
