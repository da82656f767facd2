"""The public feeders in plain NumPy, and clips fed by a preset with recorded draws."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml
from torch import Tensor

from pyg_skeletonmae.commands.data_clips import open_dataset
from pyg_skeletonmae.commands.data_section import DataConfig
from pyg_skeletonmae.draws import Draws
from pyg_skeletonmae.loader import SkeletonLoader

CONFIGS = Path(__file__).parents[1] / "configs"
Array = np.ndarray
MAX_ANGLE = 0.3  # radians


def preset(config: str, root: Path, /, **changes: Any) -> DataConfig:
    """The data section of a preset with changes; what it caches lies below a root."""
    section = yaml.safe_load((CONFIGS / f"{config}.yaml").read_text())["data"]
    return DataConfig(**{**section, "cache": str(root / "cache"), "batch_size": 64, **changes})


def feed(config: DataConfig, train: bool, persons: int = 2) -> dict[str, Tensor]:
    """What a model is fed, by the names of the clips: ``[views, persons, T, V, C]``."""
    dataset = open_dataset(config)
    transform, found = config.transform(dataset, train), {}
    for batch in SkeletonLoader(dataset, 64, transform):
        joints, frames = dataset.skeleton.num_joints, batch.pos.size(1)
        assert batch.valid.all(), "public codes know no missing joint"
        pos = batch.pos.view(len(batch.clip_id), -1, persons, joints, frames, batch.pos.size(2))
        for number, clip in zip(batch.clip_id.tolist(), pos.transpose(3, 4), strict=True):
            found[dataset.store.names[number]] = clip
    return found


def with_draws(monkeypatch: pytest.MonkeyPatch, draws: Iterable[Tensor]) -> None:
    """Makes the next uniform draws those that are given, ``[B, ...]`` each."""
    left = deque(draws)

    def uniform(self: Draws, *shape: int, dtype: torch.dtype = torch.float) -> Tensor:
        value = left.popleft()
        assert value.shape == (len(self.keys), *shape)
        return value  # in the precision that it is given in

    def between(self: Draws, low: float, high: float, *shape: int) -> Tensor:
        value = uniform(self, *(size for size in shape if size > 1)).double()
        return (low + (high - low) * value).view(-1, *shape)

    monkeypatch.setattr(Draws, "uniform", uniform)
    monkeypatch.setattr(Draws, "between", between)


def turn(angles: Sequence[float]) -> Tensor:
    """Uniform numbers that give the angles of a public rotation, whose sense is the other one."""
    return (1.0 - torch.tensor([angles], dtype=torch.double) / MAX_ANGLE) / 2.0


def crop(rand: float, start: int, frames: int, used: int) -> Tensor:
    """Uniform numbers that give a crop of ``used`` frames."""
    return torch.tensor([[rand, (start + 0.5) / (frames - used + 1)]], dtype=torch.double)


def sample(draws: Sequence[Any], length: int, frames: int) -> list[Tensor]:
    """Uniform numbers for ``UniformSample``, from what NumPy drew for a whole clip."""
    rand, offset, *last = (draw["result"] for draw in draws)
    scores, jitter = torch.full((1, 1, frames + 1), 0.9), torch.zeros(1, 1, frames).double()
    begin = 0.0
    if length >= 2 * frames:
        size = torch.arange(frames + 1).mul(length).div(frames, rounding_mode="floor").diff()
        jitter[0, 0] = (torch.tensor(last[0]) + 0.5) / size
    elif length >= frames:
        scores[0, 0, last[0]] = 0.1
    else:
        begin = (last[0] + 0.5) / length
    place = torch.tensor([[[rand, (offset + 0.5), begin]]], dtype=torch.double)
    return [place, scores, jitter]


def rotation(angles: Sequence[float]) -> Array:
    """The matrix of the public codes, Rz Ry Rx, in their sense."""
    (ca, cb, cc), (sa, sb, sc) = np.cos(angles), np.sin(angles)
    x = np.array([[1, 0, 0], [0, ca, sa], [0, -sa, ca]])
    y = np.array([[cb, 0, -sb], [0, 1, 0], [sb, 0, cb]])
    z = np.array([[cc, sc, 0], [-sc, cc, 0], [0, 0, 1]])
    return z @ y @ x


def resize(rows: Array, window: int) -> Array:
    """Frames ``[T, ...]`` as ``window`` frames, which the feeders leave to PyTorch."""
    image = torch.from_numpy(rows).flatten(1)[None, None]
    size = (window, image.size(-1))
    resized = torch.nn.functional.interpolate(image, size, mode="bilinear", align_corners=False)
    return resized.view(window, *rows.shape[1:]).numpy()


def mamp_feeder(x: Array, window: int, share: float = 0.95) -> Array:
    """A row of ``x_test`` as MAMP tests it, ``[1, 2, window, 25, 3]``.

    The frames that do not sum to zero are counted, as many are taken from the first on; the same
    number goes at both ends, and the rest is resized.
    """
    frames = int((x.sum(1) != 0).sum())
    cut = int((1 - share) * frames / 2)
    used = x[cut : frames - cut].reshape(-1, 2, 25, 3)
    return resize(used, window).transpose(1, 0, 2, 3)[None]


def centred(keypoint: Array) -> Array:
    """``PreNormalize3D`` without alignment: ``[M, T, V, C]`` of one or two persons, float16."""
    seen = [[bool(np.abs(pose).max() > 1e-8) for pose in person] for person in keypoint]
    if len(keypoint) == 2 and sum(seen[1]) > sum(seen[0]):
        keypoint, seen = keypoint[::-1], seen[::-1]
    keypoint = keypoint[:, np.flatnonzero(seen[0])]
    there = (keypoint != 0).any(-1, keepdims=True)
    return np.where(there, keypoint - keypoint[0, 0, 1], keypoint)


def decode_test(length: int, frames: int, views: int, starts: bool = True) -> Array:
    """Frames that are sampled in testing, ``[views, frames]``.

    Args:
        length: The frames of the clip.
        frames: How many are taken.
        views: How often.
        starts: Is the start of a short view drawn, as ``Decode`` does? Otherwise it is spread.
    """
    random, rows = np.random.RandomState(255), []
    for view in range(views):
        random.rand(), random.randint(1)
        if length < frames:
            spread = view if length < views else view * length // views
            start = random.randint(0, length) if starts else spread
            rows.append((start + np.arange(frames)) % length)
        elif length < 2 * frames:
            jumps = np.zeros(frames + 1, int)
            jumps[random.choice(frames + 1, length - frames, replace=False)] = 1
            rows.append(np.arange(frames) + jumps.cumsum()[:-1])
        else:
            edge = np.arange(frames + 1) * length // frames
            rows.append(edge[:-1] + random.randint(np.diff(edge)))
    return np.array(rows)


def padded(views: Array) -> Array:
    """``[views, M, T, V, C]`` with two persons, the second of zeros if there is one."""
    missing = np.zeros((len(views), 2 - views.shape[1], *views.shape[2:]), views.dtype)
    return np.concatenate([views, missing], 1)


def difference(found: Tensor, wanted: Array | Tensor) -> float:
    """The largest difference of two tensors of one shape."""
    wanted = torch.as_tensor(wanted)
    assert found.shape == wanted.shape, (list(found.shape), list(wanted.shape))
    return float((found.double() - wanted.double()).abs().max())


def is_degrees(rotate: Any) -> bool:
    """Whether a preset turns clips by 0.3 rad."""
    return math.isclose(rotate, math.degrees(MAX_ANGLE), rel_tol=1e-12)
