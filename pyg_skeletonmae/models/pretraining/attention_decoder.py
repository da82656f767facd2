"""A decoder by attention, for encoders that pass messages."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

from pyg_skeletonmae.errors import ConfigError
from pyg_skeletonmae.models.base import SkeletonEncoder
from pyg_skeletonmae.models.pretraining.average_head import AverageHead
from pyg_skeletonmae.models.pretraining.masked import MaskedDecoder, MaskedEncoder, MaskedView
from pyg_skeletonmae.models.pretraining.mixing_decoder import check_drop
from pyg_skeletonmae.models.pretraining.st_decoder import STDecoder


class AttentionDecoder(MaskedDecoder):
    r"""A light transformer over all tokens, for encoders that leave hidden tokens out.

    The visible tokens :math:`\mathbf{h}_i` and a learned one in hidden places get the vectors of
    their joint and their time; every token hears of every other:

    .. math::
        \hat{\mathbf{y}} = \mathbf{W}\, \mathrm{LN}(\mathrm{Blocks}(\mathbf{Z})), \qquad
        \mathbf{z}_i = \mathbf{p}_{v(i)} + \mathbf{q}_{s(i)} +
        \begin{cases} \mathbf{W}_h \mathbf{h}_i & i \text{ visible} \\
        \mathbf{m} & i \in \mathcal{M} \end{cases}

    It is the decoder of `"Masked Autoencoders Are Scalable Vision Learners"
    <https://arxiv.org/abs/2111.06377>`_,
    :class:`~pyg_skeletonmae.models.pretraining.st_decoder.STDecoder`, behind an encoder that passes
    messages: our choice. Blocks of graph convolution, as in
    :class:`~pyg_skeletonmae.models.MixingDecoder`, reach a hidden token only from nearby; what was
    measured of both is on the page :doc:`/methods/graph_temporal`.

    Args:
        depth: The number of blocks.
        channels: The width of the blocks, a multiple of ``heads``; none: that of the encoder.
        heads: The heads of attention.
        mlp_ratio: How many times wider the hidden layer of a block is.
        average_weight: The weight of a loss of averaged features, see
            :class:`~pyg_skeletonmae.models.pretraining.average_head.AverageHead`.

    Raises:
        ConfigError: A setting is out of range. On use: it does not suit the encoder.
    """

    reads = MaskedEncoder

    def __init__(
        self,
        depth: int = 1,
        channels: int | None = None,
        heads: int = 4,
        mlp_ratio: float = 4.0,
        average_weight: float = 0.0,
    ) -> None:
        super().__init__()
        if depth < 1:
            raise ConfigError(f"depth {depth}: expected at least one block")
        if not 0.0 <= average_weight < math.inf:
            raise ConfigError(f"average_weight {average_weight}: expected zero or more")
        self.depth, self.channels, self.heads, self.mlp_ratio = depth, channels, heads, mlp_ratio
        self.average_weight = average_weight

    def attach(self, encoder: SkeletonEncoder, channels: int) -> None:
        """See :class:`~pyg_skeletonmae.models.pretraining.masked.MaskedDecoder`."""
        super().attach(encoder, channels)
        assert isinstance(encoder, MaskedEncoder)
        check_drop(encoder, "drop")
        self.tokens = STDecoder(
            encoder.skeleton.num_joints,
            encoder.frames // encoder.frames_per_token,
            in_channels=encoder.out_channels,
            channels=self.channels or encoder.out_channels,
            out_channels=channels,
            depth=self.depth,
            heads=self.heads,
            mlp_ratio=self.mlp_ratio,
        )
        if self.average_weight:
            joints, width = encoder.skeleton.num_joints, encoder.out_channels
            self.average = AverageHead(joints, width, encoder.in_channels)

    def reconstruct(self, encoder: Any, pos: Tensor, view: MaskedView) -> Tensor:
        """See :class:`~pyg_skeletonmae.models.pretraining.masked.MaskedDecoder`."""
        shown = ~view.mask
        x = encoder.encode_subgraph(pos, shown)
        if self.average_weight:
            error = self.average(x, pos, shown, view.valid)
            view.losses["average"] = (self.average_weight, error)
        visible = self.tokens.embed(x)
        token = self.tokens.mask_token.to(visible.dtype)
        filled = torch.where(view.mask[..., None], token, visible)
        return self.tokens.decode(filled.flatten(1, 2)).view(*view.mask.shape, -1)

    def __repr__(self) -> str:
        return f"{type(self).__name__}(depth={self.depth}, heads={self.heads})"
