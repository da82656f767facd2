"""What the spatial-temporal masked auto-encoder asks of its encoder and its decoder."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any, Generic, TypeVar

from torch import Tensor, nn

from pyg_skeletonmae.configurable import Configurable
from pyg_skeletonmae.errors import ConfigError, DataError
from pyg_skeletonmae.models.base import SkeletonEncoder
from pyg_skeletonmae.nn.targets import TargetNorm
from pyg_skeletonmae.nn.tokens import TokenSplit
from pyg_skeletonmae.skeleton import Skeleton
from pyg_skeletonmae.transforms.masking import MaskPolicy


class MaskedEncoder(SkeletonEncoder):
    """An encoder of clips of one length whose tokens, some frames of one joint, can be hidden.

    Args:
        skeleton: The joints and bones.
        in_channels: The channels of a joint.
        frames: The frames of every clip.
        out_channels: The width ``D`` of the features.
        frames_per_patch: The frames of a token.

    Raises:
        ConfigError: The frames are no whole number of patches.
    """

    def __init__(
        self,
        skeleton: Skeleton,
        in_channels: int,
        frames: int,
        out_channels: int,
        frames_per_patch: int,
    ) -> None:
        super().__init__(skeleton, out_channels)
        if frames < 1 or frames_per_patch < 1 or frames % frames_per_patch:
            raise ConfigError(
                f"{frames} frames are no whole number of patches of {frames_per_patch}"
            )
        self.in_channels, self.frames = in_channels, frames
        self.frames_per_patch = frames_per_patch

    def check(self, pos: Tensor) -> None:
        """Refuses tracks that are not ``[P, V, T, C]`` of this encoder.

        Raises:
            DataError: The clips have other joints, channels or frames.
        """
        wanted = [self.skeleton.num_joints, self.frames, self.in_channels]
        if list(pos.shape[1:]) != wanted:
            advice = f"; Resample({self.frames}) them" if pos.size(2) != self.frames else ""
            raise DataError(
                f"tracks of [joints, frames, channels] {list(pos.shape[1:])} for an encoder of "
                f"{wanted}{advice}"
            )


E_contra = TypeVar("E_contra", bound=MaskedEncoder, contravariant=True)


class MaskedDecoder(nn.Module, Generic[E_contra]):
    """Predicts clips from what an encoder makes of their visible tokens.

    It holds all that only pre-training needs, so that the encoder is whole without it.
    """

    @abstractmethod
    def reconstruct(self, encoder: E_contra, pos: Tensor, split: TokenSplit) -> Tensor:
        """Encodes tracks ``[P, V, T, C]`` with the masked tokens hidden, and predicts all.

        Returns:
            ``P * V * T * C`` numbers, in this order.
        """


class STBackbone(Configurable):
    """Builds the encoder and the decoder of an
    :class:`~pyg_skeletonmae.models.STSkeletonMAE`, and knows what suits them."""

    target_norm: TargetNorm
    """How targets are standardised unless one says otherwise."""

    @abstractmethod
    def mask(self) -> MaskPolicy:
        """Which tokens are hidden unless one says otherwise."""

    @abstractmethod
    def encoder(self, skeleton: Skeleton, in_channels: int, frames: int) -> MaskedEncoder:
        """A new encoder of clips of ``frames`` frames."""

    @abstractmethod
    def decoder(self, skeleton: Skeleton, in_channels: int, frames: int) -> MaskedDecoder[Any]:
        """A new decoder for such an encoder."""
