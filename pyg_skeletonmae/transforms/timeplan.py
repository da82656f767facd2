"""Which frames of a clip become which: one plan for clips, batches and the store."""

from __future__ import annotations

from typing import Literal, NamedTuple

import torch
from torch import Tensor

from pyg_skeletonmae.errors import DataError

ResampleMode = Literal["linear", "nearest", "half_pixel"]


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
        low = self.low[clip]
        return TimePlan(low, low if self.whole else self.high[clip], self.weight[clip])

    @property
    def whole(self) -> bool:
        """Whether every new frame is known to be an old one, so that nothing needs blending."""
        return self.high is self.low


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
        return whole_frames(low)
    low = position.floor()
    weight = position - low
    low = low.long() + window.start[:, None]
    return TimePlan(low, low + (weight > 0), weight.float())


def whole_frames(frame: Tensor) -> TimePlan:
    """A plan that takes old frames as they are; ``[B, F]``, long."""
    return TimePlan(frame, frame, torch.zeros_like(frame, dtype=torch.float))


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
    return whole_frames(window.start[:, None] + torch.arange(longest, device=window.start.device))


def blend(low: Tensor, high: Tensor, weight: Tensor) -> Tensor:
    """``low + weight * (high - low)``, rounded alike for any number of elements."""
    return (high - low).mul_(weight).add_(low)
