"""One run of the trainer: what it changes, where it stands and what it has seen."""

from __future__ import annotations

import logging
import math
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any, Literal, cast

import torch
from lightning_fabric import Fabric
from lightning_fabric.strategies.model_parallel import ModelParallelStrategy
from torch import nn
from torch.optim.swa_utils import AveragedModel

from pyg_skeletonmae.errors import (
    ConfigError,
    NonFiniteError,
    SkeletonMAEError,
)
from pyg_skeletonmae.nn.norm import BatchNorm
from pyg_skeletonmae.training.averaging import end_with
from pyg_skeletonmae.training.batches import Feed, Loader
from pyg_skeletonmae.training.devices import convert_floats
from pyg_skeletonmae.training.guard import StepGuard
from pyg_skeletonmae.training.metric_means import Interval, Skipped
from pyg_skeletonmae.training.optim import OptimConfig, build_optimizer, build_scheduler
from pyg_skeletonmae.training.runlog import RunLog
from pyg_skeletonmae.training.sharding import Sharded

SKIPPED = "skipped"  # the clips of steps that were not taken
_NAMES = 5  # that are shown
_log = logging.getLogger("pyg_skeletonmae")
CompileMode = Literal["default", "reduce-overhead", "max-autotune", "max-autotune-no-cudagraphs"]


class Run:
    """Everything that changes while a model is trained.

    Args:
        fabric: The launched Fabric.
        model: The model. ``trained`` is it, or where its weights are cut over the processes a copy
            in parts, from which :meth:`gather` brings them back; ``wrapped`` is what Fabric makes
            of that, to be called in training.
        loader: The training batches.
        optim: Optimiser and schedule.
        max_epochs: Epochs to train; None = as ``max_steps`` says.
        max_steps: Optimiser steps to train; None = as ``max_epochs`` says.
        accumulate: Batches per optimiser step.
        clip_norm: Largest norm of a gradient; None = any.
        seed: Of the run; see :class:`~pyg_skeletonmae.training.batches.Feed`.
        folder: The run folder, or None to write nothing.
        compile: What ``torch.compile`` aims at; None: it is not used.
        monitor: What decides which weights are the best, and
        mode: whether the ``max`` or the ``min`` of it does.
        max_bad_steps: How many steps may be skipped.
        batch_norm: By whose statistics batch norms normalise.

    Raises:
        ConfigError: No epoch is left whose weights could be averaged.
    """

    def __init__(
        self,
        fabric: Fabric,
        model: nn.Module,
        loader: Loader,
        optim: OptimConfig,
        max_epochs: int | None = 1,
        max_steps: int | None = None,
        accumulate: int = 1,
        clip_norm: float | None = None,
        seed: int = 0,
        folder: str | Path | None = None,
        compile: CompileMode | None = None,
        monitor: str | None = None,
        mode: str = "max",
        max_bad_steps: int = 10,
        batch_norm: BatchNorm = "sync",
    ) -> None:
        self.fabric, self.model = fabric, model
        self.folder = None if folder is None else Path(folder)
        self.feed, self.interval = Feed(loader, seed), Interval(len(loader))
        per_epoch = math.ceil(len(loader) / accumulate)
        limits = (max_steps, None if max_epochs is None else max_epochs * per_epoch)
        self.total = min(limit for limit in limits if limit is not None)
        precision = str(fabric.strategy.precision.precision)
        fused = fabric.device.type in ("cpu", "cuda") and precision != "16-mixed"
        self.shards = None
        if isinstance(fabric.strategy, ModelParallelStrategy):
            self.shards = Sharded(model.to(fabric.device))
            if optim.swa_start is not None:
                raise ConfigError("optim.swa_start: averages whole weights; use the strategy ddp")
        self.trained = model if self.shards is None else self.shards.trained
        module = torch.compile(self.trained, mode=compile) if compile else self.trained
        self.wrapped = fabric.setup_module(cast(nn.Module, module))
        gpu = fabric.device.type == "cuda"
        optimizer = build_optimizer(self.trained, optim, fused, fused and gpu)
        self.scheduler = build_scheduler(optimizer, optim, self.total, per_epoch)
        self.optimizer = cast(Any, fabric.setup_optimizers(optimizer))
        scaled = precision == "16-mixed"
        self.guard = StepGuard(self.trained, optimizer, scaled, shared=fabric.world_size > 1)
        self.bad_steps, self.max_bad_steps = 0, max_bad_steps
        self.settings = {f"optim.{name}": value for name, value in asdict(optim).items()}
        self.settings |= {"seed": seed, "accumulate": accumulate, "clip_norm": clip_norm}
        self.settings |= {"processes": fabric.world_size, "precision": precision}
        self.settings["batch_norm"] = batch_norm
        self.settings |= {"steps_per_epoch": per_epoch, "monitor": monitor, "mode": mode}
        self._dataset = getattr(loader, "dataset", None)
        self.settings["data"] = getattr(self._dataset, "data_hash", None)
        if optim.schedule == "cosine" or optim.swa_start is not None:
            self.settings["total_steps"] = self.total
        self.swa_start = optim.swa_start
        self.average: AveragedModel | None = None
        if optim.swa_start is not None:
            optim.check_length(self.total / per_epoch)
            self.average = AveragedModel(self.model)
        self.smallest: int | None = (
            None  # clips of the smallest batch, until it was looked ahead to
        )
        self.step = 0  # optimiser steps done
        self.clips_seen = 0  # by all processes, at the last line of metrics
        # Masks of infinities, say, are so from the start.
        self._not_finite = {n for n, b in model.named_buffers() if not b.isfinite().all()}
        self.best: dict[str, float] = {}  # "best" and "best_step" of what is monitored
        self.earlier_seconds, self._started = 0.0, time.monotonic()

    def place(self) -> dict[str, float]:
        """Where the run stands, for a line of metrics; epochs count from 1, seconds add up."""
        return {
            "step": self.step,
            "epoch": self.feed.epoch + (self.feed.batch > 0),
            "clips_seen": self.clips_seen,
            "seconds": round(self.earlier_seconds + time.monotonic() - self._started, 3),
        }

    def log(self, log: RunLog, lr: float) -> None:
        """Writes the means since the last line, over all processes."""
        before = self.bad_steps
        self.check_steps()
        names, means = self.interval.means(self.fabric.device)
        clips = torch.tensor(self.feed.clips, device=self.fabric.device)
        if self.fabric.world_size > 1:
            self.fabric.all_reduce(means, reduce_op="mean")
            self.fabric.all_reduce(clips, reduce_op="sum")
        self.clips_seen = int(clips)
        values = {f"train/{name}": v for name, v in zip(names, means.tolist(), strict=True)}
        skipped = {"train/bad_steps": float(self.bad_steps - before)} if self.bad_steps else {}
        log.write(self.place(), {**values, **skipped, "train/lr": lr})

    def check_steps(self) -> None:
        """Names the clips of steps that were skipped, and keeps them in the run folder.

        Raises:
            NonFiniteError: There were more of them than there may be.
        """
        for skipped in self.interval.check():
            self.bad_steps += 1
            store = getattr(self._dataset, "store", None)
            names = [
                str(number if store is None else store.names[number]) for number in skipped.clips
            ]
            shown = ", ".join(names[:_NAMES]) + f" and {len(names) - _NAMES} more" * (
                len(names) > _NAMES
            )
            what = f"the loss is {skipped.loss}"
            if math.isfinite(skipped.loss):
                what = "the gradients or the buffers are not finite"
            said = f"step {skipped.step}: {what} on clips {shown or 'unknown'}"
            if self.bad_steps > self.max_bad_steps:
                raise NonFiniteError(
                    f"{said}; {self.bad_steps} step(s) like this are more than trainer."
                    f"max_bad_steps ({self.max_bad_steps}); look at these clips, or lower the "
                    "learning rate; the last checkpoint was kept as it was"
                )
            _log.warning("%s; the step was skipped%s", said, self._keep_clips(skipped))

    def _keep_clips(self, skipped: Skipped) -> str:
        """Writes the clips of a step into the run folder; says where, if it could be done."""
        write = getattr(self._dataset, "to_npz", None)
        if write is None or self.folder is None or not skipped.clips:
            return ""
        rank = f"-process-{self.fabric.global_rank}" * (self.fabric.world_size > 1)
        path = self.folder / SKIPPED / f"step-{skipped.step}{rank}.npz"
        try:
            write(path, scale=None, clips=skipped.clips)
        except (SkeletonMAEError, OSError) as error:
            return f" (its clips could not be kept: {error})"
        return f", its clips are in {path}"

    def agree(self, *flags: bool) -> list[bool]:
        """Each flag, true if it is true for any process; all processes call it together."""
        if self.fabric.world_size == 1:
            return list(flags)
        votes = torch.tensor(flags, device=self.fabric.device, dtype=torch.float)
        self.fabric.all_reduce(votes, reduce_op="sum")
        return [bool(vote) for vote in votes.tolist()]

    @property
    def averaged(self) -> dict[str, float]:
        """``averaged``: of how many epochs the weights are the mean, of a run that ends so."""
        if self.swa_start is None or self.step < self.total:
            return {}
        return {"averaged": float(self.total // self.settings["steps_per_epoch"] - self.swa_start)}

    def average_weights(self) -> None:
        """At the end of an epoch, takes the weights into their mean; the last one ends with it."""
        if self.average is None:
            return
        if self.feed.left == 0 and self.feed.epoch >= cast(int, self.swa_start):
            self.average.update_parameters(self.model)
        if self.step == self.total:
            with self.fabric.autocast(), self.feed.anew() as batches:
                moved = (convert_floats(self.fabric, self.fabric.to_device(b)) for b in batches)
                end_with(self.average, self.model, moved)
            self.average = None

    def gather(self) -> None:
        """Gives the model the weights that were trained, where those are in parts."""
        if self.shards is not None:
            self.shards.gather()

    def check_weights(self) -> None:
        """Looks at the weights, and at the buffers, which normalise where no gradient tells."""
        floats = {
            **dict(self.model.named_parameters()),
            **{name: b for name, b in self.model.named_buffers() if name not in self._not_finite},
        }
        watched = [name for name, tensor in floats.items() if tensor.is_floating_point()]
        finite = torch.stack([floats[name].detach().isfinite().all() for name in watched]).tolist()
        if not all(finite):
            name = watched[finite.index(False)]
            kind = "buffer" if name in dict(self.model.named_buffers()) else "weight"
            raise NonFiniteError(
                f"step {self.step}: the {kind} {name} is no longer finite; lower the learning "
                "rate; the last checkpoint was kept as it was"
            )
