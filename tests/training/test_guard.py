from __future__ import annotations

import copy

import pytest
import torch
from torch import nn
from training_helpers import assert_identical
from wait_helpers import Waits

from pyg_skeletonmae.training.guard import StepGuard


def make_model() -> nn.Module:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Linear(4, 1))
    model.register_buffer("mask", torch.tensor([0.0, -torch.inf]))  # so from the start
    return model


def make_optimizer(model: nn.Module, name: str) -> torch.optim.Optimizer:
    if name == "sgd":
        return torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    return torch.optim.AdamW(model.parameters(), lr=0.1, fused=name == "fused")


def one_step(model, optimizer, guard, value: float = 1.0) -> bool:
    optimizer.zero_grad()
    torch.manual_seed(1)
    guard.begin()
    x = torch.randn(5, 3)
    x[0, 0] *= value
    loss = model(x).square().mean()
    loss.backward()
    bad = guard.judge([loss])
    guard.step(bad, optimizer)
    return bool(bad)


def state(model, optimizer) -> dict[str, object]:
    return {
        "model": copy.deepcopy(model.state_dict()),
        "rest": copy.deepcopy(optimizer.state_dict()),
    }


@pytest.mark.parametrize("name", ["fused", "adamw", "sgd"])
@pytest.mark.parametrize("value", [float("nan"), float("inf"), 1e30])
def test_a_bad_step_leaves_all_as_it_was(name, value):
    """Weights, moments, steps of the optimiser, and the statistics of the norms."""
    model = make_model()
    optimizer = make_optimizer(model, name)
    guard = StepGuard(model, optimizer)
    assert not one_step(model, optimizer, guard)
    before = state(model, optimizer)
    assert one_step(model, optimizer, guard, value)
    assert_identical(state(model, optimizer), before)
    assert not one_step(model, optimizer, guard)
    assert model.state_dict()["1.num_batches_tracked"] == 2


@pytest.mark.parametrize("name", ["fused", "adamw", "sgd"])
def test_good_steps_are_those_of_the_optimiser_bit_for_bit(name):
    states = []
    for guarded in (True, False):
        model = make_model()
        optimizer = make_optimizer(model, name)
        guard = StepGuard(model, optimizer)
        for _ in range(3):
            if guarded:
                assert not one_step(model, optimizer, guard)
            else:
                optimizer.zero_grad()
                torch.manual_seed(1)
                model(torch.randn(5, 3)).square().mean().backward()
                optimizer.step()
        states.append(state(model, optimizer))
    assert_identical(*states)


def test_a_bad_first_step_and_bad_gradients_of_a_finite_loss():
    model = make_model()
    optimizer = make_optimizer(model, "fused")
    guard = StepGuard(model, optimizer)
    guard.begin()
    loss = model(torch.randn(5, 3)).mean()
    loss.backward()
    model[0].weight.grad[0, 0] = torch.nan
    bad = guard.judge([loss])
    guard.step(bad, optimizer)
    assert bad and all(int(entry["step"]) == 0 for entry in optimizer.state.values())
    model[0].weight.grad.zero_()
    assert not guard.judge([loss]) and guard.judge([loss, loss * torch.nan])


def test_a_buffer_that_is_no_longer_finite_is_bad():
    model = make_model()
    guard = StepGuard(model, make_optimizer(model, "sgd"))
    guard.begin()
    loss = model(torch.ones(2, 3)).mean()
    assert not guard.judge([loss])
    model[1].running_var[0] = torch.inf
    bad = guard.judge([loss])
    assert bad
    guard.step(bad, make_optimizer(model, "sgd"))
    assert model[1].running_var.isfinite().all()


def test_what_overflows_while_losses_are_scaled_is_the_scalers():
    model = make_model()
    guard = StepGuard(model, make_optimizer(model, "sgd"), scaled=True)
    loss = model(torch.randn(5, 3)).mean()
    loss.backward()
    model[0].weight.grad[0, 0] = torch.inf
    assert not guard.judge([loss]) and guard.judge([loss * torch.nan])


def test_a_step_of_a_fused_optimiser_waits_for_nothing():
    """As on a GPU, where each number that Python gets ends the work that is queued."""
    model = make_model()
    optimizer = make_optimizer(model, "fused")
    guard = StepGuard(model, optimizer)
    guard.begin()
    loss = model(torch.randn(5, 3)).mean()
    loss.backward()
    with Waits() as waits:
        bool(loss > 0)
        assert waits.found.total() == 1
        guard.begin()
        guard.step(guard.judge([loss]), optimizer)
        assert waits.found.total() == 1


class Scaled:
    """As Fabric wraps an optimiser whose losses are scaled (16-mixed)."""

    def __init__(self, scaler: torch.amp.GradScaler, optimizer: torch.optim.Optimizer) -> None:
        self.scaler, self.optimizer = scaler, optimizer

    def step(self) -> None:
        self.scaler.step(self.optimizer)
        self.scaler.update()


@pytest.mark.parametrize("name", ["adamw", "sgd"])
@pytest.mark.parametrize("value", [1.0, float("nan"), 1e30])
def test_scaled_losses_are_left_to_the_scaler(name, value):
    """It leaves out steps whose gradients overflow, and seeks a smaller scale; buffers stay, too.

    Such steps are no bad ones unless the loss itself is not finite."""
    model = make_model()
    optimizer = make_optimizer(model, name)
    guard = StepGuard(model, optimizer, scaled=True)
    scaler = torch.amp.GradScaler("cpu", init_scale=2.0**10)

    def step(factor: float, scale: float = 1.0) -> bool:
        optimizer.zero_grad()
        torch.manual_seed(1)
        guard.begin()
        x = torch.randn(5, 3)
        x[0, 0] *= factor
        loss = model(x).square().mean()
        (scaler.scale(loss) * scale).backward()
        bad = guard.judge([loss])
        guard.step(bad, Scaled(scaler, optimizer))
        return bool(bad)

    assert not step(1.0) and scaler.get_scale() == 2**10
    before, scale = state(model, optimizer), scaler.get_scale()
    overflows = float("inf") if value == 1.0 else 1.0  # of the gradients alone
    assert step(value, overflows) == (value != 1.0)
    after = state(model, optimizer)
    assert scaler.get_scale() == scale / 2
    weights = [name for name, _ in model.named_parameters()]
    assert_identical(*({name: s["model"][name] for name in weights} for s in (after, before)))
    assert_identical(after["rest"], before["rest"])
    if value != 1.0:
        assert_identical(after["model"], before["model"])
    assert not step(1.0)
    assert all(weight.isfinite().all() for weight in model.parameters())
