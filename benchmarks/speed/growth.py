"""How do time and memory grow with the size of clips and models? For ``speed.py --only growth``.

A step of each system, forward and backward, with one size after the other larger than that of the
base, all in turns. Of what is found an exponent is fitted, by least squares of logarithms: with
exponent 1 twice as many frames take twice the time. Memory is what the forward pass keeps for the
backward pass, each storage once, which is counted and does not depend on the machine.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch_geometric.data import Batch, Data

from pyg_skeletonmae.models import (
    GraphSkeletonMAE,
    GraphTemporalEncoder,
    MaskedPretrainer,
    STGCNEncoder,
    STSkeletonMAE,
    ViTBackbone,
)
from pyg_skeletonmae.skeleton import Skeleton
from pyg_skeletonmae.transforms.masking import RandomMask
from pyg_skeletonmae.transforms.token_masking import RandomTokenMask
from speed.rates import Alternate, Step, flops

MARK = "<!-- written by speed.py --only growth -->"


@dataclass(frozen=True)
class Size:
    """How large a step is.

    Args:
        clips: The clips of a batch.
        persons: The persons of each.
        frames: Its frames.
        joints: The joints of a person.
        width: The channels of the model.
        depth: Its blocks.
    """

    clips: int = 2
    persons: int = 1
    frames: int = 64
    joints: int = 25
    width: int = 64
    depth: int = 3


SIZES: dict[str, tuple[int, ...]] = {
    "clips": (2, 4, 8),
    "persons": (1, 2, 4),
    "frames": (64, 128, 300),
    "joints": (17, 25, 67, 133),
    "width": (64, 128, 256),
    "depth": (3, 6, 12),
}


def skeleton(joints: int) -> Skeleton:
    """A body of so many joints: limbs of eight from a hip."""
    names = ["hip", *(f"joint{number}" for number in range(1, joints))]
    bones = [
        (name, names[0] if number % 8 == 1 else names[number - 1])
        for number, name in enumerate(names)
        if number
    ]
    return Skeleton("body", tuple(names), tuple(bones), root="hip")


def _graph(size: Size) -> nn.Module:
    return GraphSkeletonMAE(skeleton(size.joints), 3, size.width, size.depth, mask=RandomMask())


def _vit(size: Size) -> nn.Module:
    backbone = ViTBackbone(4, size.width, size.depth, 8, decoder_channels=size.width)
    return STSkeletonMAE(skeleton(size.joints), 3, size.frames, backbone, RandomTokenMask(0.9))


def _graph_temporal(size: Size) -> nn.Module:
    encoder = GraphTemporalEncoder(
        skeleton(size.joints), 3, size.frames, hidden_channels=size.width, depth=size.depth
    )
    return MaskedPretrainer(encoder)


def _st_gcn(size: Size) -> nn.Module:
    return MaskedPretrainer(STGCNEncoder(skeleton(size.joints), 3, [size.width] * size.depth))


SYSTEMS: dict[str, Callable[[Size], nn.Module]] = {
    "graph": _graph,
    "vit": _vit,
    "graph-temporal": _graph_temporal,
    "st-gcn": _st_gcn,
}


def make_batch(size: Size) -> Batch:
    """Random clips of a size."""
    random = torch.Generator().manual_seed(0)
    shape = size.persons * size.joints, size.frames, 3
    tracks = torch.full((1,), size.persons)
    return Batch.from_data_list(
        [
            Data(pos=torch.randn(shape, generator=random), num_tracks=tracks)
            for _ in range(size.clips)
        ]
    )


def step(model: nn.Module, batch: Batch) -> None:
    """Forward and backward."""
    model.zero_grad()
    model(batch)["loss"].backward()


def saved_bytes(model: nn.Module, batch: Batch) -> int:
    """The bytes that the forward pass keeps for the backward pass, without the weights."""
    own = {x.untyped_storage().data_ptr() for x in (*model.parameters(), *model.buffers())}
    storages: dict[int, int] = {}

    def pack(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        storages[storage.data_ptr()] = storage.nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        loss = model(batch)["loss"]
    found = sum(size for place, size in storages.items() if place not in own)
    del loss
    return found


def exponent(sizes: list[float], values: list[float]) -> float:
    """The exponent of the power of the size that fits the values best."""
    x, y = ([math.log(number) for number in numbers] for numbers in (sizes, values))
    middle = sum(x) / len(x), sum(y) / len(y)
    above = sum((a - middle[0]) * (b - middle[1]) for a, b in zip(x, y, strict=True))
    return above / sum((a - middle[0]) ** 2 for a in x)


def sizes_of(name: str, quick: bool) -> Iterator[tuple[int, Size]]:
    """The values of one size, with all others those of the base."""
    base = Size(width=16, depth=1, frames=16, joints=9) if quick else Size()
    values = (getattr(base, name), 2 * getattr(base, name)) if quick else SIZES[name]
    for value in values:
        yield value, replace(base, **{name: value})


def measure(args: argparse.Namespace, alternate: Alternate) -> list[dict[str, Any]]:
    """Of each system and size: milliseconds, bytes saved, FLOPs, and their exponents."""
    rows = []
    for system, make in SYSTEMS.items():
        for name in SIZES:
            values: list[float] = []
            models: list[tuple[nn.Module, Batch]] = []
            steps: dict[str, Step] = {}
            for value, size in sizes_of(name, args.quick):
                torch.manual_seed(0)
                models.append((make(size), make_batch(size)))
                values.append(float(value))
                steps[str(value)] = partial(step, *models[-1])
            found = alternate(steps, args.repeats, args.clock)
            row = {
                "system": system,
                "size": name,
                "values": values,
                "ms": list(found.values()),
                "saved": [float(saved_bytes(*one)) for one in models],
                "gflop": [flops(one) for one in steps.values()],
            }
            row |= {f"{what} exponent": exponent(values, row[what]) for what in FIGURES}
            rows.append(row)
    return rows


FIGURES: Mapping[str, str] = {"ms": "time", "saved": "memory", "gflop": "FLOPs"}


def as_markdown(rows: list[dict[str, Any]], about: str) -> str:
    """The figures as one table of exponents and one of what the largest size takes."""
    lines = [
        about,
        "",
        f"| system | what is fitted | {' | '.join(SIZES)} |",
        "|---|---|" + "---|" * len(SIZES),
    ]
    for system in SYSTEMS:
        own = {row["size"]: row for row in rows if row["system"] == system}
        for what, word in FIGURES.items():
            cells = (f"{own[name][f'{what} exponent']:.2f}" for name in SIZES)
            lines.append(f"| {system} | {word} | {' | '.join(cells)} |")
    lines += ["", f"| system | base | {' | '.join(SIZES)} |", "|---|---|" + "---|" * len(SIZES)]
    for system in SYSTEMS:
        own = {row["size"]: row for row in rows if row["system"] == system}
        first = own["frames"]
        cells = (
            f"{own[name]['values'][-1]:.0f}: {own[name]['ms'][-1]:.0f} ms, "
            f"{own[name]['saved'][-1] / 2**20:.0f} MiB"
            for name in SIZES
        )
        base = f"{first['ms'][0]:.0f} ms, {first['saved'][0] / 2**20:.0f} MiB"
        lines.append(f"| {system} | {base} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"
