"""The tuples transformer as an encoder."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from pyg_skeletonmae.errors import ConfigError
from pyg_skeletonmae.models.inference import in_pieces
from pyg_skeletonmae.models.pretraining.masked import MaskedEncoder
from pyg_skeletonmae.nn.frame_tuples import from_tuples, to_tuples, tuple_blocks
from pyg_skeletonmae.nn.sttformer import SLOPE
from pyg_skeletonmae.nn.tokens import to_patches
from pyg_skeletonmae.skeleton import Skeleton

# (in, out, attention) channels of each block in the public code
PUBLISHED = (
    (64, 64, 16),
    (64, 64, 16),
    (64, 128, 32),
    (128, 128, 32),
    (128, 256, 64),
    (256, 256, 64),
    (256, 256, 64),
    (256, 256, 64),
)


class FrameEmbed(nn.Sequential):
    """The linear map of each joint of each frame, with its norm and activation.

    Args:
        in_channels: The channels of a joint.
        channels: The width of a token.

    Shapes:
        - **input:** tracks ``[P, V, T, C]``
        - **output:** tokens ``[P, V, T, E]``
    """

    def __init__(self, in_channels: int, channels: int) -> None:
        super().__init__(nn.Conv2d(in_channels, channels, 1, bias=False), nn.BatchNorm2d(channels))
        self.channels = channels
        self.norms_after = {"1": ["0"]}

    def forward(self, pos: Tensor) -> Tensor:
        """Embeds every joint of every frame."""
        x = to_tuples(pos, 1)  # of one frame: it does not matter here
        for layer in self:
            x = layer(x)
        return from_tuples(F.leaky_relu(x, SLOPE), pos.size(1))


class STTFormerEncoder(MaskedEncoder):
    r"""The network of `"Spatio-Temporal Tuples Transformer for Skeleton-Based Action Recognition"
    <https://arxiv.org/abs/2201.02849>`_, without its classifier.

    A clip is cut into tuples of ``F`` frames. Every joint of every frame is a token,
    :math:`\sigma(\mathrm{BN}(\mathbf{W} \mathbf{x}))`, and blocks
    (:class:`~pyg_skeletonmae.nn.TupleBlock`) mix the tokens of a tuple and then the tuples. The
    features of a joint are its means over the frames of a tuple (our choice: the paper only has
    the mean over everything); :meth:`encode_tokens` gives those of all frames.

    Args:
        skeleton: The joints and bones.
        in_channels: The channels ``C`` of a joint.
        frames: The frames ``T`` of every clip.
        tuple_frames: The frames ``F`` of a tuple.
        channels: Each block's ``(in, out, attention)`` channels. (default: those of the public
            code, eight blocks of 64 to 256 channels)
        heads: The number of attention heads.
        kernel: The tuples and the tokens that the convolutions of a block see, both odd.

    Shapes:
        - **input:** a batch with ``pos [P * V, T, C]``
        - **output:** features ``[P, V, T / F, D]``, with the last block's width ``D``

    Raises:
        ConfigError: The frames are no whole number of tuples, or a block does not fit.
    """

    def __init__(
        self,
        skeleton: Skeleton,
        in_channels: int = 3,
        frames: int = 120,
        tuple_frames: int = 6,
        channels: Sequence[Sequence[int]] = PUBLISHED,
        heads: int = 3,
        kernel: Sequence[int] = (3, 5),
    ) -> None:
        if tuple_frames < 1 or frames % tuple_frames:
            raise ConfigError(f"{frames} frames are no whole number of tuples of {tuple_frames}")
        blocks = tuple_blocks(channels, tuple_frames * skeleton.num_joints, heads, kernel)
        super().__init__(skeleton, in_channels, frames, channels[-1][1], frames_per_patch=1)
        self.tuple_frames = tuple_frames
        self.embed = FrameEmbed(in_channels, channels[0][0])
        self.blocks = blocks

    @property
    def embed_channels(self) -> int:
        """The width of the first block's input."""
        return self.embed.channels

    def mix(self, x: Tensor) -> Tensor:
        """Passes tokens ``[P, V, T, E]`` through the blocks, to ``[P, V, T, D]``."""
        return from_tuples(self.blocks(to_tuples(x, self.tuple_frames)), self.skeleton.num_joints)

    @in_pieces
    def encode_tracks(self, pos: Tensor) -> Tensor:
        """Encodes tracks ``[P, V, T, C]`` to ``[P, V, T / F, D]``."""
        return to_patches(self.encode_tokens(pos), self.tuple_frames).mean(3)

    def encode_tokens(
        self, pos: Tensor, mask: Tensor | None = None, token: Tensor | None = None
    ) -> Tensor:
        """Encodes tracks ``[P, V, T, C]`` to ``[P, V, T, D]``: every joint of every frame.

        Args:
            pos: The tracks.
            mask: What to hide, ``[P, V, T]``, bool.
            token: What stands there instead, after the first linear map, ``[channels[0][0]]``;
                none: zeros.

        Raises:
            DataError: The clips have other joints, channels or frames than the encoder.
        """
        self.check(pos)
        x: Tensor = self.embed(pos)
        if mask is not None:
            fill = x.new_zeros(()) if token is None else token.to(x.dtype)
            x = torch.where(mask[..., None], fill, x)
        return self.mix(x)

    def __repr__(self) -> str:
        return (
            f"{type(self).__name__}({self.skeleton.name}, channels={self.in_channels}, "
            f"frames={self.frames}, tuple_frames={self.tuple_frames}, "
            f"hidden={self.out_channels}, depth={len(self.blocks)})"
        )
