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


class TrackNorm(BatchNormLast):
    r"""Batch normalisation of each coordinate of each joint of tracks.

    Args:
        num_joints: The joints ``V``.
        channels: The channels ``C`` of a joint.

    Shapes:
        - **input:** tracks ``[P, V, T, C]``, and optionally which places count, ``[P, V, T]``, bool
        - **output:** tracks ``[P, V, T, C]``, zero where they do not count
    """

    def __init__(self, num_joints: int, channels: int) -> None:
        super().__init__(num_joints * channels)

    def forward(self, input: Tensor, visible: Tensor | None = None) -> Tensor:
        """Normalises tracks, see :func:`visible_norm` for those that are not all visible."""
        by_frame = input.transpose(1, 2)
        flat = by_frame.flatten(2)
        if visible is None:
            x = super().forward(flat)
        else:
            there = visible.transpose(1, 2)[..., None].expand_as(by_frame)
            x = visible_norm(self, flat, there.flatten(2))
        return x.view(by_frame.shape).transpose(1, 2)


def norm_rows(norm: nn.Module, x: Tensor) -> Tensor:
    """A norm of rows ``[N, C]``, even of one, which a batch norm in training refuses."""
    if isinstance(norm, _BatchNorm) and norm.training and len(x) < 2:
        return visible_norm(norm, x, torch.ones_like(x, dtype=torch.bool))
    out: Tensor = norm(x)
    return out


def visible_norm(norm: nn.Module, x: Tensor, visible: Tensor) -> Tensor:
    """Batch normalisation whose statistics are those of visible numbers; the others become zero.

    Args:
        norm: The layer, for its weights and its running statistics; or what took its place, see
            :func:`~pyg_skeletonmae.models.inference.inference_form`.
        x: ``[..., C]``, finite.
        visible: Which numbers count, bool, of a shape that broadcasts to that of ``x``.
    """
    there = visible.expand_as(x).reshape(-1, x.size(-1))
    rows = x.reshape(there.shape).masked_fill(~there, 0.0)
    if not isinstance(norm, _BatchNorm):
        out: Tensor = norm(rows)
    elif not norm.training or norm.running_mean is None or norm.running_var is None:
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
