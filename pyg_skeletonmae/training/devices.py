"""Where and in which precision a model is trained: Fabric, and what it does not check."""

from __future__ import annotations

import copy
import os
from datetime import timedelta
from pathlib import Path
from typing import Any, cast

import torch
from lightning_fabric import Fabric
from lightning_fabric.plugins.environments.slurm import SLURMEnvironment
from lightning_fabric.plugins.environments.torchelastic import TorchElasticEnvironment
from lightning_fabric.strategies.ddp import DDPStrategy
from lightning_fabric.strategies.model_parallel import ModelParallelStrategy
from lightning_fabric.strategies.single_device import SingleDeviceStrategy
from torch import Tensor
from torch_geometric.data import Data

from pyg_skeletonmae.errors import ConfigError
from pyg_skeletonmae.training.sharding import shard


def make_fabric(
    accelerator: str,
    devices: int,
    strategy: str,
    precision: Any,
    allow_slow_bf16: bool = False,
    num_nodes: int = 1,
    timeout: float = 1800.0,
) -> Fabric:
    """Fabric on one device, or on several with one process each.

    Args:
        accelerator: Fabric's name of it.
        devices: The devices of each machine.
        strategy: ``auto``, a name of ``ddp``, or ``fsdp``.
        precision: Fabric's name of it.
        allow_slow_bf16: Permit bfloat16 on a CPU that has to emulate it.
        num_nodes: The machines.
        timeout: Seconds that processes wait for each other.

    Raises:
        ConfigError: Fabric does not know a name or finds no such device; the strategy is another;
            as many processes were not started; bfloat16 on a CPU that has to emulate it.
    """
    devices, num_nodes = _started(devices, num_nodes)
    wait, how = timedelta(seconds=timeout), cast(Any, strategy)
    if strategy == "fsdp":
        size = devices * num_nodes
        how = ModelParallelStrategy(
            shard, data_parallel_size=size, tensor_parallel_size=1, timeout=wait
        )
    elif strategy == "ddp" or (strategy == "auto" and devices * num_nodes > 1):
        how = DDPStrategy(timeout=wait)
    try:
        fabric = Fabric(
            accelerator=accelerator,
            devices=devices,
            num_nodes=num_nodes,
            strategy=how,
            precision=precision,
        )
    except (ValueError, TypeError, RuntimeError) as error:
        raise ConfigError(f"trainer: {error}") from error
    if not isinstance(fabric.strategy, SingleDeviceStrategy | DDPStrategy | ModelParallelStrategy):
        raise ConfigError(f"strategy: expected auto, a name of ddp, or fsdp, found {strategy!r}")
    emulated = fabric.device.type == "cpu" and not has_native_bf16()
    if emulated and str(precision).startswith("bf16") and not allow_slow_bf16:
        raise ConfigError(
            f"precision: {precision} is about 3 times slower than 32-true on this CPU, which has "
            "no bfloat16 of its own; use 32-true, or set allow_slow_bf16"
        )
    return fabric


def _started(devices: int, num_nodes: int) -> tuple[int, int]:
    """The devices of a machine and the machines: as told, or of the processes that were started."""
    if TorchElasticEnvironment.detect():
        processes, each = (int(os.environ[name]) for name in ("WORLD_SIZE", "LOCAL_WORLD_SIZE"))
        nodes, by = processes // each, "torchrun"
    elif SLURMEnvironment.detect():
        names = "SLURM_NTASKS", "SLURM_NNODES"
        processes, nodes = (int(os.environ.get(name, 1)) for name in names)
        each, by = processes // nodes, "srun"
    else:
        return devices, num_nodes
    if (devices, num_nodes) not in ((1, 1), (each, nodes)):
        raise ConfigError(
            f"devices {devices}, num_nodes {num_nodes}: {by} started {each} process(es) on "
            f"each of {nodes} machine(s); leave both settings out"
        )
    return each, nodes


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
