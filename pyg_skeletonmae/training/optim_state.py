"""The state of an optimiser and its schedule, compared with what they train before it is loaded.

PyTorch loads what it is given, and its kernels write where the sizes of the weights send them: of
moments of another size, that is beyond their memory.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.optim import SGD, Optimizer
from torch.optim.lr_scheduler import LambdaLR

from pyg_skeletonmae.errors import CheckpointError
from pyg_skeletonmae.training.schema import check_like, check_tensor, count, mapping, number
from pyg_skeletonmae.training.sharding import placed

# How a step is computed, not what: this process decides.
_KERNELS = ("foreach", "fused", "capturable")


def load_optimizer(optimizer: Optimizer, state: object, step: int, where: str) -> None:
    """Loads the moments and the learning rates of an optimiser.

    Args:
        optimizer: A fresh one, of the settings of the run.
        state: What a checkpoint has of the other one.
        step: Steps that it did.
        where: The place in the file, for the message.

    Raises:
        CheckpointError: A setting, the number of parameters, or a moment's name, shape, type,
            layout or range is not as it should be; it is named.
    """
    content, own = (
        mapping(state, ("state", "param_groups"), where),
        optimizer.state_dict()["param_groups"],
    )
    groups = content["param_groups"]
    if not isinstance(groups, list) or len(groups) != len(own):
        raise CheckpointError(f"{where}.param_groups: expected {len(own)} groups of parameters")
    # The settings of a group are ours, which its own must equal; the learning rate is its own.
    merged = []
    for index, (group, like) in enumerate(zip(groups, own, strict=True)):
        place = f"{where}.param_groups[{index}]"
        if not isinstance(group, dict) or not {"lr", "params"} <= group.keys():
            raise CheckpointError(f"{place}: expected the settings of a group of parameters")
        for key in like.keys() & group.keys() - {"lr", *_KERNELS}:
            plain = type(group[key]) in (bool, int, float, str, list, tuple, type(None))
            if not plain or group[key] != like[key]:
                expected = f"{like[key]!r:.60}, as the run was set"
                raise CheckpointError(f"{place}.{key}: expected {expected}")
        merged.append({**like, "lr": number(group["lr"], f"{place}.lr", least=0)})
    weights = {
        index: weight
        for group, like in zip(optimizer.param_groups, own, strict=True)
        for index, weight in zip(like["params"], group["params"], strict=True)
    }
    if not isinstance(content["state"], dict):
        raise CheckpointError(f"{where}.state: expected a dict")
    moments = {}
    for index, values in content["state"].items():
        place = f"{where}.state[{index!r:.20}]"
        if type(index) is not int or index not in weights:
            raise CheckpointError(f"{place}: belongs to no parameter")
        moments[index] = _moments(optimizer, weights[index], values, step, place)
    optimizer.load_state_dict({"state": moments, "param_groups": merged})


def _moments(
    optimizer: Optimizer, weight: Tensor, values: object, step: int, where: str
) -> dict[str, Tensor]:
    if values == {}:
        return {}
    plain = isinstance(optimizer, SGD)
    names = ("momentum_buffer",) if plain else ("exp_avg", "exp_avg_sq")
    content = mapping(values, names if plain else ("step", *names), where)
    like = torch.zeros_like(weight)
    for name in names:
        check_tensor(content[name], like, f"{where}.{name}")
        if content[name].stride() != like.stride():
            raise CheckpointError(f"{where}.{name}: is laid out in another way than its weight")
    if not plain:
        done = content["step"]
        scalar = isinstance(done, Tensor) and not done.dim() and done.is_floating_point()
        if not (scalar and 0 <= done.item() <= step and done.item() == int(done.item())):
            raise CheckpointError(f"{where}.step: expected a number of steps from 0 to {step}")
        if (content["exp_avg_sq"] < 0).any():
            raise CheckpointError(f"{where}.exp_avg_sq: holds a negative mean of squares")
    # Clones: two of them could share their memory, which is written to.
    return {
        name: value.clone() if name == "step" else placed(value.clone(), weight)
        for name, value in content.items()
    }


def load_scheduler(scheduler: LambdaLR, state: object, step: int, where: str) -> None:
    """Moves a schedule to a step; its optimiser must have the learning rates of that step.

    Args:
        scheduler: A fresh one, of the settings of the run.
        state: What a checkpoint has of the other one.
        step: Steps that were done.
        where: The place in the file, for the message.

    Raises:
        CheckpointError: The state is of another step, or of other learning rates than the settings
            of the run lead to.
    """
    own = scheduler.state_dict()
    if not isinstance(state, dict):
        raise CheckpointError(f"{where}: expected a dict")
    content = {key: state.get(key, value) for key, value in own.items()}
    check_like(content, own, where)
    if count(content["last_epoch"], f"{where}.last_epoch") != step:
        raise CheckpointError(f"{where}.last_epoch: expected {step}, as in progress.step")
    rates = [
        base * factor(step)
        for base, factor in zip(scheduler.base_lrs, scheduler.lr_lambdas, strict=True)
    ]
    given = (
        ("base_lrs", scheduler.base_lrs, content["base_lrs"]),
        ("_last_lr", rates, content["_last_lr"]),
        ("the optimiser's lr", rates, [group["lr"] for group in scheduler.optimizer.param_groups]),
    )
    for name, expected, actual in given:
        if not all(map(math.isclose, expected, actual)):
            raise CheckpointError(f"{where}: {name}: expected {expected}, as the run was set")
    scheduler.load_state_dict(content)
