"""Optimisers, parameter groups and learning-rate schedules, all of them ``torch.optim``'s own."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import torch
from torch import nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR

from pyg_skeletonmae.errors import ConfigError


@dataclass(frozen=True)
class OptimConfig:
    """How the weights are updated.

    Args:
        name: The optimiser of ``torch.optim``.
        lr: Peak learning rate.
        weight_decay: Decoupled for ``adamw``, an L2 penalty for ``adam`` and ``sgd``.
        momentum: Momentum of ``sgd``; the others do not read it.
        nesterov: Nesterov's momentum for ``sgd``; the others do not read it.
        betas: Averaging coefficients of ``adam`` and ``adamw``.
        schedule: ``constant``; ``cosine`` falls from ``lr`` to ``min_lr`` over the run; ``step``
            multiplies by ``gamma`` at each of the ``milestones``.
        warmup_epochs: Epochs (fractions allowed) over which the rate first grows linearly.
        warmup_fraction: The same as a share of the run, for runs whose length is not in epochs.
        min_lr: Where ``cosine`` ends.
        read_at: Where in a step warm-up and ``cosine`` are read, see :func:`lr_factor`: at its
            ``start``, as MAMP does (its first step moves nothing), at its ``end``, as Skeleton2vec
            does, or, ``ours``, the warm-up at the end and the rest at the start, so that no step is
            lost; or once an ``epoch``, as STTFormer does: all of its steps have one rate.
        milestones: Epochs, counted from the start of the run, at which ``step`` steps.
        gamma: Factor of each such step.
        no_decay: Leave biases and one-dimensional tensors (norms, tokens) undecayed.
        decay: Exceptions from that: whether to decay all parameters with this part in their name.
            MAMP decays its mask token, ``{"mask_token": true}``; Skeleton2vec, too, but not its
            position embeddings, ``{"mask_token": true, "position": false}``.
        lr_scale: Factor on the learning rate of all parameters below a module name, for example
            ``{"encoder": 0.1}``; of several names that fit, the longest counts.
        layer_decay: Factor on the learning rate from each layer of ``model.encoder`` to the one
            below; its last layer has the factor 1 like the head, and that of embeddings is
            ``layer_decay ** layers`` (0.8 to fine-tune MAMP and Skeleton2vec).
        swa_start: The epoch, counted as ``milestones``, from which on the weights at the end of
            each epoch enter a mean, with which the run ends ("Averaging Weights Leads to Wider
            Optima and Better Generalization", UAI 2018, arXiv 1803.05407); ``cosine`` ends there.
            None: a run ends with its last weights.
        swa_lr: The learning rate of all weights alike while they are averaged (Skeleton2vec,
            cross-view: 1e-5, epochs 100 to 120); None: that with which the schedule ended.
        swa_anneal: Epochs in which the rate goes there, along a cosine, an epoch at a time, as in
            ``torch.optim.swa_utils.SWALR``.

    Raises:
        ConfigError: A value is out of its range.
    """

    name: Literal["adamw", "adam", "sgd"] = "adamw"
    lr: float = 1e-3
    weight_decay: float = 0.01
    momentum: float = 0.9
    nesterov: bool = False
    betas: tuple[float, float] = (0.9, 0.999)
    schedule: Literal["constant", "cosine", "step"] = "constant"
    warmup_epochs: float = 0.0
    min_lr: float = 0.0
    milestones: list[int] = field(default_factory=list)
    gamma: float = 0.1
    no_decay: bool = True
    decay: dict[str, bool] = field(default_factory=dict)
    lr_scale: dict[str, float] = field(default_factory=dict)
    layer_decay: float = 1.0
    warmup_fraction: float = 0.0
    read_at: Literal["ours", "start", "end", "epoch"] = "ours"
    swa_start: int | None = None
    swa_lr: float | None = None
    swa_anneal: int = 10

    def __post_init__(self) -> None:
        for ok, key, expected in self._rules():
            if not ok:
                raise ConfigError(f"optim.{key}: expected {expected}, found {getattr(self, key)!r}")

    def averaged_from(self, epoch: int) -> OptimConfig:
        """The same with weights averaged from another epoch on; 0: not at all."""
        rate = self.swa_lr if epoch else None
        return replace(self, swa_start=epoch or None, swa_lr=rate)

    def check_length(self, epochs: float) -> None:
        """Raises :class:`ConfigError` if a run of so many epochs has none that is averaged."""
        if self.swa_start is not None and int(epochs) <= self.swa_start:
            raise ConfigError(
                f"optim.swa_start {self.swa_start}: the run has {epochs:g} epochs; expected fewer "
                "before it, because the ends of whole epochs are averaged"
            )

    def _rules(self) -> Iterator[tuple[bool, str, str]]:
        """(does it hold, setting, what was expected) for every setting with a range."""
        yield self.name in ("adamw", "adam", "sgd"), "name", "adamw, adam or sgd"
        yield 0 < self.lr < math.inf, "lr", "a positive number"
        yield 0 <= self.weight_decay < math.inf, "weight_decay", "a number >= 0"
        yield 0 <= self.momentum < 1, "momentum", "a number in [0, 1)"
        yield not self.nesterov or self.momentum > 0, "nesterov", "false where momentum is 0"
        within = len(self.betas) == 2 and all(0 <= beta < 1 for beta in self.betas)
        yield within, "betas", "two numbers in [0, 1)"
        yield (
            self.schedule in ("constant", "cosine", "step"),
            "schedule",
            "constant, cosine or step",
        )
        yield 0 <= self.warmup_epochs < math.inf, "warmup_epochs", "a number >= 0"
        once = self.warmup_fraction == 0 or self.warmup_epochs == 0
        yield 0 <= self.warmup_fraction < 1, "warmup_fraction", "a number in [0, 1)"
        yield once, "warmup_fraction", "0 beside warmup_epochs"
        places = ("ours", "start", "end", "epoch")
        yield self.read_at in places, "read_at", "ours, start, end or epoch"
        yield 0 <= self.min_lr <= self.lr, "min_lr", f"a number from 0 to lr ({self.lr:g})"
        rising = sorted(set(self.milestones)) == self.milestones
        yield rising and all(m > 0 for m in self.milestones), "milestones", "rising epochs > 0"
        yield bool(self.milestones) or self.schedule != "step", "milestones", "at least one epoch"
        yield 0 < self.gamma < math.inf, "gamma", "a positive number"
        positive = all(0 < scale < math.inf for scale in self.lr_scale.values())
        yield positive, "lr_scale", "positive factors (freeze weights with requires_grad instead)"
        yield 0 < self.layer_decay <= 1, "layer_decay", "a number above 0, up to 1"
        yield self.swa_start is None or self.swa_start > 0, "swa_start", "an epoch > 0"
        yield self.swa_lr is None or 0 < self.swa_lr < math.inf, "swa_lr", "a positive number"
        averages = self.swa_lr is None or self.swa_start is not None
        yield averages, "swa_lr", "null where swa_start is"
        yield self.swa_anneal >= 0, "swa_anneal", "0 epochs or more"


def parameter_groups(model: nn.Module, config: OptimConfig) -> list[dict[str, Any]]:
    """The trainable parameters of a model, grouped by weight decay and learning rate.

    Raises:
        ConfigError: Nothing is trainable, a name in ``lr_scale`` or ``decay`` fits no trainable
            parameter, or the encoder does not tell its layers to ``layer_decay``.
    """
    groups: dict[tuple[float, float], list[nn.Parameter]] = {}
    unused, unmet = set(config.lr_scale), set(config.decay)
    layer_scale = _layer_scale(model, config.layer_decay)
    for name, parameter in model.named_parameters():
        if not parameter.requires_grad:
            continue
        prefixes = [p for p in config.lr_scale if name == p or name.startswith(f"{p}.")]
        unused.difference_update(prefixes)
        unmet.difference_update(name.split("."))
        scale = config.lr_scale[max(prefixes, key=len)] if prefixes else 1.0
        scale *= layer_scale.get(parameter, 1.0)
        decays = not config.no_decay or (parameter.ndim > 1 and name.rpartition(".")[2] != "bias")
        for part in name.split("."):
            decays = config.decay.get(part, decays)  # the innermost name counts
        decay = config.weight_decay if decays else 0.0
        groups.setdefault((config.lr * scale, decay), []).append(parameter)
    if unmet:
        raise ConfigError(f"optim.decay: no trainable parameter has {min(unmet)!r} in its name")
    if unused:
        modules = ", ".join(name for name, _ in model.named_children())
        raise ConfigError(
            f"optim.lr_scale: no trainable parameter lies below {min(unused)!r}; "
            f"the modules of {type(model).__name__} are {modules or '(none)'}"
        )
    if not groups:
        raise ConfigError(f"{type(model).__name__} has no trainable parameter")
    return [
        {"params": params, "lr": lr, "weight_decay": decay}
        for (lr, decay), params in groups.items()
    ]


def _layer_scale(model: nn.Module, decay: float) -> dict[nn.Parameter, float]:
    """The factor on the learning rate of each parameter of the encoder."""
    if decay == 1.0:
        return {}
    encoder = getattr(model, "encoder", None)
    layer_of = getattr(encoder, "layer_of", None)
    if not isinstance(encoder, nn.Module) or not callable(layer_of):
        raise ConfigError(
            f"optim.layer_decay: {type(model).__name__} has no encoder that numbers its layers; "
            "use optim.lr_scale"
        )
    layers = {p: int(layer_of(name)) for name, p in encoder.named_parameters()}
    return {p: decay ** (max(layers.values()) - layer) for p, layer in layers.items()}


def build_optimizer(
    model: nn.Module, config: OptimConfig, fused: bool = False, fused_sgd: bool = False
) -> Optimizer:
    """The optimiser over :func:`parameter_groups`.

    Args:
        model: The model whose trainable parameters are updated.
        config: The settings.
        fused: One kernel for all of an Adam step (3-4 times as fast on a CPU). Not with fp16
            loss scaling, where it would hide the gradients from clipping.
        fused_sgd: The same for SGD, on a GPU: a fused step can be skipped without waiting for it.
    """
    groups = parameter_groups(model, config)
    if config.name == "sgd":
        return torch.optim.SGD(
            groups, lr=config.lr, momentum=config.momentum, nesterov=config.nesterov,
            fused=fused_sgd,
        )  # fmt: skip
    adam = torch.optim.AdamW if config.name == "adamw" else torch.optim.Adam
    return adam(groups, lr=config.lr, betas=config.betas, fused=fused)


def build_scheduler(
    optimizer: Optimizer, config: OptimConfig, total_steps: int, steps_per_epoch: int
) -> LambdaLR:
    """The learning rate of every step: step it once after each optimiser step."""
    factors = [
        lr_factor(config, total_steps, steps_per_epoch, group["lr"])
        for group in optimizer.param_groups
    ]
    return LambdaLR(optimizer, factors)


def lr_factor(
    config: OptimConfig, total_steps: int, steps_per_epoch: int, peak: float | None = None
) -> Callable[[int], float]:
    r"""The factor on the peak learning rate as a function of the step ``s`` (from 0).

    .. math::
        f(s) = \frac{s + a}{W} \text{ for } s < W, \qquad
        f(s) = r + (1 - r) \, \frac{1 + \cos(\pi \frac{s + b - W}{S - W})}{2} \text{ (cosine)}

    with :math:`W` warm-up steps, :math:`S` total steps (with ``swa_start``: those before it; there
    the factor goes on from :math:`f(S)` to ``swa_lr / peak``) and :math:`r` = ``min_lr / lr``. Of
    ``read_at="start"`` :math:`a = b = 0`, of ``"end"`` :math:`a = b = 1`, of ``"ours"``
    :math:`a = 1, b = 0`. Of ``"epoch"`` :math:`s` is the first step of its epoch, and :math:`a` the
    steps of an epoch, :math:`b = 0`.

    Args:
        config: The settings.
        total_steps: Optimiser steps of the run.
        steps_per_epoch: Those of an epoch.
        peak: The peak learning rate of the parameters; None: ``config.lr``.
    """
    warmup = round(config.warmup_epochs * steps_per_epoch + config.warmup_fraction * total_steps)
    floor = config.min_lr / config.lr
    by_epoch = config.read_at == "epoch"
    rising = steps_per_epoch if by_epoch else int(config.read_at != "start")
    falling = int(config.read_at == "end")

    start = None if config.swa_start is None else config.swa_start * steps_per_epoch
    end = total_steps if start is None else start
    peak = config.lr if peak is None else peak

    def scheduled(step: int) -> float:
        step -= step % steps_per_epoch if by_epoch else 0
        if step < warmup:
            return min(1.0, (step + rising) / warmup)
        if config.schedule == "cosine":
            progress = min(1.0, (step + falling - warmup) / max(1, end - warmup))
            return floor + (1 - floor) * (1 + math.cos(math.pi * progress)) / 2
        if config.schedule == "step":
            passed = sum(step >= epoch * steps_per_epoch for epoch in config.milestones)
            return float(config.gamma**passed)
        return 1.0

    def factor(step: int) -> float:
        if start is None or step < start:
            return scheduled(step)
        if config.swa_lr is None:
            return scheduled(start)
        epochs, anneal = (step - start) // steps_per_epoch, config.swa_anneal
        share = min(1.0, epochs / anneal) if anneal else 1.0
        there = (1 - math.cos(math.pi * share)) / 2
        return (1 - there) * scheduled(start) + there * config.swa_lr / peak

    return factor
