"""Normalisation over the channel axis of tracks."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.modules.batchnorm import _BatchNorm

Norm = Literal["batch", "layer"]


class BatchNormLast(nn.BatchNorm1d):
    r"""Batch normalisation of the last axis of a tensor of any rank.

    Every joint of every frame is one sample, as a node is in PyG's graphs.

    Shapes:
        - **input:** ``[..., C]``
        - **output:** ``[..., C]``
    """

    def forward(self, input: Tensor) -> Tensor:
        """Normalises the channels."""
        return super().forward(input.reshape(-1, input.size(-1))).view(input.shape)


def channel_norm(channels: int, norm: Norm) -> nn.Module:
    """A normalisation of the last axis: over the batch, or each vector by itself."""
    return BatchNormLast(channels) if norm == "batch" else nn.LayerNorm(channels)


def visible_norm(norm: _BatchNorm, x: Tensor, visible: Tensor) -> Tensor:
    """Batch normalisation whose statistics are those of visible numbers; the others become zero.

    Args:
        norm: The layer, for its weights and its running statistics.
        x: ``[..., C]``, finite.
        visible: Which numbers count, bool, of a shape that broadcasts to that of ``x``.
    """
    there = visible.expand_as(x).reshape(-1, x.size(-1))
    rows = x.reshape(there.shape).masked_fill(~there, 0.0)
    if not norm.training or norm.running_mean is None or norm.running_var is None:
        out = F.batch_norm(rows, norm.running_mean, norm.running_var, norm.weight, norm.bias, False)
    else:
        wide = rows.to(torch.promote_types(rows.dtype, torch.float32))
        count = there.sum(0).to(wide.dtype)
        mean = wide.sum(0) / count.clamp_min(1)
        var = (wide - mean).masked_fill(~there, 0.0).square().sum(0) / count.clamp_min(1)
        out = (wide - mean) * (var + norm.eps).rsqrt() * norm.weight + norm.bias
        with torch.no_grad():
            rate = (norm.momentum or 0.0) * (count > 1)  # nothing is learnt from a single number
            norm.running_mean += rate * (mean - norm.running_mean)
            norm.running_var += rate * (var * count / (count - 1).clamp_min(1) - norm.running_var)
            if norm.num_batches_tracked is not None:
                norm.num_batches_tracked += 1
    return out.to(x.dtype).masked_fill(~there, 0.0).view(x.shape)
