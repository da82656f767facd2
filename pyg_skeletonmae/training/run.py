"""One run of the trainer: where it stands, what it has seen, and how both go to disk and back."""

from __future__ import annotations

import itertools
import logging
import math
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import asdict
from pathlib import Path
from typing import Any, Literal, cast

import torch
from lightning_fabric import Fabric, seed_everything
from lightning_fabric.strategies.model_parallel import ModelParallelStrategy
from torch import nn
from torch.optim.swa_utils import AveragedModel

from pyg_skeletonmae.errors import (
    CheckpointError,
    ConfigError,
    NonFiniteError,
    SkeletonMAEError,
)
from pyg_skeletonmae.files.lock import locked
from pyg_skeletonmae.nn.norm import BatchNorm
from pyg_skeletonmae.training.averaging import end_with, load_average
from pyg_skeletonmae.training.batches import Feed, Loader
from pyg_skeletonmae.training.checkpoint import (
    load_checkpoint,
    load_weights,
    require_keys,
    save_checkpoint,
)
from pyg_skeletonmae.training.devices import convert_floats
from pyg_skeletonmae.training.guard import StepGuard
from pyg_skeletonmae.training.metric_means import Interval, Skipped
from pyg_skeletonmae.training.optim import OptimConfig, build_optimizer, build_scheduler
from pyg_skeletonmae.training.optim_state import load_optimizer, load_scheduler
from pyg_skeletonmae.training.random_state import random_state, set_random_state
from pyg_skeletonmae.training.runlog import METRICS, RunLog
from pyg_skeletonmae.training.schema import check_like, count, mapping, number
from pyg_skeletonmae.training.sharding import Sharded, whole

LAST, PREVIOUS, BEST = "last.ckpt", "previous.ckpt", "best.ckpt"
SKIPPED = "skipped"  # the clips of steps that were not taken
_NAMES = 5  # that are shown
_log = logging.getLogger("pyg_skeletonmae")
# What readers of a state in another shape may raise where nobody foresaw it.
_DAMAGE = (
    LookupError, TypeError, AttributeError, ValueError, RuntimeError, ArithmeticError,
    AssertionError, MemoryError,
)  # fmt: skip
# What younger settings were before there were any: earlier checkpoints do not name them.
_BEFORE = {
    "optim.warmup_fraction": 0.0, "optim.read_at": "ours", "optim.swa_start": None,
    "optim.swa_lr": None, "optim.swa_anneal": 10,
}  # fmt: skip
_UNTOLD = ("monitor", "mode", "data")  # by checkpoints of earlier versions
Resume = bool | Literal["auto"]
CompileMode = Literal["default", "reduce-overhead", "max-autotune", "max-autotune-no-cudagraphs"]
_KEYS = ("settings", "progress", "model", "optimizer", "scheduler", "precision", "ranks")


@contextmanager
def alone(folder: str | Path | None) -> Iterator[None]:
    """Lets no other process run in a run folder during the block; of no folder nothing is held.

    Raises:
        ConfigError: Another process runs in it.
    """

    def busy() -> None:
        raise ConfigError(
            f"{folder}: another process runs in this folder; wait until it ends, or name another"
        )

    with nullcontext() if folder is None else locked(folder, busy):
        yield


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
        keep_last: How many of the newest checkpoints stay.
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
        keep_last: int = 2,
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
        self._readable = True  # what is in ``last.ckpt``, if anything is
        # Behind the newest, previous.ckpt, previous.2.ckpt ...
        older = [PREVIOUS, *(f"previous.{number}.ckpt" for number in range(2, keep_last))]
        self.checkpoints = [LAST, *older][:keep_last]
        self._place: tuple[int, int] | None = None  # of the folder, on its disk
        self._seconds, self._started = 0.0, time.monotonic()
        self._saved_at = self._started

    def place(self) -> dict[str, float]:
        """Where the run stands, for a line of metrics; epochs count from 1, seconds add up."""
        return {
            "step": self.step,
            "epoch": self.feed.epoch + (self.feed.batch > 0),
            "clips_seen": self.clips_seen,
            "seconds": round(self._seconds + time.monotonic() - self._started, 3),
        }

    def log(self, log: RunLog, lr: float) -> None:
        """Writes the means since the last line, over all processes."""
        self.check_folder()
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

    def minutes_unsaved(self) -> float:
        """The time since the last checkpoint, in minutes."""
        return (time.monotonic() - self._saved_at) / 60

    def begin(self, resume: Resume) -> None:
        """Starts in a folder without a run, or goes on from the ``last.ckpt`` of one.

        ``"auto"`` does the one or the other. What a folder holds from which no run can go on is set
        aside then, and named.

        If that is damaged, it is named, and the run goes on from ``previous.ckpt``, the one before,
        or the next that can be read.

        Raises:
            ConfigError: The folder holds a run and ``resume`` is False; there is no run to resume;
                a setting that shapes the run is not what it was (it is named).
            CheckpointError: The checkpoints are damaged, or the newest is of another model.
        """
        if resume:
            try:
                path, state = self._newest()
            except (ConfigError, CheckpointError) as error:
                if resume != "auto":
                    raise
                self._set_aside(str(error))
            else:
                self._resume(path, state)
                self.check_folder()
                return
        for name in (*self.checkpoints, BEST, METRICS):
            if self.folder is not None and (self.folder / name).exists():
                raise ConfigError(
                    f"{self.folder}: holds a run already ({name}); resume it or name another folder"
                )
        self.fabric.barrier()  # No process writes before every process has looked.
        self.save()
        self.check_folder()

    def check_folder(self) -> None:
        """Looks whether the run folder is still the one that the run began in.

        Raises:
            CheckpointError: It was deleted or moved, or another has its name.
        """
        if self.folder is None or not self.fabric.is_global_zero:
            return
        try:
            found = self.folder.stat()
        except OSError:
            found = None
        place = None if found is None else (found.st_dev, found.st_ino)
        self._place = self._place or place
        if place is None or place != self._place:
            gone = "is gone" if place is None else "is another one by now"
            raise CheckpointError(
                f"{self.folder}: the folder of this run {gone}: it was deleted or moved while the "
                f"run went on, which ends at step {self.step}"
            )

    def save(self) -> None:
        """Writes ``last.ckpt`` and keeps the one before; all processes take part, the first writes.

        Raises:
            NonFiniteError: A weight or a buffer is not finite, or too many steps were skipped; the
                old checkpoint stays.
        """
        self._saved_at = time.monotonic()
        self.check_steps()
        self.gather()
        self._check_weights()
        if self.folder is None:
            return
        optimizer = whole(self.optimizer.state_dict())
        if self._place is not None:
            self.check_folder()
        own = {
            "random": random_state(),
            "feed": self.feed.state_dict(),
            "interval": self.interval.state_dict(),
        }
        ranks = [own] * self.fabric.world_size
        if self.fabric.world_size > 1:
            torch.distributed.all_gather_object(ranks, own)
        if self.fabric.is_global_zero:
            average = self.average
            begun = average is not None and average.n_averaged > 0
            state = {
                "settings": self.settings,
                "progress": {**self.place(), "best": self.best},
                "model": self.model.state_dict(),
                "optimizer": optimizer,
                "scheduler": self.scheduler.state_dict(),
                "precision": self.fabric.strategy.precision.state_dict(),
                "average": average.state_dict() if average is not None and begun else None,
                "bad_steps": self.bad_steps,
                "ranks": ranks,
            }
            # A damaged one is not kept in place of the one before, which is not; where a kill
            # between the renames left none, the one before has its place already.
            paths = [self.folder / name for name in self.checkpoints]
            if self._readable and paths[0].exists():
                for newer, older in reversed(list(itertools.pairwise(paths[1:]))):
                    if newer.exists():
                        newer.replace(older)
            previous = paths[1] if self._readable and len(paths) > 1 else None
            save_checkpoint(paths[0], state, previous)
            self._readable = True

    def save_best(self, value: float, mode: str) -> None:
        """Writes ``best.ckpt``, the weights and their place, if no value was better before."""
        sign = 1 if mode == "max" else -1
        best = self.best.get("best", -sign * math.inf)
        if not (math.isfinite(value) and sign * value > sign * best):
            return
        self._check_weights()
        self.best = {"best": value, "best_step": self.step}
        if self.folder is not None and self.fabric.is_global_zero:
            state = {"model": self.model.state_dict(), "progress": {**self.place(), **self.best}}
            save_checkpoint(self.folder / BEST, state)

    def _set_aside(self, reason: str) -> None:
        """Gives what a run left other names, so that one can start in the folder."""
        self.fabric.barrier()  # No process renames what another one still reads.
        if self.folder is None or not self.fabric.is_global_zero:
            return
        files = [self.folder / name for name in (*self.checkpoints, BEST, METRICS)]
        names = [path.replace(f"{path}.aside").name for path in files if path.exists()]
        if names or self.folder.exists():
            aside = f"; set aside: {', '.join(names)}" if names else ""
            _log.warning("%s; the run starts anew%s", reason, aside)

    def _resume(self, path: Path, state: dict[str, Any]) -> None:
        require_keys(state, _KEYS, path)
        try:
            self._check_settings(state["settings"])
            self._load_progress(state["progress"])
            self.bad_steps = count(state.get("bad_steps", 0), "bad_steps")
            load_weights(self.model, state["model"], path)
            if self.shards is not None:
                self.shards.scatter()
            load_optimizer(self.optimizer, state["optimizer"], self.step, "optimizer")
            load_scheduler(self.scheduler, state["scheduler"], self.step, "scheduler")
            precision = self.fabric.strategy.precision
            check_like(state["precision"], precision.state_dict(), "precision")
            precision.load_state_dict(state["precision"])
            processes = state["settings"]["processes"]
            if not isinstance(state["ranks"], list) or len(state["ranks"]) != processes:
                raise CheckpointError(f"ranks: expected a list of {processes}")
            own = self._own(
                [mapping(each, ("feed", "interval", "random"), "ranks") for each in state["ranks"]]
            )
            self.feed.load_state_dict(own["feed"])
            batches, accumulate = self.feed.batch, self.settings["accumulate"]
            done = self.feed.epoch * self.settings["steps_per_epoch"]
            done += math.ceil(batches / accumulate)
            if done != self.step:
                raise CheckpointError(
                    f"progress.step: {self.step}, but epoch {self.feed.epoch} and batch {batches} "
                    f"are step {done}"
                )
            if self.step == self.total:  # the weights are the mean
                self.average = None
            elif self.average is not None:
                epochs = max(0, self.feed.epoch - cast(int, self.swa_start))
                load_average(self.average, state.get("average"), epochs, path)
            self.interval.load_state_dict(own["interval"])
            if own["random"] is not None:
                set_random_state(own["random"])
        except ConfigError:
            raise
        except CheckpointError as error:
            text = str(error)
            raise CheckpointError(text if str(path) in text else f"{path}: {text}") from error
        except _DAMAGE as error:
            reason = " ".join(str(error).split())[:200]
            raise CheckpointError(f"{path}: damaged: {type(error).__name__}: {reason}") from error

    def _own(self, ranks: list[dict[str, Any]]) -> dict[str, Any]:
        """What this process goes on with, of the states of as many processes as there were.

        Of another number, the first takes over the clips that all have seen, each the means of what
        they reported, and those that were not there draw random numbers of their own.
        """
        rank = self.fabric.global_rank
        if len(ranks) == self.fabric.world_size:
            return ranks[rank]
        seen = sum(count(each["feed"]["clips"], "feed.clips") for each in ranks)
        intervals = [each["interval"] for each in ranks]
        for interval in intervals:
            Interval().load_state_dict(interval)
        reported = {
            name: torch.stack([interval[name] for interval in intervals]).mean(0)
            for name in intervals[0]
        }
        if rank < len(ranks):
            random = ranks[rank]["random"]
        else:
            seed_everything(self.settings["seed"] + rank + self.step, verbose=False)
            random = None
        feed = {**ranks[0]["feed"], "clips": seen if rank == 0 else 0}
        return {"feed": feed, "interval": reported, "random": random}

    def _newest(self) -> tuple[Path, dict[str, Any]]:
        """The newest checkpoint that can be read; those that cannot are named."""
        folder = self.folder
        paths = [] if folder is None else [folder / name for name in self.checkpoints]
        paths = [path for path in paths if path.is_file()]
        if not paths:
            raise ConfigError(f"{folder}: no run to resume here (no {LAST})")
        damaged = []
        for path in paths:
            try:
                state = load_checkpoint(path)
            except CheckpointError as error:
                damaged.append(error)
                continue
            self._readable = not damaged
            if self.fabric.is_global_zero:
                for reason in damaged:
                    _log.warning("%s; going on from the one before, %s", reason, path.name)
            return path, state
        raise damaged[-1]

    def _load_progress(self, progress: object) -> None:
        content = mapping(progress, ("step", "epoch", "clips_seen", "seconds", "best"), "progress")
        self.step, _, self.clips_seen = (
            count(content[key], f"progress.{key}") for key in ("step", "epoch", "clips_seen")
        )
        self._seconds = number(content["seconds"], "progress.seconds", least=0)
        if content["best"] != {}:
            best = mapping(content["best"], ("best", "best_step"), "progress.best")
            if type(best["best"]) is not float or math.isnan(best["best"]):
                raise CheckpointError("progress.best: expected a number")
            count(best["best_step"], "progress.best.best_step", self.step + 1)
        self.best = content["best"]

    def _check_settings(self, saved: Mapping[str, Any]) -> None:
        if not isinstance(saved, dict):
            raise CheckpointError("settings: expected a dict")
        processes = count(saved.get("processes", 1), "settings.processes")
        # Earlier versions normalised by the slice of each process, which of one is the batch.
        norm = "local" if processes > 1 else self.settings["batch_norm"]
        saved = {**_BEFORE, "batch_norm": norm, **saved}
        for name, value in self.settings.items():
            if name not in saved and name in _UNTOLD:
                continue
            # Whose batches are the slices of the same global ones, see its check_state.
            if name == "processes" and hasattr(self.feed.loader, "check_state"):
                continue
            if name not in saved:
                raise CheckpointError(f"settings: the key {name!r} is missing")
            if isinstance(saved[name], torch.Tensor) or saved[name] != value:
                raise ConfigError(
                    f"{self.folder}: cannot resume with {name} = {value!r}: the run was started "
                    f"with {saved[name]!r:.80}; restore it or start a new run"
                )

    def _check_weights(self) -> None:
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
