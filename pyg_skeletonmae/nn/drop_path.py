"""Stochastic depth: whole branches of a block are left out, for each sequence by itself."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from pyg_skeletonmae.errors import ConfigError


def drop_path(x: Tensor, rate: float, noise: Tensor) -> Tensor:
    """Sets sequences to zero and divides the others by ``1 - rate``.

    Args:
        x: The output of a branch, ``[P, ...]``.
        rate: The share of sequences to drop, in [0, 1).
        noise: Uniform numbers ``[P]``; a sequence stays if ``noise + (1 - rate) >= 1``.
    """
    scale = (noise + (1.0 - rate) >= 1.0).to(x.dtype) / (1.0 - rate)
    return x * scale.view(-1, *(1 for _ in x.shape[1:]))


class DropPath(nn.Module):
    """Stochastic depth, in training only.

    `"Deep Networks with Stochastic Depth" <https://arxiv.org/abs/1603.09382>`_. One draw for each
    sequence, that is, for each track: two persons of a clip are dropped independently, as in the
    public code of MAMP and Skeleton2vec.

    Args:
        rate: The share of sequences to drop, in [0, 1).

    Shapes:
        - **input:** ``[P, ...]``
        - **output:** ``[P, ...]``

    Raises:
        ConfigError: The rate is out of range.
    """

    def __init__(self, rate: float = 0.0) -> None:
        super().__init__()
        if not 0.0 <= rate < 1.0:
            raise ConfigError(f"drop path {rate}: expected a number from 0 up to, but below, 1")
        self.rate = rate

    def forward(self, x: Tensor) -> Tensor:
        """Drops the branch for some of the sequences."""
        if not self.training or self.rate == 0.0:
            return x
        return drop_path(x, self.rate, torch.rand(x.size(0), device=x.device))

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.rate:.3g})"
