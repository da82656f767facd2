"""Small batches and features for the tests of the evaluations."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch_geometric.data import Batch, Data

from pyg_skeletonmae.batch import tracks_edge_index
from pyg_skeletonmae.evaluation import Features
from pyg_skeletonmae.layouts import UIPRMD22


def clip(tracks: Tensor, y: int | None = 0, subject: int = 1, number: int = 0) -> Data:
    """A clip from tracks ``[M, V, T, C]``."""
    pos = tracks.flatten(0, 1)
    data = Data(
        pos=pos,
        valid=torch.ones_like(pos[..., 0], dtype=torch.bool),
        edge_index=tracks_edge_index(UIPRMD22, len(tracks)),
        num_tracks=torch.tensor([len(tracks)]),
        clip_id=torch.tensor([number]),
        subject=torch.tensor([subject]),
    )
    if y is not None:
        data.y = torch.tensor([y])
    return data


def batches(clips: list[Data], size: int) -> list[Batch]:
    return [Batch.from_data_list(clips[i : i + size]) for i in range(0, len(clips), size)]


def blobs(
    n: int = 120, dim: int = 8, classes: int = 4, spread: float = 1.5, seed: int = 0
) -> Features:
    """Overlapping Gaussian blobs, the same centres for every seed."""
    centres = torch.randn(classes, dim, generator=torch.Generator().manual_seed(99))
    generator = torch.Generator().manual_seed(seed)
    y = torch.randint(classes, (n,), generator=generator)
    x = centres[y] + spread * torch.randn(n, dim, generator=generator)
    return Features(x, y, torch.randint(1, 6, (n,), generator=generator))


class MaskedDecoder(nn.Module):
    """A decoder that sees a linear map of the truth; the same joints are masked in every clip."""

    def __init__(self, features: int, mask: tuple[int, ...]) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(5)
        weight = torch.randn(3, features, generator=generator)
        self.weight = nn.Parameter(weight, requires_grad=False)
        self.mask = mask

    def reconstruct(self, batch: Batch) -> tuple[Tensor, Tensor]:
        pos = batch.pos.view(-1, 22, *batch.pos.shape[1:])
        mask = torch.zeros(pos.shape[:3], dtype=torch.bool)
        mask[:, list(self.mask)] = True
        return pos @ self.weight, mask
