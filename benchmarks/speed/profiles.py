"""What takes the time? For ``speed.py --only profiles``; writes ``SPEED.md``.

Of each encoder in its inference form, and of a training step of each system with compiled kernels,
the operators that take most of the time, by PyTorch's profiler.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch.profiler import ProfilerActivity, profile

from speed.limits import ENCODERS, MAKERS, sides, training_steps
from speed.rates import Step

MARK = "<!-- written by speed.py --only profiles -->"
MOST, WARM = 8, 3


def shares(step: Step) -> dict[str, float]:
    """The share of a step's time of each operator, without those it calls."""
    for _ in range(WARM):
        step()
    with profile(activities=[ProfilerActivity.CPU]) as found:
        step()
    times = {
        row.key.removeprefix("aten::"): row.self_cpu_time_total for row in found.key_averages()
    }
    whole = sum(times.values())
    most = sorted(times, key=lambda name: -times[name])[:MOST]
    return {name: times[name] / whole for name in most}


@torch.no_grad()
def _encode(encoder: Any, pos: torch.Tensor) -> None:
    encoder.encode_tracks(pos)


def measure(
    args: argparse.Namespace, frame_graphs: Callable[..., Any]
) -> dict[str, dict[str, float]]:
    """The shares of operators by encoder and by system."""
    found = {}
    for name, make in MAKERS.items():
        torch.manual_seed(0)
        fast, (tracks, frames, channels) = make().eval().inference(), ENCODERS[name][1]
        tracks = 2 if args.quick else tracks
        pos = torch.randn(tracks, fast.skeleton.num_joints, frames, channels)
        found[f"{name}, `inference()`"] = shares(partial(_encode, fast, pos))
    for name, steps in training_steps(args.quick, frame_graphs).items():
        own = sides(steps)
        found[f"{name}, step"] = shares(own.get("kernels", own["ours"]))
    return found


def as_markdown(found: dict[str, dict[str, float]], about: str) -> str:
    """The shares as a table."""
    lines = [about, "", "| what | operators, share of the time |", "|---|---|"]
    for name, own in found.items():
        text = ", ".join(f"{operator} {share:.0%}" for operator, share in own.items())
        lines.append(f"| {name} | {text} |")
    return "\n".join(lines) + "\n"
