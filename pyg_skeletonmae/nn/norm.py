"""Normalisation over the channel axis of tracks."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any, Literal, cast, get_args

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.modules.batchnorm import _BatchNorm

from pyg_skeletonmae.errors import check_choice
from pyg_skeletonmae.nn.processes import global_sum, is_shared

Norm = Literal["batch", "layer"]
DataNorm = Literal["joint", "axis"]
"""Whose numbers normalise a coordinate of the input: its joint's own, or those of all joints."""
BatchNorm = Literal["sync", "local", "frozen"]


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


class AxisNorm(BatchNormLast):
    r"""Batch normalisation of each coordinate of tracks, of all joints by the same numbers.

    The body keeps its shape: :class:`TrackNorm` makes the joints that hardly move as wide as the
    hands.

    Args:
        channels: The channels ``C`` of a joint.

    Shapes:
        - **input:** tracks ``[P, V, T, C]``, and optionally which places count, ``[P, V, T]``, bool
        - **output:** tracks ``[P, V, T, C]``, zero where they do not count
    """

    def forward(self, input: Tensor, visible: Tensor | None = None) -> Tensor:
        """Normalises tracks, see :func:`visible_norm` for those that are not all visible."""
        if visible is None:
            return super().forward(input)
        return visible_norm(self, input, visible[..., None])


def data_norm(kind: DataNorm, num_joints: int, channels: int) -> TrackNorm | AxisNorm:
    """The normalisation of an encoder's input.

    Raises:
        ConfigError: The kind is unknown.
    """
    check_choice("data_norm", kind, get_args(DataNorm))
    return TrackNorm(num_joints, channels) if kind == "joint" else AxisNorm(channels)


def norm_rows(norm: nn.Module, x: Tensor) -> Tensor:
    """A norm of rows ``[N, C]``, even of one, which a batch norm in training refuses."""
    alone = isinstance(norm, _BatchNorm) and not (isinstance(norm, SharedNorm) and is_shared())
    if alone and norm.training and len(x) < 2:
        assert isinstance(norm, _BatchNorm)
        return visible_norm(norm, x, torch.ones_like(x, dtype=torch.bool))
    out: Tensor = norm(x)
    return out


def visible_norm(norm: nn.Module, x: Tensor, visible: Tensor) -> Tensor:
    """Batch normalisation whose statistics are those of visible numbers; the others become zero.

    Those of a :class:`SharedNorm` are of all processes that share the batch.

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
        total = global_sum if isinstance(norm, SharedNorm) else torch.clone
        wide = rows.to(torch.promote_types(rows.dtype, torch.float32))
        sums, count = total(torch.stack([wide.sum(0), there.sum(0).to(wide.dtype)]))
        mean = sums / count.clamp_min(1)
        squares = (wide - mean).masked_fill(~there, 0.0).square().sum(0)
        var = total(squares) / count.clamp_min(1)
        out = (wide - mean) * (var + norm.eps).rsqrt()
        if norm.affine:
            out = out * norm.weight + norm.bias
        with torch.no_grad():
            rate: Tensor | float = norm.momentum or 0.0
            if norm.num_batches_tracked is not None:
                norm.num_batches_tracked += 1
                rate = 1 / norm.num_batches_tracked if norm.momentum is None else rate
            rate = rate * (count > 1)  # nothing is learnt from a single number
            norm.running_mean += rate * (mean - norm.running_mean)
            norm.running_var += rate * (var * count / (count - 1).clamp_min(1) - norm.running_var)
    return out.to(x.dtype).masked_fill(~there, 0.0).view(x.shape)


class SharedNorm(_BatchNorm):
    """What a batch norm is while it is trained by several processes, see :func:`batch_norms`.

    On GPUs the work is that of PyTorch's ``SyncBatchNorm``, which this one is not by name: models
    that hold it are refused on CPUs. There it is :func:`visible_norm` of all numbers.
    """

    process_group = None  # all processes
    _check_non_zero_input_channels = nn.SyncBatchNorm._check_non_zero_input_channels

    def forward(self, input: Tensor) -> Tensor:
        """Normalises by all processes where they share the batch, else by this one."""
        if not (self.training and is_shared()):
            return _BatchNorm.forward(self, input)
        if input.is_cuda:
            return nn.SyncBatchNorm.forward(cast(nn.SyncBatchNorm, self), input)
        visible = torch.ones((), dtype=torch.bool)
        return visible_norm(self, input.movedim(1, -1), visible).movedim(-1, 1)


@contextmanager
def batch_norms(model: nn.Module, kind: BatchNorm) -> Iterator[None]:
    """During the block, whose statistics all batch norms of a model normalise by in training.

    Args:
        model: The model; its norms change their class in place, as ``fully_shard`` changes it, so
            that norms derived from PyTorch's work the same, and go back afterwards.
        kind: ``"sync"``: those of the batch, of all processes that share it; ``"local"``: of the
            slice of this process; ``"frozen"``: their running statistics, which stay as they are,
            while factors and biases are learned.
    """
    norms = [module for module in model.modules() if isinstance(module, _BatchNorm)]
    before = [(norm, type(norm), norm.training) for norm in norms]
    for norm in norms:
        if kind == "sync" and not isinstance(norm, nn.SyncBatchNorm):
            norm.__class__ = _shared(cast(Any, type(norm)))
        if kind == "frozen":
            norm.eval()
    try:
        yield
    finally:
        for norm, own, training in before:
            norm.__class__ = own
            norm.training = training


@cache
def _shared(kind: type[_BatchNorm]) -> type[_BatchNorm]:
    """A class of batch norms as a shared one: theirs comes first, then ours, then PyTorch's."""
    return type(f"Shared{kind.__name__}", (kind, SharedNorm), {})
