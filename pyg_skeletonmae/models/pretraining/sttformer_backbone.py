"""The tuples-transformer form of the spatial-temporal masked auto-encoder."""

from __future__ import annotations

from collections.abc import Sequence

from pyg_skeletonmae.errors import ConfigError
from pyg_skeletonmae.models.encoders.sttformer import PUBLISHED, STTFormerEncoder
from pyg_skeletonmae.models.pretraining.masked import STBackbone
from pyg_skeletonmae.models.pretraining.sttformer_decoder import STTFormerDecoder
from pyg_skeletonmae.nn.targets import TargetNorm
from pyg_skeletonmae.skeleton import Skeleton
from pyg_skeletonmae.transforms.token_masking import JointFrameMask

DECODER = ((256, 128, 64), (128, 64, 32), (64, 64, 16))


class STTFormerBackbone(STBackbone):
    """The form of the ICMEW paper: all places are encoded, masked ones as a learned token.

    `"SkeletonMAE: Spatial-Temporal Masked Autoencoders for Self-supervised Skeleton Action
    Recognition" <https://arxiv.org/abs/2209.02399>`_ pre-trains a `"Spatio-Temporal Tuples
    Transformer" <https://arxiv.org/abs/2201.02849>`_. It released no code. What is ours: the
    decoder, the sizes of the masks, and coordinates as they are for targets.

    Args:
        tuple_frames: As in :class:`~pyg_skeletonmae.models.STTFormerEncoder`.
        channels: Likewise.
        heads: The number of attention heads, of the decoder, too.
        kernel: The kernels, of the decoder, too.
        decoder_channels: Each decoder block's ``(in, out, attention)`` channels; the first block
            reads the encoder's output.
        remask: Whether the decoder sees a learned token at masked places, as in MAE, or what the
            encoder made of them.

    Raises:
        ConfigError: On use: the decoder does not fit the encoder, or a block the one before.
    """

    target_norm: TargetNorm = "none"

    def __init__(
        self,
        tuple_frames: int = 6,
        channels: Sequence[Sequence[int]] = PUBLISHED,
        heads: int = 3,
        kernel: Sequence[int] = (3, 5),
        decoder_channels: Sequence[Sequence[int]] = DECODER,
        remask: bool = True,
    ) -> None:
        self.tuple_frames, self.channels, self.heads = tuple_frames, channels, heads
        self.kernel, self.decoder_channels, self.remask = kernel, decoder_channels, remask

    def mask(self) -> JointFrameMask:
        """Nine joints and two frames of five."""
        return JointFrameMask()

    def encoder(self, skeleton: Skeleton, in_channels: int, frames: int) -> STTFormerEncoder:
        """See :class:`~pyg_skeletonmae.models.pretraining.masked.STBackbone`."""
        return STTFormerEncoder(
            skeleton,
            in_channels,
            frames,
            tuple_frames=self.tuple_frames,
            channels=self.channels,
            heads=self.heads,
            kernel=self.kernel,
        )

    def decoder(self, skeleton: Skeleton, in_channels: int, frames: int) -> STTFormerDecoder:
        """See :class:`~pyg_skeletonmae.models.pretraining.masked.STBackbone`."""
        decoder = STTFormerDecoder(
            skeleton.num_joints,
            self.tuple_frames,
            hidden_channels=self.channels[0][0],
            out_channels=in_channels,
            channels=self.decoder_channels,
            heads=self.heads,
            kernel=self.kernel,
            remask=self.remask,
        )
        if decoder.in_channels != self.channels[-1][1]:
            raise ConfigError(
                f"decoder_channels {self.decoder_channels}: the encoder's output has "
                f"{self.channels[-1][1]} channels"
            )
        return decoder

    def __repr__(self) -> str:
        return (
            f"{type(self).__name__}(tuple_frames={self.tuple_frames}, "
            f"hidden={self.channels[-1][1]}, depth={len(self.channels)}, "
            f"decoder={len(self.decoder_channels)}, remask={self.remask})"
        )
