"""Commands whose clips several processes divide among them, started as a training is."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from lightning_fabric import Fabric

from pyg_skeletonmae.errors import ConfigError
from pyg_skeletonmae.training.devices import make_fabric
from pyg_skeletonmae.training.watch import meet, watched


@contextmanager
def divided(
    devices: int = 1, num_nodes: int = 1, timeout: float = 1800.0, accelerator: str | None = None
) -> Iterator[Fabric]:
    """Starts the processes, or joins those of ``torchrun`` or ``srun``, for the block.

    Args:
        devices: The processes of each machine, one for each GPU if there are any.
        num_nodes: The machines.
        timeout: Seconds after which a process that is not heard of ends the others.
        accelerator: ``cpu`` or ``cuda``; None: a GPU if there is one.

    Raises:
        ConfigError: There are no such devices, or as many processes were not started.
        ProcessError: Another process is lost; it names it. Or not all of them come.
    """
    for name, value in (("devices", devices), ("num_nodes", num_nodes), ("timeout", timeout)):
        if not value > 0:
            raise ConfigError(f"{name} {value}: expected more than 0")
    kind = accelerator or ("cuda" if torch.cuda.is_available() else "cpu")
    fabric = make_fabric(kind, devices, "auto", "32-true", num_nodes=num_nodes, timeout=timeout)
    meet(fabric)
    with watched(fabric, timeout, lambda: 0):
        yield fabric
