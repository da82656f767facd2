from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch.optim import SGD, AdamW, Optimizer
from torch.optim.lr_scheduler import LambdaLR

from pyg_skeletonmae.errors import CheckpointError
from pyg_skeletonmae.training.optim_state import load_optimizer, load_scheduler

STEPS = 3
MAKERS: list[Callable[[list[torch.Tensor]], Optimizer]] = [
    lambda weights: AdamW(weights, lr=0.1),
    lambda weights: SGD(weights, lr=0.1, momentum=0.9),
]


def trained(
    make: Callable[[list[torch.Tensor]], Optimizer] = MAKERS[0], steps: int = STEPS
) -> tuple[Optimizer, LambdaLR]:
    weights = [torch.ones(2, 3, requires_grad=True), torch.ones(3, requires_grad=True)]
    optimizer = make(weights)
    scheduler = LambdaLR(optimizer, lambda step: 1 / (1 + step))
    for _ in range(steps):
        sum((weight**2).sum() for weight in weights).backward()
        optimizer.step()
        scheduler.step()
    return optimizer, scheduler


@pytest.mark.parametrize("make", MAKERS, ids=["adamw", "sgd"])
def test_round_trip(make: Callable[[list[torch.Tensor]], Optimizer]) -> None:
    (old, schedule), (new, fresh) = trained(make), trained(make, 0)
    state = old.state_dict()
    load_optimizer(new, state, STEPS, "optimizer")
    load_scheduler(fresh, schedule.state_dict(), STEPS, "scheduler")
    for index, values in new.state_dict()["state"].items():
        for name, value in values.items():
            before = state["state"][index][name]
            assert torch.equal(value, before), name
            assert value.data_ptr() != before.data_ptr(), "a tensor of the file is not written to"
    assert fresh.last_epoch == STEPS and fresh.get_last_lr() == schedule.get_last_lr()


def change(path: str, value: object) -> dict[str, Any]:
    """The state of an optimiser with another value at ``path``."""
    state: dict[str, Any] = trained()[0].state_dict()
    *places, last = [int(part) if part.isdigit() else part for part in path.split("/")]
    inner: Any = state
    for place in places:
        inner = inner[place]
    inner[last] = value
    return state


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        ("state", [], "optimizer.state: expected a dict"),
        ("state/7", {}, r"optimizer.state\[7\]: belongs to no parameter"),
        ("state/0/exp_avg", torch.zeros(9), r"exp_avg: expected the shape \[2, 3\], found \[9\]"),
        ("state/0/exp_avg", torch.zeros(3, 2).t(), "laid out in another way than its weight"),
        ("state/0/exp_avg", torch.full((2, 3), torch.nan), "not finite"),
        ("state/0/exp_avg_sq", -torch.ones(2, 3), "a negative mean of squares"),
        ("state/0/step", torch.tensor(4.0), "a number of steps from 1 to 3"),
        ("state/0/step", torch.tensor(1.5), "a number of steps from 1 to 3"),
        ("state/0/other", 1, "the key 'other' is unknown"),
        ("param_groups", [], "expected 1 groups of parameters"),
        ("param_groups/0", 3, "expected the settings of a group"),
        ("param_groups/0/lr", -1.0, r"param_groups\[0\].lr: expected a finite number from 0"),
        ("param_groups/0/betas", (0.5, 0.5), "betas: expected .*, as the run was set"),
        ("param_groups/0/params", [0], "params: expected"),
    ],
)
def test_what_does_not_fit_is_named(path: str, value: object, message: str) -> None:
    optimizer = trained(steps=0)[0]
    with pytest.raises(CheckpointError, match=message):
        load_optimizer(optimizer, change(path, value), STEPS, "optimizer")
    assert optimizer.state_dict()["state"] == {}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ([], "scheduler: expected a dict"),
        ({"last_epoch": 2}, "last_epoch: expected 3, as in progress.step"),
        ({"base_lrs": [0.2]}, "base_lrs: expected .*, as the run was set"),
        ({"_last_lr": [0.1]}, "_last_lr: expected .*, as the run was set"),
    ],
)
def test_a_schedule_of_another_run(content: Any, message: str) -> None:
    (old, schedule), (new, fresh) = trained(), trained(steps=0)
    load_optimizer(new, old.state_dict(), STEPS, "optimizer")
    state = {**schedule.state_dict(), **content} if isinstance(content, dict) else content
    with pytest.raises(CheckpointError, match=message):
        load_scheduler(fresh, state, STEPS, "scheduler")
    assert fresh.last_epoch == 0
