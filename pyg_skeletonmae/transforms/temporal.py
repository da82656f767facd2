"""Transforms along time. One plan of source frames serves clips, batches and the store alike."""

from __future__ import annotations

from typing import get_args

import torch
from torch import Tensor
from torch_geometric.data import Data
from torch_geometric.data.datapipes import functional_transform

from pyg_skeletonmae.batch import clip_of_node, valid_joints
from pyg_skeletonmae.draws import Draws
from pyg_skeletonmae.errors import ConfigError, check_choice
from pyg_skeletonmae.transforms.base import (
    RandomTransform,
    SkeletonTransform,
    add_field,
    refuse_masks,
)
from pyg_skeletonmae.transforms.timeplan import (
    ResampleMode,
    TimePlan,
    Window,
    resample_plan,
    take_frames,
    window_plan,
)


@functional_transform("resample")
class Resample(SkeletonTransform):
    """Brings clips of any length to the same number of frames.

    The first and last frame stay. A new frame that falls between two old ones is present only
    where the joint is present in both; one that falls on an old frame only asks that one.

    Args:
        frames: The new number of frames, at least 1 (a single one comes from the middle).
        mode: ``"linear"`` interpolates, ``"nearest"`` takes whole frames, ``"half_pixel"`` does as
            the feeders of CTR-GCN and MAMP (see
            :func:`~pyg_skeletonmae.transforms.timeplan.resample_plan`): then the ends move.

    Shapes:
        - **input:** ``pos [N, T, C]``, ``valid [N, T]``
        - **output:** ``pos [N, frames, C]``, ``valid [N, frames]``

    Raises:
        ConfigError: ``frames`` is below 1 or the mode is unknown.
        DataError: On use: a mask was drawn before.
    """

    def __init__(self, frames: int, mode: ResampleMode = "linear") -> None:
        if frames < 1:
            raise ConfigError(f"frames {frames}: expected 1 or more")
        check_choice("Resample mode", mode, get_args(ResampleMode))
        self.frames, self.mode = frames, mode

    def plan(self, window: Window) -> TimePlan:
        """Where the new frames lie in windows of clips."""
        return resample_plan(window, self.frames, self.mode)

    def forward(self, data: Data) -> Data:
        """Returns the clips with ``frames`` frames."""
        refuse_masks(data, self)
        if data["pos"].size(1) == self.frames:  # every new frame falls on an old one
            return data
        return follow_plan(data, self.plan(whole_clips(data)))

    def __repr__(self) -> str:
        return f"{type(self).__name__}(frames={self.frames}, mode={self.mode!r})"


@functional_transform("crop_time")
class CropTime(RandomTransform):
    """Keeps a contiguous window of every clip.

    The usual crop of skeleton pipelines is a random share between a half and all of the frames,
    followed by :class:`Resample`. Clips of one batch must have one length: on a ``Batch`` it works
    only where all windows come out equally long. A data set's transform and ``SkeletonLoader``
    know no such limit, because ``Resample`` follows before clips are joined.

    Args:
        min_ratio: The smallest share of the frames, above 0.
        max_ratio: The largest share, up to 1; default: ``min_ratio``.
        random: Whether the window lies anywhere, drawn per clip; else it lies in the middle.
        generator: See :class:`~pyg_skeletonmae.transforms.base.RandomTransform`.

    Shapes:
        - **input:** ``pos [N, T, C]``, ``valid [N, T]``
        - **output:** ``pos [N, T', C]``, ``valid [N, T']`` with 1 <= T' <= T

    Raises:
        ConfigError: The ratios are out of range, or differ though nothing is random.
        DataError: On use: windows of several lengths in one batch, or a mask was drawn before.
    """

    def __init__(
        self,
        min_ratio: float,
        max_ratio: float | None = None,
        random: bool = True,
        generator: torch.Generator | None = None,
    ) -> None:
        super().__init__(generator)
        max_ratio = min_ratio if max_ratio is None else max_ratio
        if not 0.0 < min_ratio <= max_ratio <= 1.0:
            raise ConfigError(f"crop {min_ratio} to {max_ratio}: expected 0 < min <= max <= 1")
        if not random and min_ratio != max_ratio:
            raise ConfigError(f"crop {min_ratio} to {max_ratio}: one ratio where nothing is random")
        self.min_ratio, self.max_ratio, self.random = float(min_ratio), float(max_ratio), random

    def narrow(self, window: Window, draws: Draws) -> Window:
        """Windows inside of windows, with one row of draws per clip."""
        ratio = draws.between(self.min_ratio, self.max_ratio)
        length = (ratio * window.length + 0.5).long().clamp(min=1)
        room = window.length - length
        offset = draws.integers(room + 1) if self.random else room // 2
        return Window(window.start + offset, length)

    def _apply(self, data: Data, draws: Draws) -> Data:
        refuse_masks(data, self)
        return follow_plan(data, window_plan(self.narrow(whole_clips(data), draws)))

    def __repr__(self) -> str:
        how = f"{self.min_ratio}, {self.max_ratio}, random={self.random}"
        return f"{type(self).__name__}({how})"


@functional_transform("drop_frames")
class DropFrames(RandomTransform):
    """Marks random frames as missing, for all persons of the clip, as when a sensor drops out.

    The coordinates of dropped frames become zero, so that nothing leaks from them; what counts is
    ``valid``. At least one frame stays.

    Args:
        p: The probability of each frame to be dropped, in [0, 1).
        generator: See :class:`~pyg_skeletonmae.transforms.base.RandomTransform`.

    Shapes:
        - **input:** ``pos [N, T, C]``, ``valid [N, T]``
        - **output:** the same

    Raises:
        ConfigError: ``p`` is out of range.
        DataError: On use: a mask was drawn before.
    """

    def __init__(self, p: float, generator: torch.Generator | None = None) -> None:
        super().__init__(generator)
        if not 0.0 <= p < 1.0:
            raise ConfigError(f"p {p}: expected a probability from 0 up to, but below, 1")
        self.p = float(p)

    def _apply(self, data: Data, draws: Draws) -> Data:
        refuse_masks(data, self)
        pos: Tensor = data["pos"]
        chance = draws.uniform(pos.size(1))
        frames = (chance >= self.p) | (chance == chance.amax(dim=1, keepdim=True))
        present = frames[clip_of_node(data)]
        add_field(data, "valid", valid_joints(data) & present, like="pos")
        data["pos"] = pos.masked_fill(~present[..., None], 0.0)
        return data

    def __repr__(self) -> str:
        return f"{type(self).__name__}(p={self.p})"


def whole_clips(data: Data) -> Window:
    """All frames of each clip."""
    start = torch.zeros_like(data["num_tracks"])
    return Window(start, torch.full_like(start, data["pos"].size(1)))


def follow_plan(data: Data, plan: TimePlan, row: Tensor | None = None) -> Data:
    """Gives a clip or batch the frames of a plan, in place.

    Args:
        data: The clip or batch, a shallow copy already.
        plan: Where its new frames come from.
        row: The row of the plan for each node, ``[N]``, long; default: that of its clip.
    """
    plan = plan.of(clip_of_node(data) if row is None else row)
    for name in ("pos", "valid"):
        value: Tensor | None = data.get(name)
        if value is not None:
            nodes, frames = value.shape[:2]
            start = torch.arange(nodes, device=value.device) * frames
            rows = take_frames(value.reshape(nodes * frames, -1), start, plan)
            data[name] = rows.view(*rows.shape[:2], *value.shape[2:])
    return data
