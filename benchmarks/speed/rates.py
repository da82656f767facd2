"""What the machine reaches, and what a step asks of it."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch.utils.flop_counter import (
    FlopCounterMode,
    sdpa_backward_flop_count,
    sdpa_flop_count,
)

Step = Callable[[], object]
Alternate = Callable[[dict[str, Step], int, str], dict[str, float]]
# Rows, inner size and columns of matrix products: the largest rate, and those of our widths.
PRODUCTS = {
    "square of 1024": (1024, 1024, 1024),
    "rows x 64 x 64": (32768, 64, 64),
    "rows x 256 x 256": (4096, 256, 256),
}


def product(rows: int, inner: int, columns: int) -> Step:
    """A matrix product that writes where it wrote before."""
    a, b = torch.randn(rows, inner), torch.randn(inner, columns)
    return partial(torch.mm, a, b, out=torch.empty(rows, columns))


def product_rate(name: str, milliseconds: float) -> float:
    """GFLOP/s of one of the products."""
    rows, inner, columns = PRODUCTS[name]
    return 2e-6 * rows * inner * columns / milliseconds


def machine_rates(alternate: Alternate, args: argparse.Namespace) -> dict[str, float]:
    """GFLOP/s of matrix products and GB/s of a copy, both ways counted."""
    source = torch.randn(2**24)
    steps = {name: product(*sizes) for name, sizes in PRODUCTS.items()}
    steps["copy"] = partial(torch.empty_like(source).copy_, source)
    found = alternate(steps, max(args.repeats, 5), args.clock)
    rates = {name: product_rate(name, found[name]) for name in PRODUCTS}
    return {**rates, "copy": 2e-6 * source.nbytes / found["copy"]}


def peak_memory(step: Step) -> float:
    """The MiB by which a step raises the resident memory of this process at its highest (Linux)."""
    Path("/proc/self/clear_refs").write_text("5")  # forgets what was held before
    before = _status("VmRSS")
    step()
    return (_status("VmHWM") - before) / 1024


def _status(name: str) -> float:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(float(line.split()[1]) for line in lines if line.startswith(name))


def flops(step: Step) -> float:
    """What PyTorch counts, in GFLOP, and its attention on a CPU, which it does not."""
    aten = torch.ops.aten
    forward = aten._scaled_dot_product_flash_attention_for_cpu
    backward = aten._scaled_dot_product_flash_attention_for_cpu_backward
    mapping: dict[Any, Any] = {forward: _attention, backward: _attention_backward}
    with FlopCounterMode(display=False, custom_mapping=mapping) as counter:
        step()
    return float(counter.get_total_flops() / 1e9)


def _attention(
    query: torch.Size, key: torch.Size, value: torch.Size, *_: object, **__: object
) -> int:
    return int(sdpa_flop_count(query, key, value))


def _attention_backward(
    grad: torch.Size,
    query: torch.Size,
    key: torch.Size,
    value: torch.Size,
    *_: object,
    **__: object,
) -> int:
    return int(sdpa_backward_flop_count(grad, query, key, value))
