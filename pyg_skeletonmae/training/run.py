"""One run of the trainer: where it stands, what it has seen, and how both go to disk and back."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator, Mapping, Sized
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Protocol

import torch
from lightning_fabric import Fabric
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR
from torch_geometric.data import Batch

from pyg_skeletonmae.errors import CheckpointError, ConfigError, DataError, SkeletonMAEError
from pyg_skeletonmae.training.checkpoint import (
    load_checkpoint,
    load_weights,
    random_state,
    save_checkpoint,
    set_random_state,
)
from pyg_skeletonmae.training.runlog import METRICS

LAST, BEST = "last.ckpt", "best.ckpt"
_KEYS = ("settings", "progress", "model", "optimizer", "scheduler", "precision", "ranks")


class Loader(Sized, Protocol):
    """What the trainer needs of a loader: batches, and how many there are in an epoch."""

    def __iter__(self) -> Iterator[Batch]: ...


@dataclass
class Progress:
    """Where a run stands, the same on every process."""

    step: int = 0  # optimiser steps done
    epoch: int = 0  # epochs done
    batch: int = 0  # batches of the current epoch done
    seconds: float = 0.0  # of training, over all sessions
    best: float | None = None  # best value of what is monitored
    best_step: int = 0


class Interval:
    """The values logged since the last line, kept on the device so that no step waits for them."""

    def __init__(self) -> None:
        self.values: dict[str, list[Tensor]] = {}
        self._unchecked: list[tuple[int, Tensor, Tensor | None]] = []

    def add(self, step: int, output: Mapping[str, Any], clip_id: Tensor | None) -> None:
        """Keeps every scalar of a model's output."""
        for name, value in output.items():
            if isinstance(value, float | int) or (isinstance(value, Tensor) and value.ndim == 0):
                self.keep(name, value)
        self._unchecked.append((step, output["loss"].detach(), clip_id))

    def keep(self, name: str, value: Tensor | float) -> None:
        """Keeps one value."""
        self.values.setdefault(name, []).append(torch.as_tensor(value).detach().float())

    def check(self) -> None:
        """Raises :class:`SkeletonMAEError` if a loss was not finite; names the step and clips."""
        unchecked, self._unchecked = self._unchecked, []
        if not unchecked:
            return
        finite = torch.stack([loss for _, loss, _ in unchecked]).isfinite().tolist()
        if not all(finite):
            step, loss, clip_id = unchecked[finite.index(False)]
            clips = "unknown" if clip_id is None else ", ".join(map(str, clip_id.tolist()))
            raise SkeletonMAEError(
                f"step {step}: the loss is {loss.item()} on clips {clips}; look at these clips, or "
                "lower the learning rate; the last checkpoint was kept as it was"
            )

    def mean(self) -> dict[str, Tensor]:
        """The mean of each value, and a fresh start."""
        values, self.values = self.values, {}
        return {name: torch.stack(kept).mean() for name, kept in values.items()}


class Run:
    """Everything that changes while a model is trained.

    Args:
        fabric: The launched Fabric.
        model: The model itself, not wrapped for several processes.
        optimizer: Its optimiser.
        scheduler: Its learning-rate schedule.
        loader: The training batches.
        folder: The run folder or None.
        settings: What must be equal for a run to go on; anything plain.
    """

    def __init__(
        self,
        fabric: Fabric,
        model: nn.Module,
        optimizer: Optimizer,
        scheduler: LambdaLR,
        loader: Loader,
        folder: Path | None,
        settings: Mapping[str, Any],
    ) -> None:
        self.fabric, self.model, self.optimizer = fabric, model, optimizer
        self.scheduler, self.loader, self.folder = scheduler, loader, folder
        self.settings = dict(settings)
        self.progress, self.interval = Progress(), Interval()
        self.clips = self.clips_seen = 0  # of this process up to now; of all up to the last line
        self.saved_at = self._since = time.monotonic()
        self._epoch_random = random_state()
        self._loader_state: dict[str, Any] = {}

    def place(self) -> dict[str, float]:
        """Where the run stands, for a line of metrics; the epoch that is going on counts from 1."""
        now = time.monotonic()
        self.progress.seconds += now - self._since
        self._since = now
        return {
            "step": self.progress.step,
            "epoch": self.progress.epoch + (self.progress.batch > 0),
            "clips_seen": self.clips_seen,
            "seconds": round(self.progress.seconds, 3),
        }

    def best(self) -> dict[str, float]:
        """The best value of what is monitored and its step; nothing if there is none."""
        if self.progress.best is None:
            return {}
        return {"best": self.progress.best, "best_step": self.progress.best_step}

    def next(self, batches: Iterator[Batch]) -> Batch:
        """The next batch, counted."""
        batch = next(batches, None)
        if batch is None:
            raise DataError(f"the loader ended after {self.progress.batch} of {len(self.loader)}")
        self.progress.batch += 1
        self.clips += batch.num_graphs
        return batch

    def batches(self, seed: int) -> Iterator[Batch]:
        """The batches of the current epoch that are still to come.

        A loader with ``load_state_dict`` goes straight to its place. Any other is started from the
        random state the epoch began with and run up to the place: slower, and equally exact.
        """
        first = self.progress.batch
        resumable = hasattr(self.loader, "load_state_dict")
        if first and resumable:
            self.loader.load_state_dict(self._loader_state)  # type: ignore[attr-defined]
            return iter(self.loader)
        owner = self.loader
        if hasattr(owner, "set_epoch"):
            owner.set_epoch(self.progress.epoch)
        elif hasattr(getattr(owner, "dataset", None), "set_epoch"):
            owner.dataset.set_epoch(self.progress.epoch, seed)  # type: ignore[attr-defined]
        if not first:
            self._epoch_random = random_state()
            return iter(self.loader)
        now = random_state()
        set_random_state(self._epoch_random)
        rest = itertools.islice(iter(self.loader), first, None)
        ahead = next(rest)
        set_random_state(now)
        return itertools.chain([ahead], rest)

    def save(self) -> None:
        """Writes ``last.ckpt``; called by every process, written by the first.

        Raises:
            SkeletonMAEError: A loss or a weight is not finite; the old checkpoint stays.
        """
        self.interval.check()
        self._check_weights()
        self.place()
        self.saved_at = time.monotonic()
        if self.folder is None:
            return
        resumable = hasattr(self.loader, "state_dict")
        own = {
            "random": random_state(),
            "epoch_random": self._epoch_random,
            "interval": {n: torch.stack(v).cpu() for n, v in self.interval.values.items()},
            "clips": (self.clips, self.clips_seen),
            "loader": self.loader.state_dict() if resumable else {},  # type: ignore[attr-defined]
        }
        ranks = [own]
        if self.fabric.world_size > 1:
            ranks = [{} for _ in range(self.fabric.world_size)]
            torch.distributed.all_gather_object(ranks, own)
        if self.fabric.is_global_zero:
            state = {
                "settings": self.settings,
                "progress": asdict(self.progress),
                "model": self.model.state_dict(),
                "optimizer": self.optimizer.state_dict(),
                "scheduler": self.scheduler.state_dict(),
                "precision": self.fabric.strategy.precision.state_dict(),
                "ranks": ranks,
            }
            save_checkpoint(self.folder / LAST, state)

    def save_best(self, value: float) -> None:
        """Writes ``best.ckpt``: the weights and what they reached."""
        self.progress.best, self.progress.best_step = value, self.progress.step
        if self.folder is not None and self.fabric.is_global_zero:
            state = {"model": self.model.state_dict(), "progress": asdict(self.progress)}
            save_checkpoint(self.folder / BEST, state)

    def resume(self) -> None:
        """Goes back to where ``last.ckpt`` was written.

        Raises:
            CheckpointError: The file is missing, damaged or belongs to another model.
            ConfigError: A setting that shapes the run differs; it is named.
        """
        if self.folder is None:
            raise ConfigError("resume: there is no run folder to resume from; name one")
        path = self.folder / LAST
        state = load_checkpoint(path, _KEYS)
        try:
            self._check_settings(state["settings"])
            load_weights(self.model, state["model"], path)
            self.optimizer.load_state_dict(state["optimizer"])
            self.scheduler.load_state_dict(state["scheduler"])
            self.fabric.strategy.precision.load_state_dict(state["precision"])
            self.progress = Progress(**state["progress"])
            own = state["ranks"][self.fabric.global_rank]
            self.interval.values = {n: list(v) for n, v in own["interval"].items()}
            (self.clips, self.clips_seen), self._loader_state = own["clips"], own["loader"]
            self._epoch_random = own["epoch_random"]
            set_random_state(own["random"])
        except (KeyError, IndexError, TypeError, AttributeError, RuntimeError) as error:
            raise CheckpointError(f"{path}: damaged: {type(error).__name__}: {error}") from error

    def refuse_existing(self) -> None:
        """Raises :class:`ConfigError` if the run folder holds a run already."""
        for name in (LAST, BEST, METRICS):
            if self.folder is not None and (self.folder / name).exists():
                raise ConfigError(
                    f"{self.folder}: holds a run already ({name}); resume it or name another folder"
                )

    def _check_settings(self, saved: Mapping[str, Any]) -> None:
        for name, value in self.settings.items():
            if saved[name] != value:
                raise ConfigError(
                    f"{self.folder}: cannot resume with {name} = {value!r}: the run was started "
                    f"with {saved[name]!r}; restore it or start a new run"
                )

    def _check_weights(self) -> None:
        names, weights = zip(*self.model.named_parameters(), strict=True)
        finite = torch.stack([weight.detach().isfinite().all() for weight in weights]).tolist()
        if not all(finite):
            raise SkeletonMAEError(
                f"step {self.progress.step}: the weight {names[finite.index(False)]} is not finite; "
                "lower the learning rate; the last checkpoint was kept as it was"
            )
