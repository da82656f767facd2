"""The graph-temporal encoder: tokens of a few frames hear of other joints and of other times."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from pyg_skeletonmae.errors import ConfigError
from pyg_skeletonmae.models.encoders.st_gcn import STGCNBlock, spatial_partitions
from pyg_skeletonmae.models.inference import in_pieces
from pyg_skeletonmae.models.pretraining.masked import MaskedEncoder
from pyg_skeletonmae.nn.norm import DataNorm, Norm
from pyg_skeletonmae.nn.norm import data_norm as new_data_norm
from pyg_skeletonmae.nn.token_embed import JointTimeEmbedding, PatchEmbed, TimeEmbedding
from pyg_skeletonmae.skeleton import Skeleton


class GraphTemporalEncoder(MaskedEncoder):
    r"""Message passing between tokens of a few frames, over the body and over time.

    A token is ``F`` frames of one joint, each coordinate normalised over the batch;
    it gets the vectors of its joint and of its time step. Blocks of ST-GCN,
    :class:`~pyg_skeletonmae.models.encoders.st_gcn.STGCNBlock`, pass messages among the joints of
    a time step and then among neighbouring time steps of a joint:

    .. math::
        \mathbf{z}_{v,s} = \mathbf{W}\, \mathrm{BN}([\mathbf{x}_{v,sF}; \ldots;
        \mathbf{x}_{v,sF+F-1}]) + \mathbf{b} + \mathbf{p}_v + \mathbf{q}_s, \qquad
        \mathbf{H} = \mathrm{Blocks}(\mathbf{Z})

    Whose idea is what: the groups of neighbours and their learned weights are those of `"Spatial
    Temporal Graph Convolutional Networks for Skeleton-Based Action Recognition"
    <https://arxiv.org/abs/1801.07455>`_; a masked auto-encoder of graphs is that of `"GraphMAE"
    <https://arxiv.org/abs/2205.10803>`_; that hidden tokens are left out of the encoder is that of
    `"Masked Autoencoders Are Scalable Vision Learners" <https://arxiv.org/abs/2111.06377>`_; tokens
    of a few frames of a joint are those of MAMP, see
    :class:`~pyg_skeletonmae.models.STEncoder`. Their combination, the group of all joints, which
    brings far joints one step apart, and means over the visible neighbours are ours. What was
    measured is on the page :doc:`/methods/graph_temporal`.

    Args:
        skeleton: The joints and bones.
        in_channels: The channels of a joint.
        frames: The frames ``T`` of every clip.
        frames_per_patch: The frames ``F`` of a token.
        hidden_channels: The width ``D``.
        depth: The number of blocks.
        kernel_size: The time steps that a block's convolution sees, odd.
        norm: ``"batch"`` or ``"layer"``, in the blocks.
        global_group: The group of all joints beside the three of ST-GCN.
        dropout: The dropout rate on the output of each convolution over time.
        time_embedding: ``"learned"``, ``"zero"`` (learned, zero at first) or ``"sinusoidal"``.
        data_norm: Whose mean and deviation normalise a coordinate of the input: those of its
            ``"joint"``, as in ST-GCN, or of all joints along its ``"axis"``, so that the body keeps
            its shape. What was measured of both is on the page named above.
        joint_gain: Whether the features of each joint are multiplied, behind the last block, by a
            vector of its own, :math:`\mathbf{g}_v`, drawn from a normal distribution and learned.
            An average over joints then is a projection of all of them, and not a blend in which
            no joint can be told from another (our choice).

    Shapes:
        - **input:** a batch with ``pos [P * V, T, C]``
        - **output:** features ``[P, V, T / F, D]``

    Raises:
        ConfigError: There is no block, the kernel is even, or the frames are no whole number of
            patches.
    """

    def __init__(
        self,
        skeleton: Skeleton,
        in_channels: int = 3,
        frames: int = 64,
        frames_per_patch: int = 4,
        hidden_channels: int = 64,
        depth: int = 4,
        kernel_size: int = 3,
        norm: Norm = "batch",
        global_group: bool = True,
        dropout: float = 0.0,
        time_embedding: TimeEmbedding = "learned",
        data_norm: DataNorm = "joint",
        joint_gain: bool = False,
    ) -> None:
        super().__init__(skeleton, in_channels, frames, hidden_channels, frames_per_patch)
        if depth < 1:
            raise ConfigError(f"depth {depth}: expected at least one block")
        self.data_norm = new_data_norm(data_norm, skeleton.num_joints, in_channels)
        self.patch = PatchEmbed(in_channels, hidden_channels, frames_per_patch)
        steps = frames // frames_per_patch
        self.position = JointTimeEmbedding(
            skeleton.num_joints, steps, hidden_channels, time_embedding
        )
        partitions = spatial_partitions(skeleton, global_group)
        self.blocks = nn.ModuleList(
            STGCNBlock(
                hidden_channels,
                hidden_channels,
                partitions,
                dropout=dropout,
                kernel_size=kernel_size,
                norm=norm,
            )
            for _ in range(depth)
        )
        gain = torch.randn(skeleton.num_joints, 1, hidden_channels) if joint_gain else None
        self.gain = None if gain is None else nn.Parameter(gain)

    @property
    def num_states(self) -> int:
        """The number of blocks."""
        return len(self.blocks)

    def embed(self, pos: Tensor, visible: Tensor | None = None) -> Tensor:
        """Embeds tracks ``[P, V, T, C]`` to tokens ``[P, V, S, D]``.

        Args:
            pos: The tracks.
            visible: ``[P, V, S]``, bool: the tokens whose coordinates count in the norm; none: all.

        Raises:
            DataError: The clips have other joints, channels or frames than the encoder.
        """
        self.check(pos)
        if visible is not None:
            visible = visible.repeat_interleave(self.frames_per_patch, dim=2)
        tokens: Tensor = self.patch(self.data_norm(pos, visible)) + self.position()
        steps = self.frames // self.frames_per_patch
        return tokens.view(*pos.shape[:2], steps, self.out_channels)

    def mix(self, x: Tensor) -> Tensor:
        """Passes tokens ``[P, V, S, D]`` through the blocks."""
        for block in self.blocks:
            x = block(x)
        return self._gained(x)

    @in_pieces
    def encode_tracks(self, pos: Tensor) -> Tensor:
        """Encodes tracks ``[P, V, T, C]`` to ``[P, V, S, D]``."""
        return self.mix(self.embed(pos))

    def encode_subgraph(self, pos: Tensor, visible: Tensor) -> Tensor:
        """Encodes the visible tokens of tracks ``[P, V, T, C]``; the features of others are zero.

        Hidden tokens send and receive nothing, means over neighbours run over visible ones, and
        norms see those alone.

        Args:
            pos: The tracks.
            visible: ``[P, V, S]``, bool.
        """
        x = self.embed(pos, visible).masked_fill(~visible[..., None], 0.0)
        for block in self.blocks:
            x = block(x, visible)
        return self._gained(x)

    def hidden_states(self, pos: Tensor, last: int) -> list[Tensor]:
        """All tokens ``[P, V * S, D]`` after each of the ``last`` blocks."""
        x, states = self.embed(pos), []
        for block in self.blocks:
            x = block(x)
            states.append(x)
        states[-1] = self._gained(x)
        return [state.flatten(1, 2) for state in states[-last:]]

    def _gained(self, x: Tensor) -> Tensor:
        return x if self.gain is None else x * self.gain

    def __repr__(self) -> str:
        return (
            f"{type(self).__name__}({self.skeleton.name}, channels={self.in_channels}, "
            f"frames={self.frames}, frames_per_patch={self.frames_per_patch}, "
            f"hidden={self.out_channels}, depth={len(self.blocks)})"
        )
