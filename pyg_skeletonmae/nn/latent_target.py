"""What Skeleton2vec predicts: the hidden states of a teacher."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional as F

LayerNorm = Literal["instance", "layer"]


def latent_target(
    states: Sequence[Tensor], norm: LayerNorm = "instance", final_norm: bool = True
) -> Tensor:
    """The mean of normalised hidden states, normalised again, without learned factors.

    Args:
        states: The tokens after some blocks, each ``[P, L, D]``.
        norm: How each of them is normalised first: ``"instance"``, per track and channel over all
            tokens, or ``"layer"``, per token over all channels; biased variance, epsilon 1e-5.
        final_norm: Whether the mean is normalised per token over all channels.

    Returns:
        ``[P, L, D]``, in float32 or better.
    """
    dim = 1 if norm == "instance" else 2
    mean = _standardise(states[0], dim)
    for state in states[1:]:  # one after the other: all at once would be as many copies
        mean = mean + _standardise(state, dim)
    mean = mean / len(states)
    return F.layer_norm(mean, mean.shape[-1:]) if final_norm else mean


def _standardise(x: Tensor, dim: int) -> Tensor:
    x = x.to(torch.promote_types(x.dtype, torch.float32))
    variance, mean = torch.var_mean(x, dim=dim, correction=0, keepdim=True)
    return (x - mean) * (variance + 1e-5).rsqrt()
