"""A small task and small batches for the tests of the trainer."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch_geometric.data import Batch, Data
from torch_geometric.loader import DataLoader

V, T = 3, 4  # joints, frames


def make_clips(count: int = 12, dtype: torch.dtype = torch.float32) -> list[Data]:
    """Clips of two classes that differ by a shift."""
    generator = torch.Generator().manual_seed(0)
    return [
        Data(
            pos=torch.randn(V, T, 3, generator=generator).to(dtype) + number % 2,
            y=torch.tensor([number % 2]),
            num_tracks=torch.tensor([1]),
            clip_id=torch.tensor([number]),
        )
        for number in range(count)
    ]


def make_loader(count: int = 12, batch_size: int = 3, shuffle: bool = True) -> DataLoader:
    return DataLoader(make_clips(count), batch_size, shuffle=shuffle)


class SlicedLoader:
    """Clips in order, the share of one process: what SkeletonLoader promises, in ten lines."""

    def __init__(self, clips: list[Data], batch_size: int, rank: int = 0, world_size: int = 1):
        self.clips, self.batch_size = clips, batch_size
        self.rank, self.world_size = rank, world_size

    def __len__(self) -> int:
        return len(self.clips) // (self.batch_size * self.world_size)

    def __iter__(self) -> Iterator[Batch]:
        for number in range(len(self)):
            first = (number * self.world_size + self.rank) * self.batch_size
            yield Batch.from_data_list(self.clips[first : first + self.batch_size])


class Task(nn.Module):
    """Classifies clips; ``norm`` and ``dropout`` give it buffers and random draws."""

    def __init__(self, norm: bool = True, dropout: float = 0.3, seed: int = 0) -> None:
        super().__init__()
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            self.encoder = nn.Sequential(
                nn.Linear(3, 8),
                nn.BatchNorm1d(8) if norm else nn.Identity(),
                nn.ReLU(),
                nn.Dropout(dropout),
            )
            self.head = nn.Linear(8, 2)
        self.steps = 0
        self.on_step: Callable[[int], None] = lambda step: None

    def forward(self, batch: Data) -> dict[str, Tensor]:
        features = self.encoder(batch.pos.flatten(0, 1)).reshape(batch.num_graphs, -1, 8).mean(1)
        logits = self.head(features)
        loss = nn.functional.cross_entropy(logits, batch.y)
        return {"loss": loss, "logits": logits, "half": loss / 2}

    def after_step(self) -> None:
        self.steps += 1
        self.on_step(self.steps)


def metrics_without_time(run_dir: Path) -> list[dict[str, Any]]:
    lines = (run_dir / "metrics.jsonl").read_text().splitlines()
    return [{k: v for k, v in json.loads(line).items() if k != "seconds"} for line in lines]


def state_without_time(path: Path) -> dict[str, Any]:
    state = torch.load(path, weights_only=True)
    del state["progress"]["seconds"]
    return state


def assert_identical(left: Any, right: Any, where: str = "") -> None:
    """Equal bit for bit, tensors and all."""
    assert type(left) is type(right), where
    if isinstance(left, Tensor):
        assert torch.equal(left, right), where
    elif isinstance(left, dict):
        assert left.keys() == right.keys(), where
        for key in left:
            assert_identical(left[key], right[key], f"{where}.{key}")
    elif isinstance(left, list | tuple):
        assert len(left) == len(right), where
        for number, pair in enumerate(zip(left, right, strict=True)):
            assert_identical(*pair, f"{where}[{number}]")
    else:
        assert left == right, where
