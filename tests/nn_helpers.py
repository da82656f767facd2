"""Tracks, their bones in three forms, and what stock PyG makes of one graph per frame."""

from __future__ import annotations

import copy
from dataclasses import dataclass

import numpy as np
import torch
from oracle_helpers import oracles
from torch import Tensor, nn
from torch_geometric.data import Batch, Data
from torch_geometric.nn import GATConv, GCNConv, GINConv

from pyg_skeletonmae.nn import SkeletonGATConv, SkeletonGCNConv, SkeletonGINConv

CHANNELS = 4
STOCK = {SkeletonGINConv: GINConv, SkeletonGCNConv: GCNConv, SkeletonGATConv: GATConv}


@dataclass
class Tracks:
    """The same persons as tracks with an adjacency and as nodes with edges."""

    x: Tensor  # [P, V, T, C]
    edges: list[Tensor]  # of each track, [2, E_p], both directions

    @property
    def edge_index(self) -> Tensor:
        joints = self.x.size(1)
        return torch.cat([edges + p * joints for p, edges in enumerate(self.edges)], dim=1)

    @property
    def adjacency(self) -> Tensor:
        joints = self.x.size(1)
        adjacency = self.x.new_zeros(len(self.edges), joints, joints)
        for p, (source, target) in enumerate(self.edges):
            adjacency[p, target, source] = 1.0
        return adjacency

    def frame_graphs(self) -> Batch:
        """One PyG graph per person and frame, person after person."""
        graphs = [
            Data(x=self.x[p, :, t], edge_index=edges)
            for p, edges in enumerate(self.edges)
            for t in range(self.x.size(2))
        ]
        return Batch.from_data_list(graphs)


def make_tracks(
    persons: int, frames: int, drop: float = 0.0, dtype: torch.dtype = torch.float32
) -> Tracks:
    """Random features on a small tree; ``drop`` is the share of hidden bones per person."""
    generator = torch.Generator().manual_seed(1000 * persons + frames)
    joints = 6
    x = torch.randn(persons, joints, frames, CHANNELS, generator=generator, dtype=dtype)
    child, parent = torch.arange(1, joints), torch.tensor([0, 1, 1, 3, 4])
    edges = []
    for _ in range(persons):
        kept = torch.rand(joints - 1, generator=generator) >= drop
        bones = torch.stack([child, parent])[:, kept]
        edges.append(torch.cat([bones, bones.flip(0)], dim=1))
    return Tracks(x, edges)


def stock_twin(conv: nn.Module, **arguments: object) -> nn.Module:
    """PyG's own layer with the same weights."""
    stock = STOCK[type(conv)]
    if isinstance(conv, SkeletonGINConv):
        twin = stock(copy.deepcopy(conv.nn), **arguments)
    else:
        twin = stock(conv.in_channels, conv.out_channels, **arguments)
    twin.load_state_dict(conv.state_dict())
    return twin.to(next(conv.parameters()).dtype).train(conv.training)


def randomize(module: nn.Module, seed: int = 0) -> nn.Module:
    """Moves every parameter away from its initial value, so that each term matters."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in module.parameters():
            noise = torch.randn(parameter.shape, generator=generator, dtype=parameter.dtype)
            parameter.add_(0.3 * noise)
    return module


def grads(out: Tensor, x: Tensor, module: nn.Module) -> list[Tensor]:
    """Gradients of a fixed random projection of the output, of the input and of all weights."""
    generator = torch.Generator().manual_seed(7)
    weight = torch.randn(out.shape, generator=generator, dtype=out.dtype)
    return list(torch.autograd.grad((out * weight).sum(), [x, *module.parameters()]))


def model_oracle(name: str) -> dict[str, Tensor]:
    """A recording of a public implementation, as tensors."""
    root = oracles()
    with np.load(root / "models" / name, allow_pickle=False) as arrays:
        numbers = {key: arrays[key] for key in arrays.files if arrays[key].dtype.kind != "U"}
    return {key: torch.from_numpy(value) for key, value in numbers.items()}
