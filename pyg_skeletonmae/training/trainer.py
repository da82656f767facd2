"""The training loop, for every model of this library and for a user's own."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any, Literal

import torch
from lightning_fabric import Fabric, seed_everything
from lightning_fabric.strategies import DDPStrategy, SingleDeviceStrategy
from torch import Tensor, nn
from torch_geometric.data import Batch

from pyg_skeletonmae.errors import ConfigError, DataError
from pyg_skeletonmae.training.checkpoint import random_state, set_random_state
from pyg_skeletonmae.training.optim import OptimConfig, build_optimizer, build_scheduler
from pyg_skeletonmae.training.run import Loader, Run
from pyg_skeletonmae.training.runlog import RunLog
from pyg_skeletonmae.training.signals import stop_signals

Evaluate = Callable[[nn.Module], dict[str, float]]


class Trainer:
    r"""Trains whatever maps a batch to a dict with a ``loss``, on `Lightning Fabric
    <https://lightning.ai/docs/fabric>`_.

    Of a model it knows ``model(batch) -> {"loss": Tensor, ...}`` (other scalars in the dict are
    averaged and logged, anything else is left alone) and, if there is one, ``model.after_step()``,
    called after each optimiser step.

    A run stopped after any step and resumed equals the uninterrupted one, bit for bit on a CPU.
    Its folder holds ``metrics.jsonl``, TensorBoard events, ``last.ckpt`` and, if ``monitor`` is
    set, ``best.ckpt``. Ctrl-C and SIGTERM finish the step, write ``last.ckpt`` and then do what
    they always do; :meth:`stop` does the same from code and lets :meth:`fit` return.

    **Several processes** (``devices=2``, or ``torchrun``): each sees its own slice of every global
    batch, and gradients are averaged over the processes. Two processes therefore equal one with
    batches twice as large where every process's loss is a mean over equally many elements and no
    layer normalises over the batch; BatchNorm uses the statistics of its own process.

    Args:
        max_epochs: Epochs to train; None = as many as ``max_steps`` takes.
        max_steps: Optimiser steps to train; with ``max_epochs``, whichever ends first.
        optim: Optimiser and schedule.
        accelerator: ``auto``, ``cpu``, ``cuda``, ``mps`` (Fabric's names).
        devices: Number of devices, one process each.
        strategy: ``auto`` or one of Fabric's ``ddp`` names.
        precision: Fabric's names: ``32-true``, ``bf16-mixed``, ``16-mixed``, ``64-true`` ...
        accumulate: Batches per optimiser step; the last step of an epoch takes those left.
        clip_norm: Clip the gradient to this Euclidean norm.
        evaluate_every: Evaluate after every so many epochs and at the end; 0 = never.
        monitor: The key of the evaluation that decides which weights are the best.
        mode: Whether the best is the ``max`` or the ``min``.
        checkpoint_minutes: Write ``last.ckpt`` this often, besides at the end of each epoch.
        log_every: Log after so many steps, besides at the end of each epoch.
        compile: Use ``torch.compile``, with the number of nodes and clips left open.
        seed: Seeds PyTorch, NumPy and Python at the start of :meth:`fit` (plus the rank).
        allow_slow_bf16: Permit bfloat16 on a CPU that has to emulate it (about 3 times slower).
        progress: Draw a progress bar (never where stderr is no terminal).

    Raises:
        ConfigError: Settings that are out of range or do not fit this machine.
    """

    def __init__(
        self,
        max_epochs: int | None = 100,
        max_steps: int | None = None,
        optim: OptimConfig | None = None,
        accelerator: str = "auto",
        devices: int = 1,
        strategy: str = "auto",
        precision: str = "32-true",
        accumulate: int = 1,
        clip_norm: float | None = None,
        evaluate_every: int = 1,
        monitor: str | None = None,
        mode: Literal["max", "min"] = "max",
        checkpoint_minutes: float = 5.0,
        log_every: int = 50,
        compile: bool = False,
        seed: int = 0,
        allow_slow_bf16: bool = False,
        progress: bool = True,
    ) -> None:
        if max_epochs is None and max_steps is None:
            raise ConfigError("max_epochs, max_steps: one of the two must be set")
        for name, value, least in (
            ("max_epochs", max_epochs, 1),
            ("max_steps", max_steps, 1),
            ("accumulate", accumulate, 1),
            ("log_every", log_every, 1),
            ("evaluate_every", evaluate_every, 0),
            ("checkpoint_minutes", checkpoint_minutes, 0),
        ):
            if value is not None and not value >= least:
                raise ConfigError(f"{name}: expected a number >= {least}, found {value!r}")
        if clip_norm is not None and not clip_norm > 0:
            raise ConfigError(f"clip_norm: expected a positive number, found {clip_norm!r}")
        if mode not in ("max", "min"):
            raise ConfigError(f"mode: expected max or min, found {mode!r}")
        self.max_epochs, self.max_steps, self.optim = max_epochs, max_steps, optim or OptimConfig()
        self.precision, self.accumulate, self.clip_norm = precision, accumulate, clip_norm
        self.evaluate_every, self.monitor, self.mode = evaluate_every, monitor, mode
        self.checkpoint_minutes, self.log_every = checkpoint_minutes, log_every
        self.compile, self.seed, self.progress = compile, seed, progress
        self.fabric = _fabric(accelerator, devices, strategy, precision, allow_slow_bf16)
        self._launched = self._stop = False

    def launch(self) -> None:
        """Starts the other processes, if there are to be any: each runs this script from its top.

        :meth:`fit` and :attr:`rank` call it. Call it first in a script for several processes, so
        that what stands before ``fit`` is not done by one process alone.
        """
        if not self._launched:
            self._launched = True
            self.fabric.launch()

    @property
    def rank(self) -> int:
        """The number of this process: ``SkeletonLoader(..., rank=trainer.rank)``."""
        self.launch()
        return self.fabric.global_rank

    @property
    def world_size(self) -> int:
        """The number of processes: ``SkeletonLoader(..., world_size=trainer.world_size)``."""
        return self.fabric.world_size

    def stop(self) -> None:
        """Asks :meth:`fit` to end after the current step (several processes: the next log)."""
        self._stop = True

    def fit(
        self,
        model: nn.Module,
        loader: Loader,
        evaluate: Evaluate | None = None,
        run_dir: str | Path | None = None,
        resume: bool = False,
    ) -> dict[str, float]:
        """Trains a model in place; it ends with its last weights.

        Args:
            model: The model.
            loader: A :class:`~pyg_skeletonmae.loader.SkeletonLoader` or a PyG ``DataLoader``.
            evaluate: Maps the model, in ``eval`` mode, to named numbers. Every process calls it
                with the unwrapped model, and the numbers of the first count. Random numbers it
                draws do not change the training.
            run_dir: The run folder; None writes nothing.
            resume: Go on from the ``last.ckpt`` in ``run_dir``. Settings that shape the run must be
                as they were; the length may change unless the schedule is ``cosine``.

        Returns:
            ``step``, ``epoch``, ``clips_seen``, ``seconds``, ``finished`` (0.0 after :meth:`stop`),
            the last ``train/...`` and ``eval/...`` values, and ``best``, ``best_step``.

        Raises:
            DataError: The loader is empty, or the batches carry no labels the loss needs.
            ConfigError: The run folder holds a run and ``resume`` is False, or the other way round.
            CheckpointError: The checkpoint to resume from is damaged or of another model.
            SkeletonMAEError: The loss is not finite.
        """
        self.launch()
        self._check(loader, evaluate)
        self._stop = stop = False
        run, wrapped = self._begin(model, loader, run_dir, resume)
        place, total = run.progress, self._length(len(loader))
        folder = run.folder if self.fabric.is_global_zero else None
        bar = self.progress and self.fabric.is_global_zero
        batches: Iterator[Batch] | None = None
        with stop_signals(self.stop), RunLog(folder, total, place.step, bar) as log:
            while place.step < total and not stop:
                if batches is None:
                    batches = run.batches(self.seed)
                self._step(run, wrapped, batches)
                log.advance()
                epoch_ended = place.batch == len(loader)
                ended = epoch_ended or place.step == total
                pausing = ended or place.step % self.log_every == 0
                if pausing:
                    self._log(run, log)
                if ended and evaluate is not None and self._evaluation_due(run, total):
                    self._evaluate(run, evaluate, log)
                if epoch_ended:
                    place.epoch, place.batch, batches = place.epoch + 1, 0, None
                stop, save = self._agree(run, pausing)
                if ended or stop or save:
                    run.save()
        return {**run.place(), "finished": float(place.step == total), **log.values, **run.best()}

    def _step(self, run: Run, wrapped: nn.Module, batches: Iterator[Batch]) -> None:
        """One optimiser step on the next ``accumulate`` batches, or on those left in the epoch."""
        place = run.progress
        place.step += 1
        size = min(self.accumulate, len(run.loader) - place.batch)
        run.optimizer.zero_grad()
        for left in reversed(range(size)):
            batch = self.fabric.to_device(run.next(batches))
            if self.compile:
                _leave_size_open(batch)
            with self.fabric.no_backward_sync(wrapped, enabled=left > 0):
                output = wrapped(batch)
                if "loss" not in output:
                    raise DataError(
                        f"{type(run.model).__name__} gave no loss: have the clips labels?"
                    )
                self.fabric.backward(output["loss"] / size)
            run.interval.add(place.step, output, batch.get("clip_id"))
        if self.clip_norm is not None:
            norm = self.fabric.clip_gradients(
                wrapped, run.optimizer, max_norm=self.clip_norm, error_if_nonfinite=False
            )
            run.interval.keep("grad_norm", norm)
        run.interval.keep("lr", max(run.scheduler.get_last_lr()))
        run.optimizer.step()
        run.scheduler.step()
        if hasattr(run.model, "after_step"):
            run.model.after_step()

    def _log(self, run: Run, log: RunLog) -> None:
        """Writes the means since the last line, over all processes."""
        run.interval.check()
        means = run.interval.mean()
        values = torch.stack([mean.to(self.fabric.device) for mean in means.values()])
        clips = torch.tensor(run.clips, device=self.fabric.device)
        if self.world_size > 1:
            self.fabric.all_reduce(values, reduce_op="mean")
            self.fabric.all_reduce(clips, reduce_op="sum")
        run.clips_seen = int(clips)
        named = zip(means, values.tolist(), strict=True)
        log.write(run.place(), {f"train/{name}": value for name, value in named})

    def _evaluate(self, run: Run, evaluate: Evaluate, log: RunLog) -> None:
        """Evaluates the model as it stands, and keeps the weights if they are the best so far."""
        random, training = random_state(), [m for m in run.model.modules() if m.training]
        run.model.eval()
        values = self.fabric.broadcast(evaluate(run.model))
        for module in training:
            module.training = True
        set_random_state(random)
        log.write(run.place(), {f"eval/{name}": float(value) for name, value in values.items()})
        if self.monitor is None:
            return
        if self.monitor not in values:
            raise ConfigError(
                f"monitor: no {self.monitor!r} among {', '.join(values) or 'nothing'}"
            )
        value, best = float(values[self.monitor]), run.progress.best
        better = best is None or (value > best if self.mode == "max" else value < best)
        if better and not math.isnan(value):
            run.save_best(value)

    def _agree(self, run: Run, pausing: bool) -> tuple[bool, bool]:
        """Whether to stop, and whether to save: one answer for all processes.

        Several processes talk about it only where they log, so that no step waits for it.
        """
        flags = [self._stop, time.monotonic() - run.saved_at >= 60 * self.checkpoint_minutes]
        if self.world_size > 1:
            votes = torch.tensor(flags, device=self.fabric.device, dtype=torch.float) * pausing
            flags = self.fabric.all_reduce(votes, reduce_op="sum").tolist() if pausing else [0, 0]
        return bool(flags[0]), bool(flags[1])

    def _evaluation_due(self, run: Run, total: int) -> bool:
        epoch, every = run.progress.epoch + 1, self.evaluate_every
        return every > 0 and (epoch % every == 0 or run.progress.step == total)

    def _length(self, num_batches: int) -> int:
        """Steps of the whole run."""
        steps_per_epoch = math.ceil(num_batches / self.accumulate)
        steps = math.inf if self.max_epochs is None else self.max_epochs * steps_per_epoch
        return int(min(steps, math.inf if self.max_steps is None else self.max_steps))

    def _check(self, loader: Loader, evaluate: Evaluate | None) -> None:
        if not len(loader):
            raise DataError("the loader has no batch: fewer clips than the batch size?")
        if self.world_size != getattr(loader, "world_size", 1):
            raise ConfigError(
                f"the loader is not made for {self.world_size} processes: use "
                "SkeletonLoader(..., rank=trainer.rank, world_size=trainer.world_size)"
            )
        if self.monitor is not None and (evaluate is None or not self.evaluate_every):
            raise ConfigError(f"monitor: {self.monitor!r} needs an evaluation to look at")

    def _begin(
        self, model: nn.Module, loader: Loader, run_dir: str | Path | None, resume: bool
    ) -> tuple[Run, nn.Module]:
        """The run, at its start or where it was left, and the model as Fabric wraps it."""
        total, per_epoch = self._length(len(loader)), math.ceil(len(loader) / self.accumulate)
        seed_everything(self.seed + self.fabric.global_rank, verbose=False)
        fused = self.fabric.device.type in ("cpu", "cuda") and self.precision != "16-mixed"
        optimizer = build_optimizer(model, self.optim, fused)
        scheduler = build_scheduler(optimizer, self.optim, total, per_epoch)
        model.train()
        compiled = torch.compile(model) if self.compile else model
        wrapped, optimizer = self.fabric.setup(compiled, optimizer)
        settings = {f"optim.{name}": value for name, value in asdict(self.optim).items()}
        for name in ("seed", "world_size", "precision", "accumulate", "clip_norm"):
            settings[name] = getattr(self, name)
        settings["steps_per_epoch"] = per_epoch
        if self.optim.schedule == "cosine":
            settings["total_steps"] = total
        folder = None if run_dir is None else Path(run_dir)
        run = Run(self.fabric, model, optimizer, scheduler, loader, folder, settings)
        if resume:
            run.resume()
        else:
            run.refuse_existing()
        self.fabric.barrier()
        if not resume:
            run.save()
        return run, wrapped


def _fabric(
    accelerator: str, devices: int, strategy: str, precision: Any, allow_slow_bf16: bool
) -> Fabric:
    """Fabric, with its complaints and ours as :class:`ConfigError`."""
    try:
        fabric = Fabric(
            accelerator=accelerator, devices=devices, strategy=strategy, precision=precision
        )
    except (ValueError, TypeError, RuntimeError) as error:
        raise ConfigError(f"trainer: {error}") from error
    if not isinstance(fabric.strategy, SingleDeviceStrategy | DDPStrategy):
        raise ConfigError(f"strategy: expected auto or a ddp strategy, found {strategy!r}")
    slow = fabric.device.type == "cpu" and str(precision).startswith("bf16")
    if slow and not allow_slow_bf16 and not has_native_bf16():
        raise ConfigError(
            f"precision: {precision} is about 3 times slower than 32-true on this CPU, which has "
            "no bfloat16 of its own; use 32-true, or set allow_slow_bf16"
        )
    return fabric


def has_native_bf16() -> bool:
    """Whether this CPU says it computes in bfloat16 (Linux; elsewhere nobody says so: False)."""
    cpu = Path("/proc/cpuinfo")
    return cpu.is_file() and "bf16" in cpu.read_text(encoding="utf-8", errors="replace")


def _leave_size_open(batch: Batch) -> None:
    """Tells ``torch.compile`` that the first dimension changes from batch to batch."""
    for value in batch.to_dict().values():
        if isinstance(value, Tensor) and value.ndim:
            torch._dynamo.maybe_mark_dynamic(value, 0)
