"""Where and in which precision a model is trained: Fabric, and what it does not check."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import torch
from lightning_fabric import Fabric
from lightning_fabric.strategies.ddp import DDPStrategy
from lightning_fabric.strategies.single_device import SingleDeviceStrategy
from torch import Tensor
from torch_geometric.data import Data

from pyg_skeletonmae.errors import ConfigError


def make_fabric(
    accelerator: str,
    devices: int,
    strategy: str,
    precision: Any,
    allow_slow_bf16: bool = False,
) -> Fabric:
    """Fabric on one device, or on several with one process each.

    Raises:
        ConfigError: Fabric does not know a name or finds no such device; the strategy is not one
            with a whole model in every process; bfloat16 on a CPU that has to emulate it.
    """
    try:
        fabric = Fabric(
            accelerator=accelerator, devices=devices, strategy=strategy, precision=precision
        )
    except (ValueError, TypeError, RuntimeError) as error:
        raise ConfigError(f"trainer: {error}") from error
    if not isinstance(fabric.strategy, SingleDeviceStrategy | DDPStrategy):
        raise ConfigError(f"strategy: expected auto or a name of ddp, found {strategy!r}")
    emulated = fabric.device.type == "cpu" and not has_native_bf16()
    if emulated and str(precision).startswith("bf16") and not allow_slow_bf16:
        raise ConfigError(
            f"precision: {precision} is about 3 times slower than 32-true on this CPU, which has "
            "no bfloat16 of its own; use 32-true, or set allow_slow_bf16"
        )
    return fabric


def has_native_bf16() -> bool:
    """Whether this CPU says it computes in bfloat16 (Linux says so; elsewhere: False)."""
    cpu = Path("/proc/cpuinfo")
    return cpu.is_file() and "bf16" in cpu.read_text(encoding="utf-8", errors="replace")


def convert_floats(fabric: Fabric, batch: Any) -> Any:
    """The batch with its floating-point tensors as the precision has them; masks and labels stay.

    Fabric does so for tensors, and for those in dicts and lists; a ``Data`` it does not look into.
    """
    if not isinstance(batch, Data):
        return batch
    return copy.copy(batch).apply(fabric.strategy.precision.convert_input)


def leave_size_open(batch: Data) -> None:
    """Tells ``torch.compile`` that the first dimension changes from batch to batch."""
    for value in batch.to_dict().values():
        if isinstance(value, Tensor) and value.ndim:
            torch._dynamo.maybe_mark_dynamic(value, 0)
