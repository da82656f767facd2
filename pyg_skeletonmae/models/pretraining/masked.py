"""What masked pre-training asks of encoders and decoders."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass, field
from typing import Any, ClassVar

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from pyg_skeletonmae.configurable import Configurable
from pyg_skeletonmae.draws import Draws
from pyg_skeletonmae.errors import ConfigError, DataError
from pyg_skeletonmae.models.base import SkeletonEncoder, SkeletonModel
from pyg_skeletonmae.nn.targets import TargetNorm
from pyg_skeletonmae.nn.tokens import TokenSplit, split_tokens
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
        self.frames_per_patch = self.frames_per_token = frames_per_patch

    def check(self, pos: Tensor) -> None:
        """Refuses tracks that are not ``[P, V, T, C]`` of this encoder.

        Raises:
            DataError: The clips have other joints, channels, frames or precision.
        """
        wanted = [self.skeleton.num_joints, self.frames, self.in_channels]
        if pos.dim() == 4 and list(pos.shape[1:]) != wanted:
            advice = f"; Resample({self.frames}) them" if pos.size(2) != self.frames else ""
            raise DataError(
                f"tracks of [joints, frames, channels] {list(pos.shape[1:])} for an encoder of "
                f"{wanted}{advice}"
            )
        super().check(pos)

    @abstractmethod
    def encode_tracks(self, pos: Tensor) -> Tensor:
        """Encodes tracks ``[P, V, T, C]`` to ``[P, V, T', D]``."""


@dataclass
class MaskedView:
    """One masked look at the tracks of a batch.

    Args:
        mask: The hidden tokens, ``[P, V, S]``, bool, True = masked.
        valid: Where joints are present, ``[P, V, T]``, bool.
        draws: One row per track, for whatever else a decoder draws.
        visible: How many tokens of each track are visible, where that is the same known number.
        edge_mask: The bones that the batch hides, ``[P * E]``, bool.
        token: What stands in hidden places, ``[E]``, for decoders that ask for it.
        losses: What a decoder adds to the loss, by name, each with its weight.
        embedding: The encoder's embedding of the tracks, where a target has computed it.
        hidden_only: Whether nobody looks at predictions of visible tokens.
    """

    mask: Tensor
    valid: Tensor
    draws: Draws
    visible: int | None = None
    edge_mask: Tensor | None = None
    token: Tensor | None = None
    losses: dict[str, tuple[float, Tensor]] = field(default_factory=dict)
    embedding: Tensor | None = None
    hidden_only: bool = False

    @property
    def split(self) -> TokenSplit:
        """The numbers of the visible tokens, for encoders that see those alone."""
        return split_tokens(self.mask, self.visible)

    def embedded(self, encoder: Any, pos: Tensor) -> Tensor:
        """The encoder's embedding of the tracks, hidden tokens included, ``[P, V, S, E]``."""
        out: Tensor = encoder.embed(pos) if self.embedding is None else self.embedding
        return out

    def fill(self, x: Tensor) -> Tensor:
        """Tokens ``[P, V, S, E]`` with :attr:`token` in the hidden places."""
        assert self.token is not None
        out: Tensor = _Fill.apply(x, self.mask, self.token.to(x.dtype))  # type: ignore[no-untyped-call]
        return out


class _Fill(torch.autograd.Function):
    """A vector in the places of a mask. Its gradient is one product, where that of
    :func:`torch.where` writes a tensor of the size of the features and sums it up."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, mask: Tensor, token: Tensor) -> Tensor:
        ctx.save_for_backward(mask)
        return torch.where(mask[..., None], token, x)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None, Tensor]:
        (mask,) = ctx.saved_tensors
        of_token = mask.flatten().to(grad.dtype) @ grad.reshape(-1, grad.size(-1))
        return grad * ~mask[..., None], None, of_token  # in a third of the time of masked_fill


class MaskedDecoder(SkeletonModel):
    """Predicts the hidden tokens from what an encoder makes of the others.

    It alone knows how tokens are hidden from the encoder, and holds all that only pre-training
    needs, so that the encoder is whole without it.
    """

    reads: ClassVar[type[SkeletonModel]] = SkeletonModel
    """The encoders that it can hide tokens from."""

    token_channels: int | None = None
    """The width of the learned token that it puts in hidden places, if it asks for one."""

    def attach(self, encoder: Any, channels: int) -> None:
        """Tells the decoder, once, whose tokens it predicts; here sizes that are not given yet are.

        Args:
            encoder: The encoder.
            channels: How many numbers to predict for each token.

        Raises:
            ConfigError: They do not fit each other.
        """
        if not isinstance(encoder, self.reads):
            raise ConfigError(
                f"{type(self).__name__} decodes {self.reads.__name__}, not {type(encoder).__name__}"
            )

    @abstractmethod
    def reconstruct(self, encoder: Any, pos: Tensor, view: MaskedView) -> Tensor:
        """Encodes tracks ``[P, V, T, C]`` with the masked tokens hidden, and predicts all.

        Returns:
            ``P * V * S * channels`` numbers, in this order; of visible tokens any, if
            ``view.hidden_only``.
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
    def decoder(self, skeleton: Skeleton, in_channels: int, frames: int) -> MaskedDecoder:
        """A new decoder for such an encoder."""
