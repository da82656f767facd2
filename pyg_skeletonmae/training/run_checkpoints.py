"""The checkpoints of a run: how it goes to disk, and how it goes on from there."""

from __future__ import annotations

import itertools
import logging
import math
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any, Literal, cast

import torch
from lightning_fabric import seed_everything

from pyg_skeletonmae.errors import CheckpointError, ConfigError
from pyg_skeletonmae.files.lock import locked
from pyg_skeletonmae.training.averaging import load_average
from pyg_skeletonmae.training.checkpoint import (
    load_checkpoint,
    load_weights,
    require_keys,
    save_checkpoint,
)
from pyg_skeletonmae.training.metric_means import Interval
from pyg_skeletonmae.training.optim_state import load_optimizer, load_scheduler
from pyg_skeletonmae.training.random_state import random_state, set_random_state
from pyg_skeletonmae.training.run import Run
from pyg_skeletonmae.training.runlog import METRICS
from pyg_skeletonmae.training.schema import check_like, count, mapping, number
from pyg_skeletonmae.training.sharding import whole

LAST, PREVIOUS, BEST = "last.ckpt", "previous.ckpt", "best.ckpt"
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


class RunCheckpoints:
    """Writes the checkpoints of a run, and brings it back to where one was written.

    Args:
        run: The run; of one without a folder nothing is written.
        keep_last: How many of the newest checkpoints stay.
    """

    def __init__(self, run: Run, keep_last: int = 2) -> None:
        self.run, self.fabric, self.folder = run, run.fabric, run.folder
        # Behind the newest, previous.ckpt, previous.2.ckpt ...
        older = [PREVIOUS, *(f"previous.{number}.ckpt" for number in range(2, keep_last))]
        self.names = [LAST, *older][:keep_last]
        self._readable = True  # what is in ``last.ckpt``, if anything is
        self._inode: tuple[int, int] | None = None  # of the folder, and its disk
        self._saved_at = time.monotonic()

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
        for name in (*self.names, BEST, METRICS):
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
            status = self.folder.stat()
            inode = (status.st_dev, status.st_ino)
        except OSError:
            inode = None
        self._inode = self._inode or inode
        if inode is None or inode != self._inode:
            gone = "is gone" if inode is None else "is another one by now"
            raise CheckpointError(
                f"{self.folder}: the folder of this run {gone}: it was deleted or moved while the "
                f"run went on, which ends at step {self.run.step}"
            )

    def save(self) -> None:
        """Writes ``last.ckpt`` and keeps the one before; all processes take part, the first writes.

        Raises:
            NonFiniteError: A weight or a buffer is not finite, or too many steps were skipped; the
                old checkpoint stays.
        """
        run = self.run
        self._saved_at = time.monotonic()
        run.check_steps()
        run.gather()
        run.check_weights()
        if self.folder is None:
            return
        optimizer = whole(run.optimizer.state_dict())
        if self._inode is not None:
            self.check_folder()
        own = {
            "random": random_state(),
            "feed": run.feed.state_dict(),
            "interval": run.interval.state_dict(),
        }
        ranks = [own] * self.fabric.world_size
        if self.fabric.world_size > 1:
            torch.distributed.all_gather_object(ranks, own)
        if self.fabric.is_global_zero:
            average = run.average
            begun = average is not None and average.n_averaged > 0
            state = {
                "settings": run.settings,
                "progress": {**run.place(), "best": run.best},
                "model": run.model.state_dict(),
                "optimizer": optimizer,
                "scheduler": run.scheduler.state_dict(),
                "precision": self.fabric.strategy.precision.state_dict(),
                "average": average.state_dict() if average is not None and begun else None,
                "bad_steps": run.bad_steps,
                "ranks": ranks,
            }
            # A damaged one is not kept in place of the one before, which is not; where a kill
            # between the renames left none, the one before has its place already.
            paths = [self.folder / name for name in self.names]
            if self._readable and paths[0].exists():
                for newer, older in reversed(list(itertools.pairwise(paths[1:]))):
                    if newer.exists():
                        newer.replace(older)
            previous = paths[1] if self._readable and len(paths) > 1 else None
            save_checkpoint(paths[0], state, previous)
            self._readable = True

    def save_best(self, value: float, mode: str) -> None:
        """Writes ``best.ckpt``, the weights and their place, if no value was better before."""
        run = self.run
        sign = 1 if mode == "max" else -1
        best = run.best.get("best", -sign * math.inf)
        if not (math.isfinite(value) and sign * value > sign * best):
            return
        run.check_weights()
        run.best = {"best": value, "best_step": run.step}
        if self.folder is not None and self.fabric.is_global_zero:
            state = {"model": run.model.state_dict(), "progress": {**run.place(), **run.best}}
            save_checkpoint(self.folder / BEST, state)

    def _set_aside(self, reason: str) -> None:
        """Gives what a run left other names, so that one can start in the folder."""
        self.fabric.barrier()  # No process renames what another one still reads.
        if self.folder is None or not self.fabric.is_global_zero:
            return
        files = [self.folder / name for name in (*self.names, BEST, METRICS)]
        names = [path.replace(f"{path}.aside").name for path in files if path.exists()]
        if names or self.folder.exists():
            aside = f"; set aside: {', '.join(names)}" if names else ""
            _log.warning("%s; the run starts anew%s", reason, aside)

    def _resume(self, path: Path, state: dict[str, Any]) -> None:
        run = self.run
        require_keys(state, _KEYS, path)
        try:
            self._check_settings(state["settings"])
            self._load_progress(state["progress"])
            run.bad_steps = count(state.get("bad_steps", 0), "bad_steps")
            load_weights(run.model, state["model"], path)
            if run.shards is not None:
                run.shards.scatter()
            load_optimizer(run.optimizer, state["optimizer"], run.step, "optimizer")
            load_scheduler(run.scheduler, state["scheduler"], run.step, "scheduler")
            precision = self.fabric.strategy.precision
            check_like(state["precision"], precision.state_dict(), "precision")
            precision.load_state_dict(state["precision"])
            processes = state["settings"]["processes"]
            if not isinstance(state["ranks"], list) or len(state["ranks"]) != processes:
                raise CheckpointError(f"ranks: expected a list of {processes}")
            own = self._own(
                [mapping(each, ("feed", "interval", "random"), "ranks") for each in state["ranks"]]
            )
            run.feed.load_state_dict(own["feed"])
            batches, accumulate = run.feed.batch, run.settings["accumulate"]
            done = run.feed.epoch * run.settings["steps_per_epoch"]
            done += math.ceil(batches / accumulate)
            if done != run.step:
                raise CheckpointError(
                    f"progress.step: {run.step}, but epoch {run.feed.epoch} and batch {batches} "
                    f"are step {done}"
                )
            if run.step == run.total:  # the weights are the mean
                run.average = None
            elif run.average is not None:
                epochs = max(0, run.feed.epoch - cast(int, run.swa_start))
                load_average(run.average, state.get("average"), epochs, path)
            run.interval.load_state_dict(own["interval"])
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
            seed_everything(self.run.settings["seed"] + rank + self.run.step, verbose=False)
            random = None
        feed = {**ranks[0]["feed"], "clips": seen if rank == 0 else 0}
        return {"feed": feed, "interval": reported, "random": random}

    def _newest(self) -> tuple[Path, dict[str, Any]]:
        """The newest checkpoint that can be read; those that cannot are named."""
        folder = self.folder
        paths = [] if folder is None else [folder / name for name in self.names]
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
        run = self.run
        content = mapping(progress, ("step", "epoch", "clips_seen", "seconds", "best"), "progress")
        run.step, _, run.clips_seen = (
            count(content[key], f"progress.{key}") for key in ("step", "epoch", "clips_seen")
        )
        run.earlier_seconds = number(content["seconds"], "progress.seconds", least=0)
        if content["best"] != {}:
            best = mapping(content["best"], ("best", "best_step"), "progress.best")
            if type(best["best"]) is not float or math.isnan(best["best"]):
                raise CheckpointError("progress.best: expected a number")
            count(best["best_step"], "progress.best.best_step", run.step + 1)
        run.best = content["best"]

    def _check_settings(self, saved: Mapping[str, Any]) -> None:
        run = self.run
        if not isinstance(saved, dict):
            raise CheckpointError("settings: expected a dict")
        processes = count(saved.get("processes", 1), "settings.processes")
        # Earlier versions normalised by the slice of each process, which of one is the batch.
        norm = "local" if processes > 1 else run.settings["batch_norm"]
        saved = {**_BEFORE, "batch_norm": norm, **saved}
        for name, value in run.settings.items():
            if name not in saved and name in _UNTOLD:
                continue
            # Whose batches are the slices of the same global ones, see its check_state.
            if name == "processes" and hasattr(run.feed.loader, "check_state"):
                continue
            if name not in saved:
                raise CheckpointError(f"settings: the key {name!r} is missing")
            if isinstance(saved[name], torch.Tensor) or saved[name] != value:
                raise ConfigError(
                    f"{self.folder}: cannot resume with {name} = {value!r}: the run was started "
                    f"with {saved[name]!r:.80}; restore it or start a new run"
                )
