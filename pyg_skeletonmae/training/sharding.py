"""Weights, gradients and moments cut over the processes, and whole again for files and evaluation.

The work is that of ``torch.distributed.fsdp.fully_shard``.
"""

from __future__ import annotations

import copy
from collections import Counter
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.distributed.device_mesh import DeviceMesh
from torch.distributed.fsdp import fully_shard
from torch.distributed.tensor import DTensor, distribute_tensor


def shard(model: nn.Module, mesh: DeviceMesh) -> nn.Module:
    """Cuts the parameters of a model over the processes of a mesh.

    The layers of a list (blocks of a transformer, layers of a graph encoder) are put together one
    after the other when they are needed; what else there is, what layers have in common, and layers
    that are also used in parts (``used_in_parts``), for the whole pass.
    """
    layers: list[nn.Module] = []
    inside: set[nn.Module] = set()
    for module in model.modules():
        if isinstance(module, nn.ModuleList) and module not in inside:
            layers += [layer for layer in module if layer not in inside]
            inside.update(part for layer in module for part in layer.modules())
    owners = Counter(weight for layer in layers for weight in layer.parameters())
    for layer in layers:
        own = [owners[weight] for weight in layer.parameters()]
        if own and max(own) == 1 and not getattr(layer, "used_in_parts", False):
            fully_shard(layer, mesh=mesh["data_parallel"])
    fully_shard(model, mesh=mesh["data_parallel"])
    return model


def local(x: Tensor) -> Tensor:
    """The part of a tensor that this process holds."""
    return x.to_local() if isinstance(x, DTensor) else x


def whole(state: Any) -> Any:
    """A state, or a tensor, with the parts of all processes put together; all call it at once."""
    if isinstance(state, DTensor):
        return state.full_tensor()
    if isinstance(state, Mapping):
        return {key: whole(value) for key, value in state.items()}
    return state


def placed(value: Tensor, like: Tensor) -> Tensor:
    """A whole tensor as another one lies: the part of this process of it, if that is cut."""
    if not isinstance(like, DTensor):
        return value
    return distribute_tensor(value.to(like.device), like.device_mesh, like.placements)


class Sharded:
    """A model that is cut over the processes, beside the whole one that it is trained for.

    Args:
        model: The whole model; it gets the weights when they are asked for.
    """

    def __init__(self, model: nn.Module) -> None:
        self.model, self.trained = model, copy.deepcopy(model)

    @torch.no_grad()
    def gather(self) -> None:
        """Gives the whole model the weights that were trained; all processes call it at once."""
        self.model.load_state_dict(whole(self.trained.state_dict()))

    @torch.no_grad()
    def scatter(self) -> None:
        """Gives the trained model the weights of the whole one."""
        own, state = self.trained.state_dict(), self.model.state_dict()
        placed_state = {
            key: placed(value, own[key]) if isinstance(value, Tensor) else value
            for key, value in state.items()
        }
        self.trained.load_state_dict(placed_state)
