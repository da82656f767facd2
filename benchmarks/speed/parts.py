"""Presets against the same nets put together by hand, for ``speed.py --only parts``."""

from __future__ import annotations

import argparse
import copy
from collections.abc import Callable, Iterator
from itertools import repeat

import torch
from torch import nn
from torch_geometric.data import Batch, Data

from pyg_skeletonmae.layouts import NTU25
from pyg_skeletonmae.models import (
    GraphEncoder,
    GraphSkeletonMAE,
    MaskedPretrainer,
    STSkeletonMAE,
    STTFormerBackbone,
    ViTBackbone,
)
from pyg_skeletonmae.models.pretraining.masked import STBackbone
from pyg_skeletonmae.models.pretraining.targets import CoordinateTarget
from pyg_skeletonmae.transforms import PartMask

CHANNELS, FRAMES = 3, 64


def pairs(width: int) -> Iterator[tuple[str, nn.Module, nn.Module]]:
    """The name of each preset, the preset, and its four parts, of the same weights."""
    graph = GraphSkeletonMAE(
        NTU25, CHANNELS, width, mask=PartMask(), target="coordinates", loss="squared"
    )
    encoder = GraphEncoder(NTU25, CHANNELS, width)
    parts = MaskedPretrainer(encoder, PartMask(), hide_missing=False)
    yield "graph", graph, _same_weights(parts, graph)
    for name, backbone in _backbones(width).items():
        preset = STSkeletonMAE(NTU25, CHANNELS, FRAMES, backbone)
        parts = MaskedPretrainer(
            backbone.encoder(NTU25, CHANNELS, FRAMES),
            backbone.mask(),
            CoordinateTarget(backbone.target_norm),
            backbone.decoder(NTU25, CHANNELS, FRAMES),
        )
        yield name, preset, _same_weights(parts, preset)


def _backbones(width: int) -> dict[str, STBackbone]:
    return {
        "ViT": ViTBackbone(4, width, 3, 4, decoder_channels=width, decoder_depth=1),
        "STTFormer": STTFormerBackbone(
            4, [[width, width, width // 4]] * 2, 2, decoder_channels=[[width, width, width // 4]]
        ),
    }


def bench_parts(
    args: argparse.Namespace,
    step: Callable[[nn.Module, Iterator[Data]], Callable[[], None]],
    alternate: Callable[[dict[str, Callable[[], None]], int, str], dict[str, float]],
) -> Iterator[tuple[str, float, float]]:
    """The name of each preset, and median milliseconds of a step of it and of its parts."""
    joints = NTU25.num_joints
    pos = torch.randn(args.clips, joints, FRAMES, CHANNELS)
    one = torch.ones(1, dtype=torch.long)
    batch = Batch.from_data_list([Data(pos=clip, num_tracks=one) for clip in pos])
    for name, preset, parts in pairs(args.hidden):
        torch.testing.assert_close(_loss(parts, batch), _loss(preset, batch))
        steps = {"preset": step(preset, repeat(batch)), "parts": step(parts, repeat(batch))}
        medians = alternate(steps, args.repeats, args.clock)
        yield name, medians["preset"], medians["parts"]


def _loss(model: nn.Module, batch: Data) -> torch.Tensor:
    torch.manual_seed(0)  # of the masks
    loss: torch.Tensor = copy.deepcopy(model)(batch)["loss"]
    return loss


def _same_weights(parts: nn.Module, preset: nn.Module) -> nn.Module:
    parts.load_state_dict(preset.state_dict())
    return parts
