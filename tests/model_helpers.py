"""Small batches and gradient checks shared by the tests of models."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import nn
from torch_geometric.data import Batch, Data

from pyg_skeletonmae import Skeleton, layouts
from pyg_skeletonmae.batch import tracks_edge_index
from pyg_skeletonmae.draws import clip_keys
from pyg_skeletonmae.models import STRL

# A bias before a batch norm, or of attention keys, has no effect: its gradient is rounding noise.
NO_GRADIENT = ("head.0.bias", "embed.bias")


def make_clip(
    skeleton: Skeleton, persons: int = 1, frames: int = 8, channels: int = 3, number: int = 0
) -> Data:
    generator = torch.Generator().manual_seed(number)
    nodes = persons * skeleton.num_joints
    walk = torch.randn(nodes, frames, channels, generator=generator).cumsum(1) * 0.1
    return Data(
        pos=walk + torch.randn(nodes, 1, channels, generator=generator),
        valid=torch.ones(nodes, frames, dtype=torch.bool),
        edge_index=tracks_edge_index(skeleton, persons),
        y=torch.tensor([number % 3]),
        num_tracks=torch.tensor([persons]),
        clip_id=torch.tensor([number]),
        subject=torch.tensor([0]),
        key=clip_keys(0, 0, torch.tensor([number])),
    )


def make_batch(
    skeleton: Skeleton, persons: Sequence[int] = (1, 2, 1, 3), frames: int = 8, channels: int = 3
) -> Batch:
    clips = [make_clip(skeleton, m, frames, channels, i) for i, m in enumerate(persons)]
    return Batch.from_data_list(clips)


def make_strl(**arguments: Any) -> STRL:
    """A small STRL of UI-PRMD's skeleton, for clips of 8 frames."""
    torch.manual_seed(0)
    fixed = {"frames": 8, "hidden_channels": 16, "depth": 2, **arguments}
    return STRL(layouts.UIPRMD22, 3, 3, **fixed)


def assert_gradients(model: nn.Module, exempt: Sequence[str] = NO_GRADIENT) -> None:
    """Every trained parameter got a finite gradient, non-zero but for the exempt ones."""
    for name, parameter in model.named_parameters():
        if not parameter.requires_grad:
            continue
        assert parameter.grad is not None, name
        assert parameter.grad.isfinite().all(), name
        if not name.endswith(tuple(exempt)):
            assert parameter.grad.abs().max() > 0, name
