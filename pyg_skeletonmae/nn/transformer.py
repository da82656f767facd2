"""Pre-norm transformer blocks with LayerScale and stochastic depth."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn

from pyg_skeletonmae.errors import ConfigError
from pyg_skeletonmae.nn.attention import SelfAttention
from pyg_skeletonmae.nn.drop_path import DropPath
from pyg_skeletonmae.nn.tokens import gather_tokens

Init = Literal["xavier", "normal"]


def init_linear(module: nn.Module, init: Init = "xavier") -> None:
    """Draws the weights of all linear layers anew and sets their biases to zero.

    Args:
        module: Whatever holds the layers; everything else in it is left alone.
        init: ``"xavier"``, uniform, as in MAE and MAMP; ``"normal"``, truncated with standard
            deviation 0.02, as in Skeleton2vec.
    """
    for layer in module.modules():
        if not isinstance(layer, nn.Linear):
            continue
        if init == "xavier":
            nn.init.xavier_uniform_(layer.weight)
        else:
            nn.init.trunc_normal_(layer.weight, std=0.02)
        if layer.bias is not None:
            nn.init.zeros_(layer.bias)


class LayerScale(nn.Module):
    """One factor per channel, of `"Going deeper with Image Transformers"
    <https://arxiv.org/abs/2103.17239>`_.

    Args:
        channels: The width.
        value: The initial value of the factors.
    """

    def __init__(self, channels: int, value: float) -> None:
        super().__init__()
        self.value = value
        self.gamma = nn.Parameter(torch.full((channels,), value))

    def reset_parameters(self) -> None:
        """Sets the factors to their initial value."""
        nn.init.constant_(self.gamma, self.value)

    def forward(self, x: Tensor) -> Tensor:
        """Scales ``[..., D]``."""
        return x * self.gamma

    def __repr__(self) -> str:
        return f"{type(self).__name__}({len(self.gamma)}, {self.value:g})"


class MLP(nn.Module):
    """Linear, exact GELU, linear.

    Args:
        channels: The width of input and output.
        hidden_channels: The width in between.
    """

    def __init__(self, channels: int, hidden_channels: int) -> None:
        super().__init__()
        self.fc1 = nn.Linear(channels, hidden_channels)
        self.act = nn.GELU()
        self.fc2 = nn.Linear(hidden_channels, channels)

    def forward(self, x: Tensor) -> Tensor:
        """Maps ``[..., D]`` to ``[..., D]``."""
        out: Tensor = self.fc2(self.act(self.fc1(x)))
        return out


class TransformerBlock(nn.Module):
    r"""A pre-norm transformer block.

    .. math::
        \mathbf{x} &\leftarrow \mathbf{x} + \boldsymbol{\gamma}_1 \odot
        \mathrm{Attention}(\mathrm{LN}(\mathbf{x})) \\
        \mathbf{x} &\leftarrow \mathbf{x} + \boldsymbol{\gamma}_2 \odot
        \mathrm{MLP}(\mathrm{LN}(\mathbf{x}))

    Args:
        channels: The width ``D``.
        heads: The number of attention heads.
        mlp_ratio: The width of the MLP, in multiples of ``D``.
        drop_path: The rate at which a sequence skips a branch in training.
        layer_scale: The initial value of the factors :math:`\boldsymbol{\gamma}`; none: without.
        norm_eps: The epsilon of the layer norms (1e-5 in MAMP, 1e-6 in Skeleton2vec).

    Shapes:
        - **input:** tokens ``[P, L, D]``, and optionally ``present [P, L]``, bool
        - **output:** ``[P, L, D]``
    """

    def __init__(
        self,
        channels: int,
        heads: int = 8,
        mlp_ratio: float = 4.0,
        drop_path: float = 0.0,
        layer_scale: float | None = None,
        norm_eps: float = 1e-5,
    ) -> None:
        super().__init__()
        self.used_in_parts = False  # by others than its own forward: it cannot be cut alone
        self.norm1 = nn.LayerNorm(channels, norm_eps)
        self.attn = SelfAttention(channels, heads)
        self.scale1 = _layer_scale(channels, layer_scale)
        self.norm2 = nn.LayerNorm(channels, norm_eps)
        self.mlp = MLP(channels, int(channels * mlp_ratio))
        self.scale2 = _layer_scale(channels, layer_scale)
        self.drop_path = DropPath(drop_path)
        self.norms_after = {"scale1": ["attn.proj"], "scale2": ["mlp.fc2"]}

    def forward(
        self,
        x: Tensor,
        present: Tensor | None = None,
        qkv: Tensor | None = None,
        asked: Tensor | None = None,
    ) -> Tensor:
        """One block; tokens that are not present are not attended to.

        Args:
            x: The tokens.
            present: Which of them are present; none: all.
            qkv: What :meth:`queries` makes of them, if it is known.
            asked: The numbers of the tokens that are asked for, ``[P, M]``, long; none: all.

        Returns:
            ``[P, L, D]``, or of the tokens that are asked for ``[P, M, D]``.
        """
        qkv = self.queries(x) if qkv is None else qkv
        x = x if asked is None else gather_tokens(x, asked)
        x = x + self.drop_path(self.scale1(self.attn.attend(qkv, present, asked)))
        out: Tensor = x + self.drop_path(self.scale2(self.mlp(self.norm2(x))))
        return out

    def queries(self, x: Tensor) -> Tensor:
        """Queries, keys and values of tokens, each by itself: ``[..., D]`` to ``[..., 3 * D]``."""
        out: Tensor = self.attn.qkv(self.norm1(x))
        return out


class Transformer(nn.Module):
    """Blocks of equal width, one after the other, without a final norm.

    The rate of stochastic depth grows linearly from 0 at the first block to ``drop_path`` at the
    last.

    Args:
        channels: The width ``D``.
        depth: The number of blocks.
        heads: As in :class:`TransformerBlock`.
        mlp_ratio: As in :class:`TransformerBlock`.
        drop_path: The rate of the last block.
        layer_scale: As in :class:`TransformerBlock`.
        norm_eps: As in :class:`TransformerBlock`.

    Shapes:
        - **input:** tokens ``[P, L, D]``, and optionally ``present [P, L]``, bool
        - **output:** ``[P, L, D]``

    Raises:
        ConfigError: There is no block, or an argument of a block is out of range.
    """

    def __init__(
        self,
        channels: int,
        depth: int,
        heads: int = 8,
        mlp_ratio: float = 4.0,
        drop_path: float = 0.0,
        layer_scale: float | None = None,
        norm_eps: float = 1e-5,
    ) -> None:
        super().__init__()
        if depth < 1:
            raise ConfigError(f"depth {depth}: expected at least one block")
        rates = torch.linspace(0.0, drop_path, depth, device="cpu").tolist()
        self.blocks = nn.ModuleList(
            TransformerBlock(
                channels,
                heads,
                mlp_ratio,
                drop_path=rate,
                layer_scale=layer_scale,
                norm_eps=norm_eps,
            )
            for rate in rates
        )

    def forward(
        self,
        x: Tensor,
        present: Tensor | None = None,
        qkv: Tensor | None = None,
        asked: Tensor | None = None,
    ) -> Tensor:
        """The tokens after the last block.

        Args:
            x: The tokens.
            present: Which of them are present; none: all.
            qkv: What :meth:`TransformerBlock.queries` of the first block makes of them, if known.
            asked: The numbers of the tokens that are asked for; none: all. The last block computes
                no others.
        """
        last = len(self.blocks) - 1
        for number, block in enumerate(self.blocks):
            x, qkv = block(x, present, qkv, asked if number == last else None), None
        return x

    def hidden_states(self, x: Tensor, last: int) -> list[Tensor]:
        """The tokens ``[P, L, D]`` after each of the ``last`` blocks, in order.

        Raises:
            ConfigError: There are fewer blocks.
        """
        if not 1 <= last <= len(self.blocks):
            raise ConfigError(f"the last {last} of {len(self.blocks)} blocks: expected 1 to all")
        states: list[Tensor] = []
        for number, block in enumerate(self.blocks, start=last - len(self.blocks)):
            x = block(x)
            if number >= 0:
                states.append(x)
        return states


def _layer_scale(channels: int, value: float | None) -> nn.Module:
    return nn.Identity() if value is None else LayerScale(channels, value)
