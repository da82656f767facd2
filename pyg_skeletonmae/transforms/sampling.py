"""Frames of clips as the public feeders choose them, by the same plans as everything in time."""

from __future__ import annotations

from abc import abstractmethod
from functools import lru_cache
from typing import Literal, NamedTuple, get_args

import numpy as np
import torch
from torch import Tensor
from torch_geometric.data import Data
from torch_geometric.data.datapipes import functional_transform

from pyg_skeletonmae.batch import count_tracks, on_device
from pyg_skeletonmae.draws import Draws
from pyg_skeletonmae.errors import ConfigError, check_choice
from pyg_skeletonmae.transforms.base import (
    RandomTransform,
    add_field,
    first_tracks,
    refuse_masks,
)
from pyg_skeletonmae.transforms.masking import ranks
from pyg_skeletonmae.transforms.temporal import follow_plan, whole_clips
from pyg_skeletonmae.transforms.timeplan import TimePlan, Window, resample_plan
from pyg_skeletonmae.transforms.tracks import repeat_tracks, select_tracks

Origin = Literal["ours", "UniformSample", "UniformSampleDecode"]
_TEST_KEY = 255


class FrameSampler(RandomTransform):
    """Base of the transforms that bring every clip to a number of frames by chance.

    Attributes:
        views: How often each clip is sampled. The tracks of all views stand one after the other in
            the clip, as if they were further persons; ``num_views`` says how many they are.
    """

    views: int = 1

    @abstractmethod
    def plan(self, window: Window, draws: Draws) -> TimePlan:
        """Where new frames come from in windows of clips, ``[B * views, F]``, by one row of draws
        per clip."""

    def _apply(self, data: Data, draws: Draws) -> Data:
        refuse_masks(data, self)
        plan = self.plan(whole_clips(data), draws)
        if self.views == 1:
            return follow_plan(data, plan)
        tracks: Tensor = data["num_tracks"]
        track, view = repeat_tracks(first_tracks(data), tracks, self.views)
        joints = data["pos"].size(0) // count_tracks(data)
        data = select_tracks(data, track, tracks * self.views)
        add_field(data, "num_views", torch.full_like(tracks, self.views), like="num_tracks")
        return follow_plan(data, plan, view.repeat_interleave(joints))


def crop_length(length: Tensor, ratio: Tensor, least: int) -> Tensor:
    """The frames of a random crop: a share, rounded down, but ``least``, or all; ``[B]``, long."""
    return (length * ratio).floor().long().clamp(min=least).minimum(length)


def middle_crop(window: Window, ratio: float) -> Window:
    """Windows without as many frames at the start as at the end, so that ``ratio`` stays."""
    cut = ((1 - ratio) * window.length.double() / 2).long()
    return Window(window.start + cut, window.length - 2 * cut)


@functional_transform("crop_resize")
class CropResize(FrameSampler):
    r"""Crops every clip to a window and resizes that to ``frames`` frames.

    The time step of the feeders of `CTR-GCN <https://arxiv.org/abs/2107.12213>`_ and `MAMP
    <https://arxiv.org/abs/2308.07092>`_, frame for frame. Of a clip of :math:`T` frames the window
    has

    .. math::
        L = \min(\max(\lfloor r T \rfloor, \text{least}), T), \qquad
        r \sim \mathcal{U}(\text{min\_ratio}, \text{max\_ratio})

    frames and lies anywhere; without ``max_ratio`` it lies in the middle, and equally many frames
    are cut at both ends. Resizing is :func:`~pyg_skeletonmae.transforms.timeplan.resample_plan`
    with ``"half_pixel"``. Feeders that are trained with (0.5, 1) are tested with 0.95.

    Args:
        frames: The frames afterwards.
        min_ratio: The smallest share of the frames, above 0.
        max_ratio: The largest share, up to 1; None = no chance, in the middle.
        least: A random window has at least so many frames (or all of the clip).
        generator: See :class:`~pyg_skeletonmae.transforms.base.RandomTransform`.

    Shapes:
        - **input:** ``pos [N, T, C]``, ``valid [N, T]``
        - **output:** ``pos [N, frames, C]``, ``valid [N, frames]``

    Raises:
        ConfigError: A number is out of range.
        DataError: On use: a mask was drawn before.
    """

    def __init__(
        self,
        frames: int,
        min_ratio: float = 0.5,
        max_ratio: float | None = 1.0,
        least: int = 64,
        generator: torch.Generator | None = None,
    ) -> None:
        super().__init__(generator)
        if frames < 1 or least < 1:
            raise ConfigError(f"frames {frames}, least {least}: expected 1 or more")
        _check_ratios(min_ratio, min_ratio if max_ratio is None else max_ratio)
        self.frames, self.least = frames, least
        self.min_ratio, self.max_ratio = min_ratio, max_ratio

    def plan(self, window: Window, draws: Draws) -> TimePlan:
        """See :class:`FrameSampler`."""
        if self.max_ratio is None:
            crop = middle_crop(window, self.min_ratio)
        else:
            share, place = draws.uniform(2).double().unbind(1)
            ratio = share * (self.max_ratio - self.min_ratio) + self.min_ratio
            length = crop_length(window.length, ratio, self.least)
            start = (place * (window.length - length + 1)).long()
            crop = Window(window.start + start, length)
        return resample_plan(crop, self.frames, "half_pixel")

    def __repr__(self) -> str:
        ratios = f"{self.min_ratio}, {self.max_ratio}"
        return f"{type(self).__name__}({self.frames}, {ratios}, least={self.least})"


def spread_frames(length: Tensor, start: Tensor, skipped: Tensor, jitter: Tensor) -> Tensor:
    """One frame from each of ``F`` parts of a window of any length, in order.

    Fewer frames than parts: consecutive ones, to be wrapped around. Up to twice as many: all but
    some. More: one from each of ``F`` bins of (nearly) equal size.

    Args:
        length: The frames of each window, ``[R]``, long.
        start: The first frame where the window is short, ``[R]``, long.
        skipped: Which frames are jumped over where it is of medium length, counted among the
            ``F + 1`` places before, between and behind those that stay; ``[R, F + 1]``, bool, with
            ``length - F`` True.
        jitter: The place in each bin where it is long, ``[R, F]``, long.

    Returns:
        Frames, ``[R, F]``, long; where the window is short they run on beyond its end.
    """
    frames, length = jitter.size(1), length[:, None]
    step = torch.arange(frames, device=length.device)
    medium = step + skipped.cumsum(1)[:, :-1]
    long = step * length // frames + jitter
    frame = torch.where(length < 2 * frames, medium, long)
    return torch.where(length < frames, start[:, None] + step, frame)


class Sample(NamedTuple):
    """What is drawn of each view, and of the part of a clip that it uses."""

    used: Tensor  # frames of that part, [R], long
    offset: Tensor  # its first frame, [R], long
    start: Tensor  # see spread_frames, as the following, [R], long
    skipped: Tensor  # [R, F + 1], bool
    jitter: Tensor  # [R, F], long


@lru_cache(maxsize=4096)
def public_sample(
    length: int, frames: int, views: int, ratios: tuple[float, float], starts: bool
) -> Sample:
    """What pyskl and Skeleton2vec draw in testing, of NumPy's old generator with a fixed seed.

    Args:
        length: The frames of the clip.
        frames: The frames afterwards.
        views: How often it is sampled.
        ratios: The smallest and the largest share that is used.
        starts: Whether the start of a short view is drawn as well.
    """
    random = np.random.RandomState(_TEST_KEY)
    samples = []
    for _ in range(views):
        share = random.rand() * (ratios[1] - ratios[0]) + ratios[0]
        used = max(int(share * length), 1)
        offset, start = random.randint(length - used + 1), 0
        skipped, jitter = np.zeros(frames + 1, bool), np.zeros(frames, np.int64)
        if used >= 2 * frames:
            jitter[:] = random.randint(np.diff(np.arange(frames + 1) * used // frames))
        elif used >= frames:
            skipped[random.choice(frames + 1, used - frames, replace=False)] = True
        elif starts:
            start = random.randint(0, used)
        samples.append((used, offset, start, skipped, jitter))
    return Sample(*(torch.from_numpy(np.stack(column)) for column in zip(*samples, strict=True)))


@functional_transform("uniform_sample")
class UniformSample(FrameSampler):
    """Takes one frame from each of ``frames`` equal parts of every clip.

    From `"Revisiting Skeleton-based Action Recognition" <https://arxiv.org/abs/2104.13586>`_, as
    in pyskl: of clips with fewer frames, consecutive ones from a random start on, around the end;
    of clips with less than twice as many, all but some; of longer ones, one from each bin. See
    :func:`spread_frames`.

    In testing the same frames come every time, whatever the clip's key, and equal ones for clips
    of equal length. Several ``views`` see each clip in several ways: their tracks stand one after
    the other in the clip like further persons, so that pooling over persons averages over views.

    pyskl has two such transforms, which differ from each other and have a fault each. Ours has
    none; ``origin`` brings one back, and in testing the very frames that they take (which follow
    from a seed of NumPy, 255, for every clip anew):

    - ``"UniformSample"``: a short crop (``min_ratio`` < 1) goes around the end of the clip instead
      of the crop's, and so shows frames outside of it.
    - ``"UniformSampleDecode"``: in testing a short clip begins anywhere, as in training, instead
      of at evenly spread frames.

    Both refuse a crop of no frame; it has at least one here.

    Args:
        frames: The frames afterwards.
        views: How often each clip is sampled.
        min_ratio: The smallest share of the clip that is used, drawn per clip and view.
        max_ratio: The largest share, up to 1.
        train: Whether draws follow from the clip's key; False = testing.
        origin: See above.
        generator: See :class:`~pyg_skeletonmae.transforms.base.RandomTransform`.

    Shapes:
        - **input:** ``pos [N, T, C]``, ``valid [N, T]``
        - **output:** ``pos [views * N, frames, C]``, ``valid [views * N, frames]``; of several
          views also ``num_tracks``, ``edge_index``, ``batch`` to match

    Raises:
        ConfigError: A setting is out of range.
        DataError: On use: a mask was drawn before.
    """

    def __init__(
        self,
        frames: int,
        views: int = 1,
        min_ratio: float = 1.0,
        max_ratio: float = 1.0,
        train: bool = True,
        origin: Origin = "ours",
        generator: torch.Generator | None = None,
    ) -> None:
        super().__init__(generator)
        if frames < 1 or views < 1:
            raise ConfigError(f"frames {frames}, views {views}: expected 1 or more")
        check_choice("origin", origin, get_args(Origin))
        _check_ratios(min_ratio, max_ratio)
        self.frames, self.views, self.train, self.origin = frames, views, train, origin
        self.min_ratio, self.max_ratio = min_ratio, max_ratio

    def crop_length(self, length: Tensor, share: Tensor) -> Tensor:
        """How many frames each view uses, from clip lengths and uniform numbers, ``[R]``, long."""
        ratio = share * (self.max_ratio - self.min_ratio) + self.min_ratio
        return (ratio * length).long().clamp(min=1)

    def first_frames(self, used: Tensor, drawn: Tensor) -> Tensor:
        """Where short views begin: as drawn, or in testing spread evenly; ``[R]``, long."""
        if self.train or self.origin == "UniformSampleDecode":
            return drawn
        view = torch.arange(len(used), device=used.device) % self.views
        return torch.where(used < self.views, view, view * used // self.views)

    def select(self, length: Tensor, used: Tensor, offset: Tensor, spread: Tensor) -> Tensor:
        """The frames of each view, ``[R, F]``, long.

        Args:
            length: The frames of the clip, ``[R]``, long.
            used: How many of them are used, ``[R]``, long.
            offset: From which on, ``[R]``, long.
            spread: Frames among those that are used, see :func:`spread_frames`.
        """
        if self.origin == "UniformSample":
            return (spread + offset[:, None]) % length[:, None]
        return spread % used[:, None] + offset[:, None]

    def plan(self, window: Window, draws: Draws) -> TimePlan:
        """See :class:`FrameSampler`."""
        length = window.length.repeat_interleave(self.views)
        if self.train or self.origin == "ours":
            sample = self._draw(length, draws)
        else:
            sample = self._draw_as_public(window.length)
        start = self.first_frames(sample.used, sample.start)
        spread = spread_frames(sample.used, start, sample.skipped, sample.jitter)
        frame = self.select(length, sample.used, sample.offset, spread)
        return TimePlan(frame + window.start.repeat_interleave(self.views)[:, None])

    def _draw(self, length: Tensor, draws: Draws) -> Sample:
        if not self.train:
            draws = Draws(torch.full_like(draws.keys, _TEST_KEY))
        share, place, begin = draws.uniform(self.views, 3).double().flatten(0, 1).unbind(1)
        used = self.crop_length(length, share)
        offset = (place * (length - used + 1)).long()
        scores = draws.uniform(self.views, self.frames + 1).flatten(0, 1)
        skipped = ranks(scores) < (used - self.frames)[:, None]
        edge = torch.arange(self.frames + 1, device=used.device) * used[:, None] // self.frames
        jitter = draws.uniform(self.views, self.frames).flatten(0, 1).double() * edge.diff()
        return Sample(used, offset, (begin * used).long(), skipped, jitter.long())

    def _draw_as_public(self, length: Tensor) -> Sample:
        ratios, starts = (self.min_ratio, self.max_ratio), self.origin == "UniformSampleDecode"
        size = self.frames, self.views
        found = [public_sample(frames, *size, ratios, starts) for frames in length.tolist()]
        columns = zip(*found, strict=True)
        return Sample(*(on_device(torch.cat(column), length.device) for column in columns))

    def __repr__(self) -> str:
        name = type(self).__name__
        ratios = f"{self.min_ratio}, {self.max_ratio}"
        how = f"views={self.views}, train={self.train}, origin={self.origin!r}"
        return f"{name}({self.frames}, {ratios}, {how})"


def _check_ratios(least: float, most: float) -> None:
    if not 0.0 < least <= most <= 1.0:
        raise ConfigError(f"crop {least} to {most}: expected 0 < min <= max <= 1")
