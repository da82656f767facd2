from __future__ import annotations

import math

import pytest
import torch
from torch import nn
from torch.optim.swa_utils import SWALR
from training_helpers import Task

from pyg_skeletonmae.errors import ConfigError
from pyg_skeletonmae.training.optim import (
    OptimConfig,
    build_optimizer,
    build_scheduler,
    lr_factor,
    parameter_groups,
)


def rates(config: OptimConfig, total: int, per_epoch: int) -> list[float]:
    """The learning rate of every step, by the scheduler itself."""
    optimizer = build_optimizer(nn.Linear(2, 2), config)
    scheduler = build_scheduler(optimizer, config, total, per_epoch)
    values = []
    for _ in range(total):
        values.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    return values


def test_constant():
    assert rates(OptimConfig(lr=0.5), 4, 2) == [0.5] * 4


def test_warmup_then_cosine():
    config = OptimConfig(lr=2.0, schedule="cosine", warmup_epochs=0.5, min_lr=0.4)
    expected = [0.5, 1.0, 1.5, 2.0]
    expected += [0.4 + 1.6 * (1 + math.cos(math.pi * s / 12)) / 2 for s in range(12)]
    assert rates(config, 16, 8) == pytest.approx(expected)
    assert lr_factor(config, 16, 8)(16) == pytest.approx(0.2)
    assert lr_factor(config, 16, 8)(99) == pytest.approx(0.2)


def test_step():
    config = OptimConfig(lr=1.0, schedule="step", milestones=[1, 3], gamma=0.5)
    assert rates(config, 8, 2) == [1, 1, 0.5, 0.5, 0.5, 0.5, 0.25, 0.25]


@pytest.mark.parametrize(("read_at", "late"), [("start", 0), ("end", 1)])
def test_warmup_then_cosine_of_the_public_codes(read_at, late):
    """MAMP reads its schedule at the start of every step, Skeleton2vec at the end."""
    config = OptimConfig(lr=2.0, schedule="cosine", warmup_epochs=2, min_lr=0.4, read_at=read_at)
    factor, steps, epochs = lr_factor(config, 5 * 10, 10), 10, 5
    for step in range(steps * epochs):
        epoch = (step + late) / steps
        rate = 2.0 * epoch / 2
        if epoch >= 2:
            rate = 0.4 + 1.6 * 0.5 * (1 + math.cos(math.pi * (epoch - 2) / (epochs - 2)))
        assert 2.0 * factor(step) == pytest.approx(rate, abs=1e-12)
    assert factor(0) == late * 0.05


def test_a_schedule_that_is_read_once_an_epoch():
    """``adjust_learning_rate`` of STTFormer (b9bc6f6a): base * (epoch + 1) / 5, then steps."""
    config = OptimConfig(
        lr=0.1, schedule="step", warmup_epochs=5, milestones=[6, 8], gamma=0.1, read_at="epoch"
    )
    expected = [0.02, 0.04, 0.06, 0.08, 0.1, 0.1, 0.01, 0.01, 0.001]
    found = rates(config, 27, 3)
    assert found == pytest.approx([rate for rate in expected for _ in range(3)])


def test_warmup_as_a_share_of_the_run():
    by_epochs = OptimConfig(schedule="cosine", warmup_epochs=0.5)
    by_share = OptimConfig(schedule="cosine", warmup_fraction=0.25)
    factors = [lr_factor(config, 16, 8) for config in (by_epochs, by_share)]
    assert [factors[0](step) for step in range(16)] == [factors[1](step) for step in range(16)]
    assert factors[1](1) < factors[1](3) == 1 > factors[1](5)


def test_warmup_as_long_as_the_run():
    config = OptimConfig(lr=1.0, schedule="cosine", warmup_epochs=1)
    assert rates(config, 4, 4) == [0.25, 0.5, 0.75, 1.0]


@pytest.mark.parametrize("anneal", [0, 1, 3, 10])
def test_rates_while_weights_are_averaged_are_those_of_torch(anneal):
    """SWALR, stepped at the end of each epoch, after the schedule; all groups alike."""
    config = OptimConfig(
        lr=2.0, schedule="cosine", min_lr=0.2, swa_start=2, swa_lr=0.5, swa_anneal=anneal,
        lr_scale={"1": 0.1},
    )  # fmt: skip
    model = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2))
    optimizer = build_optimizer(model, config)
    scheduler = build_scheduler(optimizer, config, 20, 2)
    found = []
    for _ in range(20):
        found.append([group["lr"] for group in optimizer.param_groups])
        optimizer.step()
        scheduler.step()
    other = build_optimizer(model, config)
    for group in other.param_groups:
        group["lr"] *= 0.1  # the cosine has ended
    swa = SWALR(other, 0.5, anneal_epochs=anneal)
    for epoch in range(2, 10):
        expected = [group["lr"] for group in other.param_groups]
        assert found[2 * epoch] == found[2 * epoch + 1] == pytest.approx(expected), epoch
        other.step()
        swa.step()
    before = rates(OptimConfig(lr=2.0, schedule="cosine", min_lr=0.2), 4, 2)
    assert [max(rates) for rates in found[:4]] == pytest.approx(before)


def test_without_a_rate_of_its_own_averaging_keeps_the_last():
    config = OptimConfig(lr=1.0, schedule="step", milestones=[1], gamma=0.5, swa_start=2)
    assert rates(config, 8, 2) == [1, 1, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5]


def test_one_step_after_the_warmup():
    """The cosine of a single step is at its end after it, and at its start before."""
    for read_at, last in (("start", 2.0), ("end", 0.4)):
        told = {"warmup_epochs": 3, "min_lr": 0.4, "read_at": read_at}
        config = OptimConfig(lr=2.0, schedule="cosine", **told)
        assert 2.0 * lr_factor(config, 4, 1)(3) == pytest.approx(last)


def test_the_ends_of_ranges():
    assert OptimConfig(betas=(0.0, 0.0)).betas == (0.0, 0.0)
    assert OptimConfig(min_lr=1e-3, layer_decay=1.0, warmup_epochs=0).min_lr == 1e-3
    for key in ("gamma", "lr", "weight_decay", "warmup_epochs"):
        with pytest.raises(ConfigError, match=f"optim.{key}"):
            OptimConfig(**{key: math.inf})


def test_averaging_from_another_epoch_on():
    config = OptimConfig(swa_start=2, swa_lr=0.5)
    assert config.averaged_from(4) == OptimConfig(swa_start=4, swa_lr=0.5)
    assert config.averaged_from(0) == OptimConfig()
    config.check_length(3)
    OptimConfig().check_length(1)
    with pytest.raises(ConfigError, match="the run has 2 epochs"):
        config.check_length(2)


def test_defaults_are_those_that_are_told():
    config = OptimConfig()
    assert (config.lr, config.weight_decay, config.momentum) == (1e-3, 0.01, 0.9)
    assert (config.betas, config.gamma, config.swa_anneal) == ((0.9, 0.999), 0.1, 10)
    assert not config.nesterov and config.no_decay and config.layer_decay == 1.0
    assert (config.warmup_epochs, config.warmup_fraction, config.min_lr) == (0.0, 0.0, 0.0)


def test_biases_and_norms_are_not_decayed():
    model = Task()
    decayed, rest = parameter_groups(model, OptimConfig(weight_decay=0.1))
    assert {id(p) for p in decayed["params"]} == {
        id(model.encoder[0].weight),
        id(model.head.weight),
    }
    assert (decayed["weight_decay"], rest["weight_decay"]) == (0.1, 0.0)
    assert len(rest["params"]) == 4
    (everything,) = parameter_groups(model, OptimConfig(no_decay=False))
    assert len(everything["params"]) == 6


def test_frozen_parameters_are_left_out():
    model = Task()
    model.encoder.requires_grad_(False)
    assert sum(len(g["params"]) for g in parameter_groups(model, OptimConfig())) == 2
    model.requires_grad_(False)
    with pytest.raises(ConfigError, match="Task has no trainable parameter"):
        parameter_groups(model, OptimConfig())


def test_longest_prefix_scales():
    scales = {"encoder": 0.1, "encoder.1": 0.5}
    config = OptimConfig(lr=1.0, lr_scale=scales, no_decay=False)
    rate = {id(p): g["lr"] for g in parameter_groups(Task(), config) for p in g["params"]}
    assert sorted(rate.values()) == [0.1, 0.1, 0.5, 0.5, 1.0, 1.0]


class Layered(Task):
    """Its encoder numbers the layers of its sequence."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder.layer_of = lambda name: int(name.split(".")[0])


def test_layer_decay():
    model = Layered()
    config = OptimConfig(lr=1.0, layer_decay=0.5, lr_scale={"encoder": 0.1}, no_decay=False)
    rate = {id(p): g["lr"] for g in parameter_groups(model, config) for p in g["params"]}
    expected = {"encoder.0": 0.05, "encoder.1": 0.1, "head": 1.0}
    for name, parameter in model.named_parameters():
        assert rate[id(parameter)] == expected[name.rpartition(".")[0]], name


def test_layer_decay_needs_layers():
    with pytest.raises(ConfigError, match="Task has no encoder that numbers its layers"):
        parameter_groups(Task(), OptimConfig(layer_decay=0.5))


def test_exceptions_from_the_rule_of_decay():
    model = Task()
    config = OptimConfig(weight_decay=0.1, decay={"encoder": False, "1": True, "head": True})
    decay = {id(p): g["weight_decay"] for g in parameter_groups(model, config) for p in g["params"]}
    expected = {"encoder.0": 0.0, "encoder.1": 0.1, "head": 0.1}
    for name, parameter in model.named_parameters():
        assert decay[id(parameter)] == expected[name.rpartition(".")[0]], name
    with pytest.raises(ConfigError, match=r"no trainable parameter has 'mask_token' in its name"):
        parameter_groups(model, OptimConfig(decay={"mask_token": True}))


@pytest.mark.parametrize("prefix", ["encode", "decoder", "encoder.2"])
def test_prefix_that_fits_nothing(prefix):
    with pytest.raises(ConfigError, match=f"below '{prefix}'; the modules of Task are encoder, he"):
        parameter_groups(Task(), OptimConfig(lr_scale={prefix: 0.1}))


@pytest.mark.parametrize(
    ("name", "kind"),
    [("adamw", torch.optim.AdamW), ("adam", torch.optim.Adam), ("sgd", torch.optim.SGD)],
)
def test_optimizers_are_those_of_torch(name, kind):
    config = OptimConfig(name=name, lr=0.1, betas=(0.8, 0.9), momentum=0.5, nesterov=True)
    optimizer = build_optimizer(Task(), config)
    assert type(optimizer) is kind
    read = {"sgd": {"momentum": 0.5, "nesterov": True}}.get(name, {"betas": (0.8, 0.9)})
    assert optimizer.defaults == optimizer.defaults | read


def test_fused_equals_plain():
    models = [nn.Linear(4, 4), nn.Linear(4, 4)]
    models[1].load_state_dict(models[0].state_dict())
    x = torch.randn(5, 4)
    for model, fused in zip(models, (False, True), strict=True):
        optimizer = build_optimizer(model, OptimConfig(lr=0.1), fused)
        for _ in range(3):
            optimizer.zero_grad()
            model(x).square().mean().backward()
            optimizer.step()
    torch.testing.assert_close(models[0].weight, models[1].weight)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"swa_start": 0}, "swa_start: expected an epoch > 0"),
        ({"swa_lr": 0.1}, "swa_lr: expected null where swa_start is"),
        ({"swa_start": 1, "swa_lr": 0.0}, "swa_lr: expected a positive number"),
        ({"swa_start": 1, "swa_anneal": -1}, "swa_anneal: expected 0 epochs or more"),
        ({"name": "lion"}, "optim.name: expected adamw, adam or sgd, found 'lion'"),
        ({"lr": 0.0}, "optim.lr: expected a positive number, found 0.0"),
        ({"lr": math.nan}, "optim.lr"),
        ({"weight_decay": -1.0}, "optim.weight_decay"),
        ({"momentum": 1.0}, "optim.momentum"),
        ({"momentum": 0.0, "nesterov": True}, "optim.nesterov"),
        ({"betas": (0.9, 1.0)}, "optim.betas"),
        ({"betas": (0.9,)}, "optim.betas"),
        ({"schedule": "linear"}, "optim.schedule"),
        ({"warmup_epochs": -1}, "optim.warmup_epochs"),
        ({"read_at": "middle"}, "read_at"),
        ({"warmup_fraction": 1.0}, "optim.warmup_fraction: expected a number in"),
        ({"warmup_fraction": 0.1, "warmup_epochs": 1}, "optim.warmup_fraction: expected 0 beside"),
        ({"min_lr": 1.0}, "optim.min_lr: expected a number from 0 to lr"),
        ({"milestones": [3, 2]}, "optim.milestones: expected rising epochs"),
        ({"schedule": "step"}, "optim.milestones: expected at least one"),
        ({"gamma": 0.0}, "optim.gamma"),
        ({"lr_scale": {"encoder": 0.0}}, "optim.lr_scale: expected positive factors"),
        ({"layer_decay": 0.0}, "optim.layer_decay: expected a number above 0, up to 1"),
        ({"layer_decay": 1.1}, "optim.layer_decay"),
    ],
)
def test_values_out_of_range(settings, message):
    with pytest.raises(ConfigError, match=message):
        OptimConfig(**settings)
