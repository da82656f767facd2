"""Loading: whole batches from the store, against a feeder and a collate that go clip by clip."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import cycle
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor
from torch.utils.data import default_collate
from torch_geometric.data import Batch
from torch_geometric.loader import DataLoader
from torch_geometric.transforms import Compose

from pyg_skeletonmae.batch import as_tracks
from pyg_skeletonmae.datasets import SkeletonDataset
from pyg_skeletonmae.layouts import COCO17, NTU25
from pyg_skeletonmae.loader import SkeletonLoader
from pyg_skeletonmae.skeleton import Skeleton
from pyg_skeletonmae.transforms import CropResize, RandomRotate3D

CLIPS, BATCH, PERSONS, FRAMES, PADDED = 128, 32, 2, 120, 300
CROP, RADIANS = (0.5, 1.0), 0.3


class PlainFeeder:
    """Clip after clip, as is customary: crop, resize, rotate, and stack 32 of them.

    Args:
        clips: ``[N, T, M, V, C]``, padded with zeros at the end to 300 frames, seen as
            ``[N, C, T, V, M]``, as in the npz files that such feeders read.
    """

    def __init__(self, clips: npt.NDArray[np.float32]) -> None:
        padded = np.zeros((len(clips), PADDED, *clips.shape[2:]), np.float32)
        padded[:, : clips.shape[1]] = clips
        self.clips = padded.transpose(0, 4, 1, 3, 2)
        self.random = np.random.default_rng(0)

    def __getitem__(self, number: int) -> Tensor:
        clip = np.array(self.clips[number])
        frames = int(np.sum(clip.sum(0).sum(-1).sum(-1) != 0))
        return random_rotation(crop_and_resize(clip, frames, self.random))

    def batch(self, start: int) -> Tensor:
        """``[B, C, T, V, M]``."""
        stacked: Tensor = default_collate([self[start + number] for number in range(BATCH)])
        return stacked


def crop_and_resize(
    clip: npt.NDArray[np.float32], frames: int, random: np.random.Generator
) -> Tensor:
    """A random window of a clip ``[C, T, V, M]``, resized."""
    channels, _, joints, persons = clip.shape
    ratio = random.random() * (CROP[1] - CROP[0]) + CROP[0]
    length = min(max(int(np.floor(frames * ratio)), 64), frames)
    start = int(random.integers(0, frames - length + 1))
    window = torch.from_numpy(clip[:, start : start + length])
    size = channels * joints * persons
    rows = window.permute(0, 2, 3, 1).reshape(1, 1, size, length)
    rows = F.interpolate(rows, size=(size, FRAMES), mode="bilinear", align_corners=False)
    return rows.view(channels, joints, persons, FRAMES).permute(0, 3, 1, 2).contiguous()


def random_rotation(clip: Tensor) -> Tensor:
    """Turns a clip ``[3, T, V, M]`` by random angles, with one matrix for each frame."""
    channels, frames, joints, persons = clip.shape
    rows = clip.permute(1, 0, 2, 3).contiguous().view(frames, channels, -1)
    angles = torch.zeros(3).uniform_(-RADIANS, RADIANS).expand(frames, 3)
    matrix = torch.eye(3).expand(frames, 3, 3)
    for axis in range(3):
        first, second = (other for other in range(3) if other != axis)
        step = torch.eye(3).repeat(frames, 1, 1)
        cosine, sine = angles[:, axis].cos(), angles[:, axis].sin()
        step[:, first, first], step[:, second, second] = cosine, cosine
        step[:, first, second], step[:, second, first] = sine, -sine
        matrix = torch.matmul(step, matrix)
    rows = torch.matmul(matrix, rows).view(frames, channels, joints, persons)
    return rows.permute(1, 0, 2, 3).contiguous()


def loader_steps(root: Path) -> dict[str, Callable[[], object]]:
    """What is timed, by name. Both sides of each comparison read the same clips."""
    clips, dataset = make_clips(root / "large", NTU25, PERSONS, FRAMES, 3)
    rotate = RandomRotate3D(float(np.rad2deg(RADIANS)))
    ours = SkeletonLoader(dataset, BATCH, Compose([CropResize(FRAMES, *CROP), rotate]))
    feeder = PlainFeeder(clips.transpose(0, 2, 1, 3, 4))
    assert feeder.batch(0).numel() == next(iter(ours))["pos"].numel()
    cropped = forever(ours)
    numbers = cycle(range(0, CLIPS, BATCH))
    steps: dict[str, Callable[[], object]] = {
        "crop, resize, rotate: ours": lambda: next(cropped),
        "crop, resize, rotate: a feeder": lambda: feeder.batch(next(numbers)),
    }
    steps |= batch_steps(clips, dataset, "large batch")
    clips, dataset = make_clips(root / "small", COCO17, 1, 64, 2)
    return steps | batch_steps(clips, dataset, "small batch")


def make_clips(
    root: Path, skeleton: Skeleton, persons: int, frames: int, channels: int
) -> tuple[npt.NDArray[np.float32], SkeletonDataset]:
    """Random clips, ``[N, M, T, V, C]`` and in a store."""
    shape = (CLIPS, persons, frames, skeleton.num_joints, channels)
    clips = np.random.default_rng(0).standard_normal(shape).astype(np.float32)
    return clips, SkeletonDataset.from_arrays(list(clips), [0] * CLIPS, skeleton, root=root)


def batch_steps(
    clips: npt.NDArray[np.float32], dataset: SkeletonDataset, name: str
) -> dict[str, Callable[[], object]]:
    """Batches of whole clips, untransformed."""
    ours, stock = SkeletonLoader(dataset, BATCH), DataLoader(dataset, batch_size=BATCH)
    ready = [dataset[number] for number in range(BATCH)]
    tracks = torch.from_numpy(clips[:BATCH]).flatten(0, 1).transpose(1, 2)
    for batch in (next(iter(ours)), next(iter(stock)), Batch.from_data_list(ready)):
        assert torch.equal(as_tracks(batch["pos"], dataset.skeleton.num_joints), tracks)
    from_store, from_pyg = forever(ours), forever(stock)
    return {
        f"{name}: ours": lambda: next(from_store),
        f"{name}: PyG": lambda: next(from_pyg),
        f"{name}: PyG, clips in memory": lambda: Batch.from_data_list(ready),
    }


def forever(batches: Iterable[object]) -> Iterator[object]:
    """Epoch after epoch."""
    while True:
        yield from batches
