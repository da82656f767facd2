"""The vision-transformer form of the spatial-temporal masked auto-encoder."""

from __future__ import annotations

from pyg_skeletonmae.models.encoders.st import STEncoder
from pyg_skeletonmae.models.pretraining.masked import STBackbone
from pyg_skeletonmae.models.pretraining.st_decoder import STDecoder
from pyg_skeletonmae.nn.targets import TargetNorm
from pyg_skeletonmae.nn.token_embed import TimeEmbedding
from pyg_skeletonmae.nn.transformer import Init
from pyg_skeletonmae.skeleton import Skeleton
from pyg_skeletonmae.transforms.token_masking import RandomTokenMask


class ViTBackbone(STBackbone):
    """The vision-transformer form: visible tokens are encoded, all are decoded.

    The arguments of the encoder are those of :class:`~pyg_skeletonmae.models.STEncoder`.
    The defaults are those of the public code of MAMP, for NTU-60; for NTU-120 and PKU-MMD it has 5
    decoder blocks.

    Args:
        frames_per_patch: The frames of a token.
        hidden_channels: The width of the encoder.
        depth: The number of encoder blocks.
        heads: The number of attention heads, of the decoder, too.
        mlp_ratio: The width of the MLPs, in multiples of that of the blocks.
        drop_path: The rate of stochastic depth at the encoder's last block.
        layer_scale: The initial value of LayerScale; none: without.
        norm_eps: The epsilon of the layer norms.
        time_embedding: ``"learned"``, ``"zero"`` or ``"sinusoidal"``.
        decoder_channels: The width of the decoder.
        decoder_depth: The number of decoder blocks.
        init: How linear layers begin.
    """

    target_norm: TargetNorm = "patch"

    def __init__(
        self,
        frames_per_patch: int = 4,
        hidden_channels: int = 256,
        depth: int = 8,
        heads: int = 8,
        mlp_ratio: float = 4.0,
        drop_path: float = 0.0,
        layer_scale: float | None = None,
        norm_eps: float = 1e-5,
        time_embedding: TimeEmbedding = "learned",
        decoder_channels: int = 256,
        decoder_depth: int = 3,
        init: Init = "xavier",
    ) -> None:
        self.frames_per_patch = frames_per_patch
        self.hidden_channels, self.depth = hidden_channels, depth
        self.heads, self.mlp_ratio, self.drop_path = heads, mlp_ratio, drop_path
        self.layer_scale, self.norm_eps = layer_scale, norm_eps
        self.time_embedding: TimeEmbedding = time_embedding
        self.decoder_channels, self.decoder_depth = decoder_channels, decoder_depth
        self.init: Init = init

    def mask(self) -> RandomTokenMask:
        """Nine tokens of ten, at random."""
        return RandomTokenMask()

    def encoder(self, skeleton: Skeleton, in_channels: int, frames: int) -> STEncoder:
        """See :class:`~pyg_skeletonmae.models.pretraining.masked.STBackbone`."""
        return STEncoder(
            skeleton,
            in_channels,
            frames,
            frames_per_patch=self.frames_per_patch,
            hidden_channels=self.hidden_channels,
            depth=self.depth,
            heads=self.heads,
            mlp_ratio=self.mlp_ratio,
            drop_path=self.drop_path,
            layer_scale=self.layer_scale,
            norm_eps=self.norm_eps,
            time_embedding=self.time_embedding,
            init=self.init,
        )

    def decoder(
        self, skeleton: Skeleton, in_channels: int, frames: int, out_channels: int | None = None
    ) -> STDecoder:
        """See :class:`~pyg_skeletonmae.models.pretraining.masked.STBackbone`.

        ``out_channels`` numbers are predicted for each token; none: its coordinates.
        """
        if out_channels is None:
            out_channels = self.frames_per_patch * in_channels
        time: TimeEmbedding = "sinusoidal" if self.time_embedding == "sinusoidal" else "learned"
        return STDecoder(
            skeleton.num_joints,
            frames // self.frames_per_patch,
            in_channels=self.hidden_channels,
            channels=self.decoder_channels,
            out_channels=out_channels,
            depth=self.decoder_depth,
            heads=self.heads,
            mlp_ratio=self.mlp_ratio,
            layer_scale=self.layer_scale,
            norm_eps=self.norm_eps,
            time_embedding=time,
            init=self.init,
        )

    def __repr__(self) -> str:
        return (
            f"{type(self).__name__}(frames_per_patch={self.frames_per_patch}, "
            f"hidden={self.hidden_channels}, depth={self.depth}, "
            f"decoder={self.decoder_channels}x{self.decoder_depth})"
        )
