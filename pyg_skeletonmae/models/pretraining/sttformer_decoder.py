"""The decoder of masked auto-encoders of tuples of frames."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from pyg_skeletonmae.errors import ConfigError
from pyg_skeletonmae.models.encoders.sttformer import STTFormerEncoder
from pyg_skeletonmae.models.pretraining.masked import MaskedDecoder, MaskedView
from pyg_skeletonmae.nn.frame_tuples import from_tuples, to_tuples, tuple_blocks


class STTFormerDecoder(MaskedDecoder):
    """Predicts the coordinates of all tokens by a few more blocks and a linear map.

    Masked tokens are replaced by a learned vector behind the encoder's first linear map, which
    suits any pattern of masks, and by another one before the decoder.

    Args:
        num_joints: The number of joints ``V``.
        tuple_frames: The frames of a tuple.
        hidden_channels: The width behind the encoder's first linear map.
        out_channels: How many numbers ``C`` to predict for each joint of each frame.
        channels: Each block's ``(in, out, attention)`` channels; the first block reads the
            encoder's output.
        heads: The number of attention heads.
        kernel: The tuples and the tokens that the convolutions of a block see, both odd.
        remask: Whether masked tokens are replaced before the decoder, too; if not, it reads what
            the encoder made of them.

    Shapes:
        - **input:** tokens ``[P, V, T, D]`` and their mask ``[P, V, T]``, bool
        - **output:** coordinates ``[P, V, T, C]``

    Raises:
        ConfigError: A block does not fit the one before.
    """

    reads = STTFormerEncoder

    def __init__(
        self,
        num_joints: int,
        tuple_frames: int,
        hidden_channels: int,
        out_channels: int,
        channels: Sequence[Sequence[int]],
        heads: int = 3,
        kernel: Sequence[int] = (3, 5),
        remask: bool = True,
    ) -> None:
        super().__init__()
        self.num_joints, self.tuple_frames, self.remask = num_joints, tuple_frames, remask
        self.blocks = tuple_blocks(channels, tuple_frames * num_joints, heads, kernel)
        self.in_channels = channels[0][0]
        self.hidden_token = nn.Parameter(torch.zeros(hidden_channels))
        if remask:
            self.mask_token = nn.Parameter(torch.zeros(self.in_channels))
        self.head = nn.Conv2d(channels[-1][1], out_channels, 1)

    def forward(self, tokens: Tensor, mask: Tensor) -> Tensor:
        """Predicts coordinates from encoded tokens."""
        if self.remask:
            tokens = torch.where(mask[..., None], self.mask_token.to(tokens.dtype), tokens)
        x = self.head(self.blocks(to_tuples(tokens, self.tuple_frames)))
        return from_tuples(x, self.num_joints)

    def attach(self, encoder: STTFormerEncoder, channels: int) -> None:
        """See :class:`~pyg_skeletonmae.models.pretraining.masked.MaskedDecoder`."""
        super().attach(encoder, channels)
        own = (self.in_channels, self.num_joints, self.head.out_channels)
        found = (encoder.out_channels, encoder.skeleton.num_joints, channels)
        if own != found:
            raise ConfigError(
                f"decoder: [width, joints, numbers of a token] {list(own)} for {list(found)}"
            )

    def reconstruct(self, encoder: STTFormerEncoder, pos: Tensor, view: MaskedView) -> Tensor:
        """See :class:`~pyg_skeletonmae.models.pretraining.masked.MaskedDecoder`."""
        tokens = encoder.encode_tokens(pos, view.mask, self.hidden_token)
        out: Tensor = self(tokens, view.mask)
        return out

    def __repr__(self) -> str:
        widths = [self.in_channels, *(block.out_channels for block in self.blocks)]
        return (
            f"{type(self).__name__}(widths={widths}, out={self.head.out_channels}, "
            f"remask={self.remask})"
        )
