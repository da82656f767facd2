"""A job of ``skeletonmae evaluate`` on the moving sticks, without the command line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from cli_helpers import write_packed

from pyg_skeletonmae.commands.data_clips import Splits, open_dataset, split
from pyg_skeletonmae.commands.data_section import DataConfig
from pyg_skeletonmae.commands.evaluation_context import Job
from pyg_skeletonmae.models import GraphEncoder
from pyg_skeletonmae.skeleton import Skeleton


def sticks(root: Path, **settings: Any) -> tuple[DataConfig, Splits]:
    """Sixteen clips of three joints, two classes, four subjects; odd ones train."""
    path = write_packed(root / "sticks.npz")
    fixed = {"name": "npz", "frames": 4, "crop": None, "batch_size": 5}
    config = DataConfig(path=str(path), cache=str(root / "cache"), **{**fixed, **settings})
    return config, split(open_dataset(config), config)


def tiny_encoder(skeleton: Skeleton, channels: int = 3) -> GraphEncoder:
    torch.manual_seed(0)
    return GraphEncoder(skeleton, channels, hidden_channels=8, depth=1).eval()


def make_job(root: Path, trained: bool = True, **settings: Any) -> Job:
    """A job with a small encoder, or on the coordinates themselves."""
    data, splits = sticks(root)
    return Job(data, splits, tiny_encoder(splits.train.skeleton) if trained else None, **settings)
