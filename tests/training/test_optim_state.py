"""The state of an optimiser and its schedule is that of the run, or it is not loaded."""

import copy

import pytest
import torch
from torch import nn

from pyg_skeletonmae.errors import CheckpointError
from pyg_skeletonmae.training.optim import OptimConfig, build_optimizer, build_scheduler
from pyg_skeletonmae.training.optim_state import load_optimizer, load_scheduler

STEPS = 3


def trained(name: str = "adamw"):
    torch.manual_seed(0)
    model, config = nn.Linear(3, 2), OptimConfig(name, lr=0.1, schedule="cosine")
    optimizer = build_optimizer(model, config)
    scheduler = build_scheduler(optimizer, config, 10, 5)
    for _ in range(STEPS):
        model(torch.ones(4, 3)).sum().backward()
        optimizer.step()
        scheduler.step()
    return model, config, optimizer, scheduler


@pytest.mark.parametrize("name", ["adamw", "adam", "sgd"])
def test_a_loaded_optimiser_takes_the_same_step(name):
    model, config, optimizer, scheduler = trained(name)
    other = copy.deepcopy(model)
    again = build_optimizer(other, config)
    rates = build_scheduler(again, config, 10, 5)
    load_optimizer(again, copy.deepcopy(optimizer.state_dict()), STEPS, "optimizer")
    load_scheduler(rates, scheduler.state_dict(), STEPS, "scheduler")
    for own, its_optimizer in ((model, optimizer), (other, again)):
        own.zero_grad()
        own(torch.ones(4, 3)).sum().backward()
        its_optimizer.step()
    assert torch.equal(model.weight, other.weight) and torch.equal(model.bias, other.bias)
    scheduler.step()
    rates.step()
    assert rates.last_epoch == STEPS + 1 and rates.get_last_lr() == scheduler.get_last_lr()


def weight_moments(state):
    return next(m for m in state["state"].values() if m["exp_avg"].ndim == 2)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda s: s.pop("state"), "optimizer: the key 'state' is missing"),
        (lambda s: s.update(state=[]), "optimizer.state: expected a dict"),
        (lambda s: s["param_groups"].pop(), "expected 2 groups of parameters"),
        (lambda s: s["param_groups"][0].update(weight_decay=7), "weight_decay: expected 0.0"),
        (lambda s: s["param_groups"][0].update(lr=-1.0), r"lr: expected a finite number from 0"),
        (lambda s: s["state"].update({9: {}}), r"state\[9\]: belongs to no parameter"),
        (lambda s: weight_moments(s).update(exp_avg=torch.zeros(9)), r"exp_avg: .*\[9\]"),
        (lambda s: weight_moments(s).update(exp_avg=torch.zeros(3, 2).T), "laid out in another"),
        (lambda s: weight_moments(s)["exp_avg_sq"].neg_(), "a negative mean of squares"),
        (
            lambda s: weight_moments(s).update(step=torch.tensor(99.0)),
            f"step: expected a number of steps from 0 to {STEPS}",
        ),
        (
            lambda s: weight_moments(s).update(step=torch.tensor(torch.nan)),
            "step: expected a number of steps",
        ),
        (lambda s: weight_moments(s).update(step=1), "step: expected a number of steps"),
    ],
)
def test_what_is_no_state_of_the_run_is_named(change, message):
    model, config, optimizer, _ = trained()
    state = copy.deepcopy(optimizer.state_dict())
    state["param_groups"] = sorted(state["param_groups"], key=lambda group: group["params"])
    change(state)
    with pytest.raises(CheckpointError, match=message):
        load_optimizer(build_optimizer(model, config), state, STEPS, "optimizer")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"last_epoch": 1}, r"last_epoch: expected 3, as in progress\.step"),
        ({"base_lrs": [1.0, 1.0]}, "base_lrs: expected"),
        ({"_last_lr": [0.5, 0.5]}, "_last_lr: expected"),
    ],
)
def test_a_schedule_of_another_step_or_rate_is_named(change, message):
    _, config, optimizer, scheduler = trained()
    fresh = build_scheduler(optimizer, config, 10, 5)
    with pytest.raises(CheckpointError, match=message):
        load_scheduler(fresh, {**scheduler.state_dict(), **change}, STEPS, "scheduler")


def test_a_weight_that_was_never_stepped_and_one_at_step_zero():
    model, config, optimizer, _ = trained()
    state = copy.deepcopy(optimizer.state_dict())
    state["state"][0] = {}
    state["state"][1] = {name: torch.zeros_like(value) for name, value in state["state"][1].items()}
    again = build_optimizer(model, config)
    load_optimizer(again, state, STEPS, "optimizer")
    first, second = (p for group in again.param_groups for p in group["params"])
    assert not again.state[first] and again.state[second]["step"] == 0


def test_one_rate_of_two_is_named():
    _, config, optimizer, scheduler = trained()
    state = scheduler.state_dict()
    with pytest.raises(CheckpointError, match="_last_lr: expected a list of 2"):
        load_scheduler(scheduler, {**state, "_last_lr": state["_last_lr"][:1]}, STEPS, "scheduler")
    state["_last_lr"] = [state["_last_lr"][0], 9.0]
    fresh = build_scheduler(optimizer, config, 10, 5)
    with pytest.raises(CheckpointError, match="_last_lr: expected"):
        load_scheduler(fresh, state, STEPS, "scheduler")
