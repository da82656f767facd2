"""Replays the recorded dropout of the public classifiers."""

from pathlib import Path

import torch
from st_helpers import SKELETON
from torch import Tensor, nn
from torch_geometric.data import Data

from pyg_skeletonmae.batch import tracks_edge_index
from pyg_skeletonmae.models import Classifier
from pyg_skeletonmae.nn.drop_path import drop_path


class ReplayDropout(nn.Module):
    """Keeps the recorded features, at a rate of 0.3."""

    def __init__(self, keep: Tensor) -> None:
        super().__init__()
        self.keep = keep

    def forward(self, x: Tensor) -> Tensor:
        return x * self.keep / 0.7


class ReplayDropPath(nn.Module):
    """Drops branches by the recorded noise, call after call, at a rate of 0.3."""

    def __init__(self, *noise: Tensor) -> None:
        super().__init__()
        self.noise = list(noise)

    def forward(self, x: Tensor) -> Tensor:
        return drop_path(x, 0.3, self.noise.pop(0).flatten())


def replay_dropout(model: Classifier, recorded: dict[str, Tensor], keep: Tensor) -> None:
    """Lets the next training pass of a model of two blocks drop what was dropped.

    Args:
        model: The classifier.
        recorded: The arrays of its training pass.
        keep: The features that were kept, ``[P, V, S, D]``.
    """
    model.encoder = model.encoder.with_drop_path(0.3)
    model.token_dropout = ReplayDropout(keep)
    blocks = model.encoder.transformer.blocks
    assert [block.drop_path.rate for block in blocks] == [0.0, torch.tensor(0.3).item()]
    blocks[1].drop_path = ReplayDropPath(
        recorded["train/droppath_uniform0"], recorded["train/droppath_uniform1"]
    )


def labelled(tracks: Tensor, labels: Tensor) -> Data:
    """Clips of two persons each."""
    return Data(
        pos=tracks.flatten(0, 1),
        edge_index=tracks_edge_index(SKELETON, len(tracks)),
        num_tracks=torch.full((len(tracks) // 2,), 2),
        y=labels,
    )


def save(content: object, folder: Path) -> Path:
    path = folder / "official.pth"
    torch.save(content, path)
    return path
