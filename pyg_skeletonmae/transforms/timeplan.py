"""Which frames of a clip become which: one plan for clips, batches and the store."""

from __future__ import annotations

from typing import Literal, NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import embedding_bag

from pyg_skeletonmae.batch import on_device
from pyg_skeletonmae.errors import DataError
from pyg_skeletonmae.transforms.stacked_rows import Rows, StackedRows

ResampleMode = Literal["linear", "nearest", "half_pixel"]


class Window(NamedTuple):
    """The frames in use of each clip: ``length`` of them from ``start`` on; ``[B]``, long."""

    start: Tensor
    length: Tensor


class TimePlan(NamedTuple):
    """Where each new frame comes from: between ``low`` and ``high`` at ``weight``; ``[B, F]``.

    Without weights every new frame is an old one.
    """

    low: Tensor
    weight: Tensor | None = None

    @property
    def high(self) -> Tensor:
        """``low``, or the frame behind it: one that falls on an old one does not look at that."""
        return self.low if self.weight is None else self.low + (self.weight > 0)

    def of(self, clip: Tensor | slice) -> TimePlan:
        """The plan of each node or track, given the clip ``[N]`` it belongs to: ``[N, F]``."""
        return TimePlan(self.low[clip], None if self.weight is None else self.weight[clip])

    def on(self, device: torch.device | str) -> TimePlan:
        """The plan on a device."""
        weight = None if self.weight is None else on_device(self.weight, device)
        return TimePlan(on_device(self.low, device), weight)


def resample_plan(window: Window, frames: int, mode: ResampleMode = "linear") -> TimePlan:
    r"""Spreads ``frames`` positions evenly over each window.

    ``"linear"`` and ``"nearest"`` include its two ends; a single frame is taken from the middle.
    ``"half_pixel"`` takes frames as intervals, as ``interpolate(align_corners=False)`` of PyTorch
    and thus the feeders of CTR-GCN and MAMP do, with the positions they get in single precision:

    .. math::
        p_i = \max\left((i + \tfrac{1}{2}) \tfrac{L}{F} - \tfrac{1}{2},\; 0\right)
    """
    last = (window.length - 1).double()[:, None]
    step = torch.arange(frames, dtype=torch.double, device=last.device)
    if mode == "half_pixel":
        scale = (window.length.float() / frames).double()[:, None]
        position = ((step + 0.5) * scale - 0.5).float().double().clamp(min=0).minimum(last)
    else:
        position = step * last / (frames - 1) if frames > 1 else last / 2
    if mode == "nearest":
        low = (position + 0.5).floor().minimum(last).long() + window.start[:, None]
        return TimePlan(low)
    low = position.floor()
    return TimePlan(low.long() + window.start[:, None], (position - low).float())


def window_plan(window: Window) -> TimePlan:
    """The frames of each window as they are.

    Raises:
        DataError: The windows differ in length, so that they cannot stand in one batch.
    """
    shortest, longest = (int(length) for length in window.length.aminmax())
    if shortest != longest:
        raise DataError(
            f"clips of {shortest} to {longest} frames cannot stand in one batch: "
            "put Resample(frames) first, behind CropTime if there is one"
        )
    return TimePlan(window.start[:, None] + torch.arange(longest, device=window.start.device))


def take_frames(rows: Rows, start: Tensor, plan: TimePlan) -> Tensor:
    """The frames of a plan, blended where they fall between two.

    Args:
        rows: Frames one after the other, ``[R, D]``; numbers are blended, truth must hold in both.
        start: The row from which on each clip of the plan (or track, or node) lies, ``[N]``, long.
        plan: Its rows, ``[N, F]``.

    Returns:
        ``[N, F, D]``.
    """
    if isinstance(rows, StackedRows):
        out = rows.new_empty(*plan.low.shape, rows.size(1))
        for where, part, first in rows.groups(start):
            out[where] = take_frames(part, first, plan.of(where))
        return out
    low = (plan.low + start[:, None]).flatten()
    if plan.weight is None:
        out = rows.index_select(0, low)
    else:
        weight = plan.weight.flatten()
        high = low + (weight > 0)
        if rows.dtype == torch.bool:
            out = rows.index_select(0, low).logical_and_(rows.index_select(0, high))
        else:
            # A weighted sum of two rows is what this kernel is made for: one pass over memory,
            # seven times as fast as gathering both. Each row is rounded on its own, whatever
            # stands beside it.
            weight = weight.to(rows.dtype)
            pair = torch.stack([high, low], dim=1)
            weights = torch.stack([weight, 1.0 - weight], dim=1)
            out = embedding_bag(pair, rows, mode="sum", per_sample_weights=weights)
    return out.view(*plan.low.shape, -1)
