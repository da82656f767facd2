"""ST-GCN: the supervised reference, built from this library's layers."""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from pyg_skeletonmae.errors import ConfigError
from pyg_skeletonmae.models.base import SkeletonEncoder
from pyg_skeletonmae.models.classifier import Classifier, Head
from pyg_skeletonmae.models.heads import JointPool
from pyg_skeletonmae.models.inference import in_pieces
from pyg_skeletonmae.nn.adjacency import aggregate
from pyg_skeletonmae.nn.norm import Norm, TrackNorm, channel_norm, norm_rows
from pyg_skeletonmae.nn.norm_act import IDENTITY, RELU, fused_sequential, has_hooks, norm_act
from pyg_skeletonmae.nn.places import Places
from pyg_skeletonmae.nn.skeleton_conv import SkeletonGCNConv
from pyg_skeletonmae.nn.temporal_conv import MultiScaleTemporalConv, TemporalConv
from pyg_skeletonmae.nn.tokens import to_patches
from pyg_skeletonmae.skeleton import Skeleton
from pyg_skeletonmae.skeleton.graph import on_cpu

_CHANNELS = [64, 64, 64, 64, 128, 128, 128, 256, 256, 256]  # the paper's


@on_cpu  # as what it is made of
def spatial_partitions(skeleton: Skeleton, global_group: bool = False) -> Tensor:
    """The neighbours of each joint by where they are, ``[3, V, V]``, rows sum to 1 or 0.

    The joint itself, neighbours nearer to the centre of the body, and the others: the spatial
    configuration partitioning of ST-GCN. Distances are counted in bones.

    Args:
        skeleton: The joints and bones.
        global_group: A fourth group, all joints of the body (our option).
    """
    edges, centre = skeleton.adjacency() > 0, skeleton.index(skeleton.center_joint)
    distance = skeleton.hops[centre]
    nearer = edges & (distance[None, :] < distance[:, None])
    groups = torch.stack([torch.eye(skeleton.num_joints) > 0, nearer, edges & ~nearer]).float()
    if global_group:
        groups = torch.cat([groups, torch.ones_like(groups[:1])])
    return groups / groups.sum(-1, keepdim=True).clamp(min=1)


class STGCNBlock(nn.Module):
    r"""A graph convolution for each group of neighbours, then a convolution over time.

    .. math::
        \mathbf{H} &= \mathrm{ReLU}\Big(\mathrm{Norm}\Big(\sum_k (\mathbf{A}_k \odot \mathbf{M}_k)
        \mathbf{X} \mathbf{W}_k\Big)\Big) \\
        \mathbf{X}' &= \mathrm{ReLU}(\mathrm{TCN}(\mathbf{H}) + \mathrm{residual}(\mathbf{X}))

    Args:
        in_channels: The channels of the input.
        out_channels: The channels of the output, a multiple of 4 unless there is a kernel size.
        partitions: The adjacency of each group, ``[K, V, V]``.
        stride: The temporal stride.
        dropout: The dropout rate on the output of the temporal convolution.
        kernel_size: A convolution over so many frames, odd, as in the paper (9); none: the
            multi-scale one.
        norm: ``"batch"`` or ``"layer"``; the multi-scale convolution has batch norms.
    """

    partitions: Tensor
    without_training = False  # set in copies by ``inference_form``

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        partitions: Tensor,
        stride: int = 1,
        dropout: float = 0.0,
        kernel_size: int | None = None,
        norm: Norm = "batch",
    ) -> None:
        super().__init__()
        self.register_buffer("partitions", partitions, persistent=False)
        self.importance = nn.Parameter(torch.ones_like(partitions))
        self.sees_itself = torch.equal(partitions[0], partitions[0].diagonal().diag())
        self.convs = nn.ModuleList(
            SkeletonGCNConv(in_channels, out_channels, normalize=False, bias=False)
            for _ in partitions
        )
        self.norm = channel_norm(out_channels, norm)
        self.temporal: nn.Module = (
            MultiScaleTemporalConv(out_channels, out_channels, stride=stride, residual=False)
            if kernel_size is None
            else TemporalConv(out_channels, out_channels, kernel_size, stride, norm)
        )
        self.dropout = nn.Dropout(dropout)
        self.stride = stride
        self.residual: nn.Module = nn.Identity()
        if stride > 1 or in_channels != out_channels:
            linear = nn.Linear(in_channels, out_channels, bias=False)
            self.residual = nn.Sequential(linear, channel_norm(out_channels, norm))
        self.norms_after = {
            "norm": [f"convs.{number}" for number in range(len(partitions))],
            **({} if isinstance(self.residual, nn.Identity) else {"residual.1": ["residual.0"]}),
        }

    def forward(self, x: Tensor, visible: Tensor | None = None) -> Tensor:
        """Maps tracks ``[P, V, T, C]`` to ``[P, V, T', D]``.

        Args:
            x: The tracks, zero where they are hidden.
            visible: ``[P, V, T]``, bool: the other places send and receive nothing, means over
                neighbours run over the visible ones, and norms see those alone; none: all are.
        """
        adjacency = self.partitions * self.importance
        if visible is not None:
            return self._visible(x, visible, adjacency)
        h = self._sums(x, adjacency)
        h = self.dropout(self.temporal(norm_act(self.norm, RELU, h)))
        before = x[:, :, :: self.stride]
        if isinstance(self.residual, nn.Sequential):
            before = fused_sequential(before, *self.residual, IDENTITY)
        return torch.relu_(h.add_(before) if self.without_training else h + before)

    def _sums(self, x: Tensor, adjacency: Tensor) -> Tensor:
        """What the convolutions of all groups give together.

        Without training joints that see themselves alone are scaled in place, and where channels
        become more, neighbours are summed before the map.
        """
        first, *others = cast(list[SkeletonGCNConv], list(self.convs))
        shorter = self.without_training and not has_hooks(first)
        if shorter and x.size(-1) < first.out_channels:
            h = F.linear(aggregate(adjacency[0], x), first.lin.weight, first.bias)
            for conv, own in zip(others, adjacency[1:], strict=True):
                sums = aggregate(own, x).flatten(0, -2)
                h.view(-1, h.size(-1)).addmm_(sums, conv.lin.weight.t())
            return h
        if shorter and self.sees_itself:
            h = first.lin(x).mul_(adjacency[0].diagonal().view(-1, 1, 1))
            h = h if first.bias is None else h.add_(first.bias)
        else:
            h = first(x, adjacency[0])
        for conv, own in zip(others, adjacency[1:], strict=True):
            h = aggregate(own, conv.lin(x), onto=h)
        return h

    def _visible(self, x: Tensor, visible: Tensor, adjacency: Tensor) -> Tensor:
        places, there = Places(visible), visible.unsqueeze(-1).to(x.dtype)
        h: Tensor | float = 0.0
        for conv, group, own in zip(self.convs, self.partitions, adjacency, strict=True):
            assert isinstance(conv, SkeletonGCNConv)
            share = places.rows(aggregate(group, there))  # of the group's neighbours, 0 to 1
            mean = places.rows(aggregate(own, x)) / torch.where(share > 0, share, 1.0)
            h = h + conv.lin(mean)
            if conv.bias is not None:
                h = h + conv.bias
        assert isinstance(h, Tensor)
        h = places.tracks(torch.relu(norm_rows(self.norm, h)))
        h = self.dropout(self.temporal(h, visible))
        before = x[:, :, :: self.stride]
        if isinstance(self.residual, nn.Sequential):
            linear, norm = self.residual
            shown = Places(visible[:, :, :: self.stride])
            before = shown.tracks(norm_rows(norm, linear(shown.rows(before))))
        return torch.relu(h + before)


class STGCNEncoder(SkeletonEncoder):
    r"""Blocks of graph convolution and convolution over time.

    `"Spatial Temporal Graph Convolutional Networks for Skeleton-Based Action Recognition"
    <https://arxiv.org/abs/1801.07455>`_: its partitioning of neighbours, its weights on edges and
    its ten blocks. The convolution over time is the multi-scale one of later work, as in ST-GCN++
    (`arXiv 2205.09443 <https://arxiv.org/abs/2205.09443>`_), in place of one of nine frames.

    Args:
        skeleton: The joints and bones.
        in_channels: The channels of a joint.
        channels: The width of each block (default: the ten of the paper, 64 to 256); time is halved
            where it grows.
        dropout: The dropout rate on the output of each convolution over time.
        global_group: A fourth group of neighbours, all joints of the body, so that far joints are
            one step away (our option).

    In pre-training a token is as many frames of one joint as the blocks make one of, 4 in the
    paper's network.

    Shapes:
        - **input:** a batch with ``pos [P * V, T, C]``
        - **output:** features ``[P, V, T', D]`` of the last block's width

    Raises:
        ConfigError: There is no block.
    """

    def __init__(
        self,
        skeleton: Skeleton,
        in_channels: int = 3,
        channels: list[int] | None = None,
        dropout: float = 0.0,
        global_group: bool = False,
    ) -> None:
        channels = _CHANNELS if channels is None else channels
        if not channels:
            raise ConfigError("channels []: expected the width of at least one block")
        super().__init__(skeleton, channels[-1])
        self.data_norm = TrackNorm(skeleton.num_joints, in_channels)
        partitions = spatial_partitions(skeleton, global_group)
        blocks, before = [], in_channels
        for number, width in enumerate(channels):
            stride = 2 if number and width > before else 1
            blocks.append(STGCNBlock(before, width, partitions, stride, dropout))
            before = width
            self.frames_per_token *= stride
        self.blocks = nn.ModuleList(blocks)

    @property
    def embed_channels(self) -> int:
        """The numbers of a token: its normalised coordinates."""
        joints = self.skeleton.num_joints
        return self.frames_per_token * self.data_norm.num_features // joints

    @in_pieces
    def encode_tracks(self, pos: Tensor) -> Tensor:
        """Encodes tracks ``[P, V, T, C]`` to ``[P, V, T', D]``."""
        self.check(pos)
        return self._blocks(self.data_norm(pos))

    def embed(self, pos: Tensor) -> Tensor:
        """The normalised coordinates of tracks ``[P, V, T, C]`` as tokens ``[P, V, S, F * C]``.

        Raises:
            DataError: The frames are no whole number of tokens.
        """
        return to_patches(self.data_norm(pos), self.frames_per_token).flatten(3)

    def mix(self, x: Tensor) -> Tensor:
        """Passes tokens ``[P, V, S, F * C]`` through the blocks, to ``[P, V, S, D]``."""
        tracks, joints, steps, numbers = x.shape
        frames = self.frames_per_token
        return self._blocks(x.reshape(tracks, joints, steps * frames, numbers // frames))

    def encode_subgraph(self, pos: Tensor, visible: Tensor) -> Tensor:
        """Encodes the visible tokens of tracks ``[P, V, T, C]``; the features of others are zero.

        Hidden tokens send and receive nothing, see :class:`STGCNBlock`.

        Args:
            pos: The tracks.
            visible: ``[P, V, S]``, bool.
        """
        visible = visible.repeat_interleave(self.frames_per_token, dim=2)
        return self._blocks(self.data_norm(pos, visible), visible)

    def _blocks(self, x: Tensor, visible: Tensor | None = None) -> Tensor:
        for block in self.blocks:
            x = block(x, visible)
            if visible is not None:
                visible = visible[:, :, :: block.stride]
        return x

    def __repr__(self) -> str:
        return (
            f"{type(self).__name__}({self.skeleton.name}, hidden={self.out_channels}, "
            f"blocks={len(self.blocks)})"
        )


class STGCN(Classifier):
    r"""The supervised reference: an :class:`STGCNEncoder` and a linear classifier, from scratch.

    Args:
        skeleton: The joints and bones.
        in_channels: The channels of a joint.
        num_classes: The number of classes.
        channels: The width of each block (default: the ten of the paper, 64 to 256); time is halved
            where it grows.
        dropout: The dropout rate on the output of each convolution over time.
        head: ``"linear"``, ``"mlp"`` or another head of :class:`Classifier`.
        head_dropout: The dropout rate before the last layer.
        label_smoothing: The share of the target spread over all classes.
        joints: ``"mean"`` over the joints, as in the paper, or ``"concat"``.
        segments: Mean over time (1), or over this many equal segments, concatenated.

    Shapes:
        - **input:** a batch with ``pos [P * V, T, C]`` of ``B`` clips
        - **output:** ``{"logits": [B, num_classes]}``, and ``"loss"`` and ``"accuracy"`` where the
          batch has ``y``
    """

    def __init__(
        self,
        skeleton: Skeleton,
        in_channels: int,
        num_classes: int,
        channels: list[int] | None = None,
        dropout: float = 0.0,
        head: Head = "linear",
        head_dropout: float = 0.0,
        label_smoothing: float = 0.0,
        joints: JointPool = "mean",
        segments: int = 1,
    ) -> None:
        encoder = STGCNEncoder(skeleton, in_channels, channels, dropout)
        super().__init__(
            encoder,
            num_classes,
            head,
            dropout=head_dropout,
            label_smoothing=label_smoothing,
            joints=joints,
            segments=segments,
        )
