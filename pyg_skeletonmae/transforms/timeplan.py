"""Which frames of a clip become which: one plan for clips, batches and the store."""

from __future__ import annotations

from typing import Literal, NamedTuple

import torch
from torch import Tensor

from pyg_skeletonmae.errors import DataError

ResampleMode = Literal["linear", "nearest"]


class Window(NamedTuple):
    """The frames in use of each clip: ``length`` of them from ``start`` on; ``[B]``, long."""

    start: Tensor
    length: Tensor


class TimePlan(NamedTuple):
    """Where each new frame comes from: between ``low`` and ``high`` at ``weight``; ``[B, F]``.

    ``low`` and ``high`` are equal exactly where the weight is zero: a frame that falls on an old
    one does not look at its neighbour.
    """

    low: Tensor
    high: Tensor
    weight: Tensor

    def of(self, clip: Tensor) -> TimePlan:
        """The plan of each node or track, given the clip ``[N]`` it belongs to: ``[N, F]``."""
        return TimePlan(self.low[clip], self.high[clip], self.weight[clip])


def resample_plan(window: Window, frames: int, mode: ResampleMode = "linear") -> TimePlan:
    """Spreads ``frames`` positions evenly over each window, its two ends included.

    A single frame is taken from the middle.
    """
    last = (window.length - 1).double()[:, None]
    step = torch.arange(frames, dtype=torch.double, device=last.device)
    position = step * last / (frames - 1) if frames > 1 else last / 2
    if mode == "nearest":
        position = (position + 0.5).floor().minimum(last)
    low = position.floor()
    weight = position - low
    low = low.long() + window.start[:, None]
    return TimePlan(low, low + (weight > 0), weight.float())


def window_plan(window: Window) -> TimePlan:
    """The frames of each window as they are.

    Raises:
        DataError: The windows differ in length, so that they cannot stand in one batch.
    """
    shortest, longest = int(window.length.min()), int(window.length.max())
    if shortest != longest:
        raise DataError(
            f"clips of {shortest} to {longest} frames cannot stand in one batch: "
            "put Resample(frames) first, behind CropTime if there is one"
        )
    low = window.start[:, None] + torch.arange(longest, device=window.start.device)
    return TimePlan(low, low, torch.zeros_like(low, dtype=torch.float))


def blend(low: Tensor, high: Tensor, weight: Tensor) -> Tensor:
    """``low + weight * (high - low)``, rounded alike for any number of elements."""
    return (high - low).mul_(weight).add_(low)
