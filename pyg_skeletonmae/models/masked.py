"""What the spatial-temporal masked auto-encoder asks of its encoder and its decoder."""

from __future__ import annotations

from abc import abstractmethod

from torch import Tensor, nn

from pyg_skeletonmae.configurable import Configurable
from pyg_skeletonmae.models.base import SkeletonEncoder
from pyg_skeletonmae.nn.tokens import TokenSplit
from pyg_skeletonmae.skeleton import Skeleton


class MaskedEncoder(SkeletonEncoder):
    """An encoder that can hide tokens from itself; a token is some frames of one joint.

    Args:
        skeleton: The joints and bones.
        out_channels: The width ``D`` of the features.
        frames_per_patch: The frames of a token.
    """

    def __init__(self, skeleton: Skeleton, out_channels: int, frames_per_patch: int) -> None:
        super().__init__(skeleton, out_channels)
        self.frames_per_patch = frames_per_patch

    @abstractmethod
    def encode_masked(self, pos: Tensor, split: TokenSplit) -> Tensor:
        """Encodes tracks ``[P, V, T, C]``; what comes out is for its own decoder to read."""


class STBackbone(Configurable):
    """Builds the encoder and the decoder of an
    :class:`~pyg_skeletonmae.models.st_mae.STSkeletonMAE`."""

    @abstractmethod
    def encoder(self, skeleton: Skeleton, in_channels: int, frames: int) -> MaskedEncoder:
        """A new encoder of clips of ``frames`` frames."""

    @abstractmethod
    def decoder(self, skeleton: Skeleton, in_channels: int, frames: int) -> nn.Module:
        """A new decoder, called with what :meth:`MaskedEncoder.encode_masked` gives and the split.

        It predicts ``P * V * T * C`` numbers, in this order.
        """
