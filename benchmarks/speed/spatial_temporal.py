"""Memory and time of the transformers, for ``speed.py --only st``.

Sizes are the published ones: 25 joints, 30 time steps, so 750 tokens of 256 channels, 8 blocks
and 3 of the decoder; ``--quick`` is small, to show that it runs.

- **memory**: forward and backward of one encoder on all tokens and on the tenth that is visible,
  each in a process of its own: its highest resident memory less that before the step.
- **teacher**: a training step of ``Skeleton2Vec`` and the moving average alone. The average does
  not depend on the number of tracks, so its share at 32 follows from a step with fewer.
- **attention**: forward and backward of the plain and of the fused form, by length.
"""

from __future__ import annotations

import argparse
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import torch
from torch import Tensor
from torch_geometric.data import Batch, Data

from pyg_skeletonmae.layouts import NTU25
from pyg_skeletonmae.models import Skeleton2Vec, STEncoder, ViTBackbone
from pyg_skeletonmae.nn.attention import attention
from pyg_skeletonmae.transforms.token_masking import RandomTokenMask

BENCHMARKS = Path(__file__).parents[1]
RATIO, PUBLISHED_TRACKS = 0.9, 32
TARGETS = {"memory": 0.5, "teacher": 1.0}
Rows = list[tuple[str, float, str]]


@dataclass(frozen=True)
class Size:
    """How large the models are.

    Args:
        width: The channels of encoder and decoder.
        depth: The blocks of the encoder.
        decoder_depth: Those of the decoder.
        steps: Time steps; with 25 joints, 30 of them are 750 tokens.
        lengths: The lengths at which attention is timed.
    """

    width: int = 256
    depth: int = 8
    decoder_depth: int = 3
    steps: int = 30
    lengths: tuple[int, ...] = (25, 75, 200, 750)


QUICK = Size(16, 2, 1, 4, (8, 16))
HEADS = 8


def bench_st(args: argparse.Namespace) -> Rows:
    """All figures: ``(what, value, unit)``."""
    size = QUICK if args.quick else Size()
    return [*_memory(args), *_teacher(size, args), *_attention(size, args)]


def summary(rows: Rows) -> list[str]:
    """Lines that compare with the targets."""
    found = {name: value for name, value, _ in rows}
    ratio = found["memory, visible tokens"] / max(found["memory, all tokens"], 1e-9)
    share = found["teacher, share of a step at 32 tracks"]
    return [
        f"memory: visible tokens need {ratio:.2f}x of all (target {TARGETS['memory']}x)",
        f"teacher: {share:.2f} % of a step at {PUBLISHED_TRACKS} tracks "
        f"(target {TARGETS['teacher']} %)",
    ]


def peak(quick: bool, visible: bool, tracks: int, threads: int) -> float:
    """The memory, in MB, that forward and backward add; for a process of its own."""
    torch.set_num_threads(threads)
    size = QUICK if quick else Size()
    frames = 4 * size.steps
    model = STEncoder(NTU25, 3, frames, 4, size.width, size.depth, HEADS)
    pos = torch.randn(tracks, NTU25.num_joints, frames, 3)
    tokens = NTU25.num_joints * size.steps
    count = RandomTokenMask(RATIO).num_visible(NTU25.num_joints, size.steps)
    keep = torch.rand(tracks, tokens).argsort(1)[:, :count].sort(1).values
    for parameter in model.parameters():  # both have them, whatever is encoded
        parameter.grad = torch.zeros_like(parameter)
    before = _resident()
    out = model.encode_visible(pos, keep) if visible else model.encode_tracks(pos)
    out.square().mean().backward()
    return _resident() - before


def _resident() -> float:
    """The most memory this process ever held, in MB."""
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most / (1e6 if sys.platform == "darwin" else 1e3)  # bytes there, kilobytes elsewhere


def _memory(args: argparse.Namespace) -> Rows:
    rows: Rows = []
    for visible, name in ((False, "all tokens"), (True, "visible tokens")):
        call = f"print(peak({args.quick}, {visible}, {args.tracks}, {args.threads}))"
        path = f"import sys; sys.path.insert(0, {str(BENCHMARKS)!r})"
        code = f"{path}; from speed.spatial_temporal import peak; {call}"
        runs = [
            float(
                subprocess.run([sys.executable, "-c", code], capture_output=True, check=True).stdout
            )
            for _ in range(args.processes)
        ]
        rows.append((f"memory, {name}", statistics.median(runs), "MB"))
    return rows


def _teacher(size: Size, args: argparse.Namespace) -> Rows:
    backbone = ViTBackbone(
        3, size.width, size.depth, HEADS, layer_scale=1e-4, norm_eps=1e-6, time_embedding="zero",
        decoder_channels=size.width, decoder_depth=size.decoder_depth, init="normal",
    )  # fmt: skip
    frames, joints = 3 * size.steps, NTU25.num_joints
    model = Skeleton2Vec(NTU25, 3, frames, backbone, RandomTokenMask(RATIO))
    optimizer = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], fused=True)
    clips = [
        Data(pos=torch.randn(joints, frames, 3), num_tracks=torch.ones(1, dtype=torch.long))
        for _ in range(args.tracks)
    ]
    batch = Batch.from_data_list(clips)

    def step() -> None:
        optimizer.zero_grad()
        model(batch)["loss"].backward()
        optimizer.step()
        model.after_step()

    update = _median(model.after_step, max(args.repeats, 5), args.clock)
    whole = _median(step, args.repeats, args.clock)
    share = 100 * update / ((whole - update) * PUBLISHED_TRACKS / args.tracks + update)
    return [
        (f"teacher, whole step at {args.tracks} tracks", whole, "ms"),
        ("teacher, moving average", update, "ms"),
        ("teacher, share of a step at 32 tracks", share, "%"),
    ]


def _attention(size: Size, args: argparse.Namespace) -> Rows:
    rows: Rows = []
    for length in size.lengths:
        shape = args.tracks, HEADS, length, size.width // HEADS
        inputs = [torch.randn(shape, requires_grad=True) for _ in range(3)]
        for fused, name in ((False, "plain"), (True, "fused")):
            took = _median(partial(_attend, inputs, fused), 3 * args.repeats, args.clock)
            rows.append((f"attention of {length} tokens, {name}", took, "ms"))
    return rows


def _attend(inputs: list[Tensor], fused: bool) -> None:
    query, key, value = inputs
    attention(query, key, value, fused=fused).sum().backward()


def _median(step: Callable[[], None], repeats: int, clock: str) -> float:
    """The median time of a step in milliseconds, after one to warm up."""
    now = {"wall": time.perf_counter, "cpu": time.process_time}[clock]
    times = []
    for _ in range(repeats + 1):
        start = now()
        step()
        times.append(1e3 * (now() - start))
    return statistics.median(times[1:])
