"""The block of the tuples transformer: attention within tuples of frames, then among tuples."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from pyg_skeletonmae.errors import ConfigError, DataError
from pyg_skeletonmae.nn.token_embed import sinusoidal

SLOPE = 0.1  # of every leaky ReLU


class TupleAttention(nn.Module):
    r"""The attention maps of `"Spatio-Temporal Tuples Transformer for Skeleton-Based Action
    Recognition" <https://arxiv.org/abs/2201.02849>`_: one for each track and head, for all tuples.

    .. math::
        \mathbf{A}_h = \alpha_h \tanh \Big( \frac{1}{S d} \sum_{s = 1}^{S}
        \mathbf{Q}_{h,s} \mathbf{K}_{h,s}^{\top} \Big) + \mathbf{A}^{(0)}_h, \qquad
        [\mathbf{Q}_{h,s}, \mathbf{K}_{h,s}] = (\mathbf{X}_s + \mathbf{E}) \mathbf{W}_h
        + \mathbf{b}_h

    There is no softmax: the learned map :math:`\mathbf{A}^{(0)}_h` starts at :math:`1 / U`. The
    sinusoids :math:`\mathbf{E}` run over the tokens of a tuple and are the same in each tuple; they
    go to queries and keys only.

    Args:
        channels: The width ``C`` of the input.
        tokens: The tokens ``U`` of a tuple.
        attention_channels: The width ``d`` of a head's queries and keys.
        heads: The number of heads. (default: ``3``)
        position: Whether to add the sinusoids. (default: ``True``)

    Shapes:
        - **input:** :math:`(P, C, S, U)`
        - **output:** maps :math:`(P, \mathrm{heads}, U, U)`; rows are queries
    """

    position: Tensor | None

    def __init__(
        self,
        channels: int,
        tokens: int,
        attention_channels: int,
        heads: int = 3,
        position: bool = True,
    ) -> None:
        super().__init__()
        self.heads, self.attention_channels = heads, attention_channels
        encoding = sinusoidal(tokens, channels).T[:, None] if position else None
        self.register_buffer("position", encoding, persistent=False)
        self.qk = nn.Conv2d(channels, 2 * heads * attention_channels, 1)
        self.scale = nn.Parameter(torch.empty(heads, 1, 1))
        self.base = nn.Parameter(torch.empty(heads, tokens, tokens))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Scales of one, a uniform learned map, and PyTorch's own weights."""
        self.qk.reset_parameters()
        nn.init.ones_(self.scale)
        nn.init.constant_(self.base, 1.0 / self.base.size(-1))

    def scores(self, x: Tensor) -> Tensor:
        """The part of the maps that depends on the input, before its scale."""
        qk = self.qk(x if self.position is None else x + self.position)
        width = self.attention_channels * x.size(2)
        q, k = qk.reshape(x.size(0), 2, self.heads, width, x.size(3)).unbind(1)
        return torch.tanh(q.transpose(2, 3) @ k / width)

    def forward(self, x: Tensor) -> Tensor:
        """The maps, see the class."""
        return self.scores(x) * self.scale + self.base

    def __repr__(self) -> str:
        return (
            f"{type(self).__name__}({self.qk.in_channels}, tokens={self.base.size(-1)}, "
            f"attention={self.attention_channels}, heads={self.heads})"
        )


class TupleBlock(nn.Module):
    r"""A block of `"Spatio-Temporal Tuples Transformer for Skeleton-Based Action Recognition"
    <https://arxiv.org/abs/2201.02849>`_.

    A clip is cut into ``S`` tuples of a few frames; the tokens of a tuple are all joints of all of
    its frames. Attention and a convolution mix the tokens of a tuple, and another convolution mixes
    tuples, with :math:`\sigma` a leaky ReLU of slope 0.1 and :math:`r` a residual (the identity, or
    a linear map and a batch norm where the width changes):

    .. math::
        \mathbf{Y} &= \sigma \big( \mathrm{BN}(\mathrm{Conv}_{1 \times k_U} ( \Vert_h
        \mathbf{A}_h^{\top} \mathbf{X} )) + r(\mathbf{X}) \big) \\
        \mathbf{Y} &\leftarrow \sigma \big( \mathrm{BN}(\mathbf{W} \mathbf{Y})
        + r(\mathbf{X}) \big) \\
        \mathbf{Z} &= \sigma \big( \mathrm{BN}(\mathrm{Conv}_{k_S \times 1}(\mathbf{Y}))
        + r'(\mathbf{Y}) \big)

    As in the public code, the maps :math:`\mathbf{A}_h` (see :class:`TupleAttention`) are summed
    over their queries, and the residual of the block's input is added twice. A map that a batch
    norm follows has no bias: it would cancel.

    Args:
        in_channels: The width of the input.
        out_channels: The width of the output.
        attention_channels: The width of a head's queries and keys.
        tokens: The tokens ``U`` of a tuple.
        heads: The number of attention heads. (default: ``3``)
        kernel: The tuples and the tokens that the convolutions see, both odd.
            (default: ``(3, 5)``)
        position: Whether queries and keys know the place of their token. (default: ``True``)

    Shapes:
        - **input:** :math:`(P, C_{in}, S, U)`, for any number of tuples ``S``
        - **output:** :math:`(P, C_{out}, S, U)`

    Raises:
        ConfigError: A width, the number of heads or of tokens is below 1, or a kernel is even.
        DataError: The input has other channels or tokens.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        attention_channels: int,
        tokens: int,
        heads: int = 3,
        kernel: tuple[int, int] = (3, 5),
        position: bool = True,
    ) -> None:
        super().__init__()
        if min(in_channels, out_channels, attention_channels, tokens, heads) < 1:
            raise ConfigError(
                f"channels {in_channels}, {out_channels}, {attention_channels}, tokens {tokens}, "
                f"heads {heads}: expected at least 1 each"
            )
        if min(kernel) < 1 or any(size % 2 == 0 for size in kernel):
            raise ConfigError(f"kernel {tuple(kernel)}: expected two odd numbers")
        self.in_channels, self.out_channels, self.tokens = in_channels, out_channels, tokens
        self.heads, self.kernel = heads, (kernel[0], kernel[1])
        self.attention = TupleAttention(
            in_channels,
            tokens,
            attention_channels=attention_channels,
            heads=heads,
            position=position,
        )
        self.spatial = _conv_norm(heads * in_channels, out_channels, (1, kernel[1]))
        self.linear = _conv_norm(out_channels, out_channels)
        self.temporal = _conv_norm(out_channels, out_channels, (kernel[0], 1))
        self.residual, self.temporal_residual = (
            nn.Identity() if in_channels == out_channels else _conv_norm(width, out_channels)
            for width in (in_channels, out_channels)
        )
        self.norms_after = {
            f"{name}.1": [f"{name}.0"]
            for name, module in self.named_children()
            if isinstance(module, nn.Sequential)
        }

    def reset_parameters(self) -> None:
        """Initialises all weights and norms anew."""
        for module in self.modules():
            if isinstance(module, (nn.Conv2d, nn.BatchNorm2d, TupleAttention)):
                module.reset_parameters()

    def forward(self, x: Tensor) -> Tensor:
        """One block, see the class."""
        if x.dim() != 4 or x.size(1) != self.in_channels or x.size(3) != self.tokens:
            raise DataError(
                f"expected [P, {self.in_channels}, S, {self.tokens}], found {list(x.shape)}"
            )
        residual: Tensor = self.residual(x)
        sums: Tensor = x.flatten(1, 2)[:, None] @ self.attention(x)  # of tokens, for each head
        sums = sums.reshape(x.size(0), self.heads * self.in_channels, *x.shape[2:])
        y: Tensor = _activate(self.spatial(sums) + residual)
        y = _activate(self.linear(y) + residual)
        return _activate(self.temporal(y) + self.temporal_residual(y))

    def __repr__(self) -> str:
        return (
            f"{type(self).__name__}({self.in_channels}, {self.out_channels}, "
            f"tokens={self.tokens}, attention={self.attention.attention_channels}, "
            f"heads={self.heads}, kernel={self.kernel})"
        )


def _conv_norm(in_channels: int, out_channels: int, kernel: tuple[int, int] = (1, 1)) -> nn.Module:
    padding = (kernel[0] // 2, kernel[1] // 2)
    return nn.Sequential(
        nn.Conv2d(in_channels, out_channels, kernel, padding=padding, bias=False),
        nn.BatchNorm2d(out_channels),
    )


def _activate(x: Tensor) -> Tensor:
    return F.leaky_relu(x, SLOPE, inplace=True)
