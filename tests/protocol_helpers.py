"""Clips of two classes and a small encoder, for the protocols that train."""

from __future__ import annotations

from pathlib import Path

import torch
from evaluation_helpers import clip
from torch_geometric.data import Data
from torch_geometric.loader import DataLoader

from pyg_skeletonmae.datasets import SkeletonDataset
from pyg_skeletonmae.layouts import UIPRMD22
from pyg_skeletonmae.models import GraphEncoder


def shifted_clips(count: int, seed: int = 0, spread: float = 1.0) -> list[Data]:
    """Clips whose class shifts some joints."""
    generator = torch.Generator().manual_seed(seed)
    clips = []
    for number in range(count):
        pos = spread * torch.randn(1, UIPRMD22.num_joints, 4, 3, generator=generator)
        pos[:, 3:9] += 2.0 * (number % 2)
        clips.append(clip(pos, y=number % 2, subject=1 + number % 3, number=number))
    return clips


def loader_of(count: int, size: int = 8, seed: int = 0, shuffle: bool = False) -> DataLoader:
    return DataLoader(shifted_clips(count, seed), size, shuffle=shuffle)


def small_encoder() -> GraphEncoder:
    torch.manual_seed(0)
    return GraphEncoder(UIPRMD22, hidden_channels=8, depth=1).eval()


def dataset_of(count: int, root: Path, seed: int = 0) -> SkeletonDataset:
    """The same clips in a store, of subjects 1 to 3."""
    clips = shifted_clips(count, seed)
    arrays = [own.pos.transpose(0, 1).numpy() for own in clips]
    return SkeletonDataset.from_arrays(
        arrays,
        [int(own.y) for own in clips],
        UIPRMD22,
        root=root,
        subjects=[int(own.subject) for own in clips],
    )
