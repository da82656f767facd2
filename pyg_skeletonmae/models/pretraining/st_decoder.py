"""The decoder of masked auto-encoders of tokens."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from pyg_skeletonmae.errors import ConfigError
from pyg_skeletonmae.models.encoders.st import STEncoder
from pyg_skeletonmae.models.pretraining.masked import MaskedDecoder, MaskedView
from pyg_skeletonmae.nn.token_embed import JointTimeEmbedding, TimeEmbedding
from pyg_skeletonmae.nn.tokens import TokenSplit, scatter_tokens
from pyg_skeletonmae.nn.transformer import Init, Transformer, TransformerBlock, init_linear


class STDecoder(MaskedDecoder):
    """Puts encoded visible tokens among mask tokens and predicts all tokens.

    Args:
        num_joints: The number of joints ``V``.
        num_steps: The number of time steps ``S``.
        in_channels: The width of the encoder.
        channels: The width of the decoder.
        out_channels: How many numbers to predict for each token.
        depth: The number of blocks.
        heads: As in :class:`~pyg_skeletonmae.nn.transformer.TransformerBlock`.
        mlp_ratio: Likewise.
        layer_scale: Likewise.
        norm_eps: Likewise.
        time_embedding: As in :class:`~pyg_skeletonmae.nn.token_embed.JointTimeEmbedding`.
        init: How linear layers begin.

    Shapes:
        - **input:** visible tokens ``[P, K, in_channels]`` and their split
        - **output:** ``[P, V * S, out_channels]``
    """

    reads = STEncoder

    def __init__(
        self,
        num_joints: int,
        num_steps: int,
        in_channels: int,
        channels: int,
        out_channels: int,
        depth: int = 3,
        heads: int = 8,
        mlp_ratio: float = 4.0,
        layer_scale: float | None = None,
        norm_eps: float = 1e-5,
        time_embedding: TimeEmbedding = "learned",
        init: Init = "xavier",
    ) -> None:
        super().__init__()
        self.embed = nn.Linear(in_channels, channels)
        self.mask_token = nn.Parameter(torch.empty(channels))
        self.position = JointTimeEmbedding(num_joints, num_steps, channels, time_embedding)
        self.transformer = Transformer(
            channels, depth, heads, mlp_ratio, layer_scale=layer_scale, norm_eps=norm_eps
        )
        first = self.transformer.blocks[0]
        assert isinstance(first, TransformerBlock)
        first.used_in_parts = True  # see forward
        self.norm = nn.LayerNorm(channels, norm_eps)
        self.head = nn.Linear(channels, out_channels)
        nn.init.trunc_normal_(self.mask_token, std=0.02)
        init_linear(self, init)

    def forward(self, encoded: Tensor, split: TokenSplit, hidden_only: bool = False) -> Tensor:
        """Predicts all tokens from the visible ones.

        What stands in a hidden place is the same in all tracks, and so is what the first block
        makes of it before tokens look at each other: that is computed once.

        Args:
            encoded: The visible tokens, encoded.
            split: Where they belong.
            hidden_only: Whether predictions of visible tokens may be zeros: where all tracks hide
                equally many, the last block then computes the hidden ones alone.
        """
        visible = self.embed(encoded) + self.position(split.keep)
        hidden = self.mask_token + self.position()
        first = self.transformer.blocks[0]
        assert isinstance(first, TransformerBlock)
        qkv = scatter_tokens(first.queries(visible), split, first.queries(hidden))
        asked = split.hidden if hidden_only else None
        asked = None if asked is None or not asked.numel() else asked
        tokens = scatter_tokens(visible, split, hidden)
        out = self.predict(self.transformer(tokens, qkv=qkv, asked=asked))
        if asked is None:
            return out
        zeros = out.new_zeros(*tokens.shape[:2], out.size(2))
        return zeros.scatter(1, asked[..., None].expand(-1, -1, out.size(2)), out)

    def attach(self, encoder: STEncoder, channels: int) -> None:
        """See :class:`~pyg_skeletonmae.models.pretraining.masked.MaskedDecoder`."""
        super().attach(encoder, channels)
        own = (self.embed.in_features, self.position.joint.size(-2), self.head.out_features)
        found = (encoder.out_channels, encoder.skeleton.num_joints, channels)
        if own != found:
            raise ConfigError(
                f"decoder: [width, joints, numbers of a token] {list(own)} for {list(found)}"
            )

    def reconstruct(self, encoder: STEncoder, pos: Tensor, view: MaskedView) -> Tensor:
        """See :class:`~pyg_skeletonmae.models.pretraining.masked.MaskedDecoder`."""
        split = view.split
        encoded = encoder.encode_visible(pos, split.keep, split.present)
        out: Tensor = self(encoded, split, view.hidden_only)
        return out

    def decode(self, tokens: Tensor) -> Tensor:
        """Predicts all tokens from embedded and mask tokens ``[P, V * S, channels]``."""
        return self.predict(self.transformer(tokens + self.position()))

    def predict(self, tokens: Tensor) -> Tensor:
        """Numbers of tokens ``[P, V * S, channels]`` that have seen each other."""
        out: Tensor = self.head(self.norm(tokens))
        return out

    def __repr__(self) -> str:
        depth = len(self.transformer.blocks)
        return (
            f"{type(self).__name__}({self.embed.in_features}, {self.embed.out_features}, "
            f"{self.head.out_features}, depth={depth})"
        )
