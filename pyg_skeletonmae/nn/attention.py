"""Multi-head self-attention whose kernel is chosen by the length of the sequence."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from pyg_skeletonmae.errors import ConfigError

# On a CPU, forward and backward: the plain form is up to 1.6x faster at 25-75 tokens, both are
# equal near 100, and the fused one is 3x faster at 750, mostly by not touching fresh memory.
FUSED_LENGTH = 100


def use_fused(length: int, device: torch.device) -> bool:
    """Whether the fused kernel is the faster one for sequences of this length."""
    return device.type != "cpu" or length >= FUSED_LENGTH


def attention(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    present: Tensor | None = None,
    fused: bool | None = None,
) -> Tensor:
    r"""Scaled dot-product attention,
    :math:`\mathrm{softmax}(\mathbf{Q} \mathbf{K}^{\top} / \sqrt{d})\, \mathbf{V}`.

    Args:
        query: ``[P, H, L, d]``.
        key: ``[P, H, L, d]``.
        value: ``[P, H, L, d]``.
        present: Which tokens may be attended to ``[P, L]``, bool, at least one of each sequence;
            none: all of them.
        fused: Whether to use PyTorch's fused kernel, to the same result; none: :func:`use_fused`.
    """
    mask = None if present is None else present[:, None, None, :]
    if use_fused(query.size(-2), query.device) if fused is None else fused:
        return F.scaled_dot_product_attention(query, key, value, attn_mask=mask)
    scores = (query * query.size(-1) ** -0.5) @ key.transpose(-2, -1)
    if mask is not None:
        scores = scores.masked_fill(~mask, -torch.inf)
    return torch.matmul(scores.softmax(dim=-1), value)


class SelfAttention(nn.Module):
    r"""Multi-head self-attention of `"Attention Is All You Need"
    <https://arxiv.org/abs/1706.03762>`_.

    The rows of ``qkv`` are queries, keys, values, each head after head, so that the weights of
    timm, MAMP and others fit as they are.

    Args:
        channels: The width ``D``.
        heads: The number of heads.

    Shapes:
        - **input:** tokens ``[P, L, D]``, and optionally ``present [P, L]``, bool
        - **output:** ``[P, L, D]``

    Raises:
        ConfigError: The heads do not divide the width.
    """

    def __init__(self, channels: int, heads: int = 8) -> None:
        super().__init__()
        if heads < 1 or channels % heads:
            raise ConfigError(f"{heads} heads do not divide a width of {channels}")
        self.heads = heads
        self.qkv = nn.Linear(channels, 3 * channels)
        self.proj = nn.Linear(channels, channels)

    def forward(self, x: Tensor, present: Tensor | None = None) -> Tensor:
        """Lets each token look at all tokens that are present."""
        return self.attend(self.qkv(x), present)

    def attend(
        self, qkv: Tensor, present: Tensor | None = None, asked: Tensor | None = None
    ) -> Tensor:
        """The same from queries, keys and values ``[P, L, 3 * D]``, which others may have made.

        Args:
            qkv: The queries, keys and values.
            present: Which tokens are attended to; none: all.
            asked: The numbers of the tokens that look, ``[P, M]``, long; none: all.

        Returns:
            ``[P, L, D]``, or of the tokens that look ``[P, M, D]``.
        """
        tracks, length, channels = *qkv.shape[:2], qkv.size(2) // 3
        width = channels // self.heads
        qkv = qkv.view(tracks, length, 3, self.heads, width)
        query, key, value = qkv.permute(2, 0, 3, 1, 4).unbind(0)
        if asked is not None:
            query = query.gather(2, asked[:, None, :, None].expand(-1, self.heads, -1, width))
        out: Tensor = self.proj(attention(query, key, value, present).transpose(1, 2).flatten(2))
        return out

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.proj.in_features}, heads={self.heads})"
