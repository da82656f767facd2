"""The training loop, for every model of this library and for a user's own."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Literal, get_args

from lightning_fabric import seed_everything
from torch import Tensor, nn

from pyg_skeletonmae.configurable.arguments import CheckedMeta
from pyg_skeletonmae.errors import ConfigError, DataError, check_choice
from pyg_skeletonmae.nn.norm import BatchNorm, batch_norms
from pyg_skeletonmae.training.batch_sizes import batch_sizes, norms_checked, steps_for
from pyg_skeletonmae.training.batches import Loader
from pyg_skeletonmae.training.devices import convert_floats, leave_size_open, make_fabric
from pyg_skeletonmae.training.optim import OptimConfig
from pyg_skeletonmae.training.random_state import undisturbed
from pyg_skeletonmae.training.run import CompileMode, Run
from pyg_skeletonmae.training.run_checkpoints import Resume, RunCheckpoints, alone
from pyg_skeletonmae.training.runlog import RunLog
from pyg_skeletonmae.training.sharding import whole
from pyg_skeletonmae.training.signals import stop_signals
from pyg_skeletonmae.training.watch import meet, watched

Evaluate = Callable[[nn.Module], dict[str, float]]

_OPTIM = OptimConfig()


class Trainer(metaclass=CheckedMeta):
    r"""Trains whatever maps a batch to a dict with a ``loss``, on `Lightning Fabric
    <https://lightning.ai/docs/fabric>`_.

    Of a model it knows ``model(batch) -> {"loss": Tensor, ...}`` (other scalars in the dict are
    averaged and logged, anything else is left alone) and, if there is one, ``model.after_step()``,
    called after each optimiser step.

    A run stopped after any step and resumed equals the uninterrupted one, bit for bit on a CPU
    with as many threads. Its folder holds ``metrics.jsonl``, TensorBoard events, ``last.ckpt``
    and, if ``monitor`` is set, ``best.ckpt``. Ctrl-C, SIGTERM and SIGHUP finish the step, write
    ``last.ckpt`` and then do what they always do; :meth:`stop` lets :meth:`fit` return instead.

    **Several processes** (``devices=2``, or ``torchrun``): each sees its own slice of every global
    batch, and gradients are averaged over the processes. The models of this library divide their
    losses by what is scored in all slices (:func:`~pyg_skeletonmae.nn.processes.global_mean`), and
    batch norms take the statistics of all (``batch_norm``), so that any number of processes equals
    one with the same global batch, but for dropout, which each process draws for itself.

    Args:
        max_epochs: Epochs to train. Of this, ``max_steps`` and ``max_clips`` give exactly one.
        max_steps: Optimiser steps to train.
        optim: Optimiser and schedule.
        accelerator: ``auto``, ``cpu``, ``cuda``, ``mps`` (Fabric's names).
        devices: Number of devices of each machine, one process each. Under ``torchrun`` and
            ``srun`` it and ``num_nodes`` are what these say.
        strategy: ``auto``; ``ddp``, a whole model in every process, or another of Fabric's names of
            it; ``fsdp``, weights, gradients and moments cut over the processes
            (``ModelParallelStrategy`` with ``fully_shard``), for what one GPU cannot hold.
        precision: Fabric's names: ``32-true``, ``bf16-mixed``, ``16-mixed``, ``64-true`` ...
        accumulate: Batches per optimiser step; the last step of an epoch takes those left.
        clip_norm: Clip the gradient to this Euclidean norm.
        evaluate_every: Evaluate after every so many epochs and at the end; 0 = never.
        monitor: The key of the evaluation that decides which weights are the best.
        mode: Whether the best is the ``max`` or the ``min``.
        checkpoint_minutes: Write ``last.ckpt`` this often, besides at the end of each epoch.
        log_every: Log after so many steps, besides at the end of each epoch.
        compile: Use ``torch.compile``, with the number of nodes and clips left open.
        compile_mode: What it aims at, see ``mode`` of ``torch.compile``. ``"reduce-overhead"``
            records CUDA graphs, one for each size of batch: for small models on a GPU, which wait
            for Python otherwise, and clips that all show as many persons.
        seed: Seeds PyTorch, NumPy and Python at the start of :meth:`fit` (plus the rank).
        allow_slow_bf16: Permit bfloat16 on a CPU that has to emulate it (about 3 times slower).
        progress: Draw a progress bar where stderr is a terminal; elsewhere say after so many epochs
            (True: after each) where the run stands, to the logger ``pyg_skeletonmae``. False or 0:
            neither.
        max_clips: Clips to train on, each counted as often as it is seen, by all processes
            together: a run ends with the step that reaches them. Small and large data sets then
            train as long.
        keep_last: How many of the newest checkpoints stay: ``last.ckpt``, ``previous.ckpt``, and of
            more than two ``previous.2.ckpt`` ...; ``best.ckpt`` is beside them.
        max_bad_steps: So many steps of a run may have a loss, gradients or buffers that are not
            finite. They are skipped: weights, moments and buffers stay as they were, schedule and
            count of steps go on. Their clips are named at the next line of metrics, and kept in
            ``skipped/``. One more ends the run.
        batch_norm: By whose statistics the batch norms of any model normalise in training:
            ``"sync"``, the whole batch, of all processes; ``"local"``, the slice of each process,
            which is faster, and another training than that of one process; ``"frozen"``, the
            running statistics that they have, which stay.
        num_nodes: Number of machines.
        timeout: Seconds after which a process that others wait for counts as lost, and all end.

    Raises:
        ConfigError: No length or two of them, or settings that are out of range or do not fit this
            machine.
    """

    def __init__(
        self,
        max_epochs: int | None = None,
        max_steps: int | None = None,
        optim: OptimConfig = _OPTIM,
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
        progress: bool | int = True,
        max_clips: int | None = None,
        keep_last: int = 2,
        max_bad_steps: int = 10,
        batch_norm: BatchNorm = "sync",
        num_nodes: int = 1,
        timeout: float = 1800.0,
        compile_mode: CompileMode = "default",
    ) -> None:
        check_choice("compile_mode", compile_mode, get_args(CompileMode))
        for name, value, least in (
            ("max_epochs", max_epochs, 1),
            ("max_steps", max_steps, 1),
            ("max_clips", max_clips, 1),
            ("accumulate", accumulate, 1),
            ("log_every", log_every, 1),
            ("evaluate_every", evaluate_every, 0),
            ("checkpoint_minutes", checkpoint_minutes, 0),
            ("progress", progress, 0),
            ("keep_last", keep_last, 1),
            ("max_bad_steps", max_bad_steps, 0),
            ("timeout", timeout, 1),
        ):
            if value is not None and not value >= least:
                raise ConfigError(f"{name}: expected a number >= {least}, found {value!r}")
        if clip_norm is not None and not clip_norm > 0:
            raise ConfigError(f"clip_norm: expected a positive number, found {clip_norm!r}")
        if mode not in ("max", "min"):
            raise ConfigError(f"mode: expected max or min, found {mode!r}")
        check_choice("batch_norm", batch_norm, get_args(BatchNorm))
        self.max_epochs, self.max_steps, self.max_clips = max_epochs, max_steps, max_clips
        self.optim = optim
        self.accumulate, self.clip_norm = accumulate, clip_norm
        self.evaluate_every, self.monitor, self.mode = evaluate_every, monitor, mode
        self.checkpoint_minutes, self.log_every = checkpoint_minutes, log_every
        self.compile: CompileMode | None = compile_mode if compile else None
        self.seed, self.progress = seed, progress
        self.keep_last, self.max_bad_steps = keep_last, max_bad_steps
        self.batch_norm: BatchNorm = batch_norm
        self.timeout = timeout
        self.fabric = make_fabric(
            accelerator,
            devices,
            strategy,
            precision,
            allow_slow_bf16=allow_slow_bf16,
            num_nodes=num_nodes,
            timeout=timeout,
        )
        lengths = [max_epochs, max_steps, max_clips]
        if lengths.count(None) == 3:
            raise ConfigError("max_epochs, max_steps, max_clips: one of the three must be set")
        if lengths.count(None) < 2:
            raise ConfigError(
                f"max_epochs {max_epochs}, max_steps {max_steps}, max_clips {max_clips}: "
                "give one of the three, and null (None) for the others"
            )
        if max_epochs is not None:
            optim.check_length(max_epochs)
        self._launched = self._stop = False
        self.evaluated_at: dict[str, float] = {}  # where the run stood at its last evaluation
        self._place = 0  # how far the loop has come, for others that wait

    def launch(self) -> None:
        """Starts the other processes, if there are to be any: each runs this script from its top.

        :meth:`fit` and :attr:`rank` call it. Call it first in a script for several processes, so
        that what stands before ``fit`` is not done by one process alone.

        Raises:
            ProcessError: Not all of them come within the time-out.
        """
        if not self._launched:
            self._launched = True
            meet(self.fabric)

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
        resume: Resume = False,
    ) -> dict[str, float]:
        """Trains a model in place; it ends with its last weights, or their mean (``swa_start``).

        Args:
            model: The model.
            loader: A :class:`~pyg_skeletonmae.loader.SkeletonLoader` or a PyG ``DataLoader``.
            evaluate: Maps the model, in ``eval`` mode, to named numbers. Every process calls it
                with the unwrapped model, and the numbers of the first count. Random numbers it
                draws do not change the training.
            run_dir: The run folder; None writes nothing.
            resume: Go on from the ``last.ckpt`` in ``run_dir``. Settings that shape the run must be
                as they were; the length may change unless the schedule is ``cosine``. ``"auto"``:
                go on if there is a state to go on from, else start.

        Returns:
            ``step``, ``epoch``, ``clips_seen``, ``seconds``, ``finished`` (0.0 after :meth:`stop`),
            the last ``train/...`` and ``eval/...`` values, and ``best``, ``best_step``; with
            ``optim.swa_start`` ``averaged``, of how many epochs the weights are the mean; and
            ``bad_steps``, if any were skipped.

        Raises:
            DataError: The loader is empty, or the batches carry no labels the loss needs. Before
                the first step, where the loader tells the sizes of its batches: one of them would
                give a BatchNorm a single value. Nothing in a whole epoch is valid (a single batch
                without a valid joint is a warning).
            ConfigError: The run folder holds a run and ``resume`` is False, or the other way round;
                or another process runs in it.
            CheckpointError: The checkpoint to resume from is damaged or of another model.
            NonFiniteError: More than ``max_bad_steps`` losses are not finite, or the weights.
            ProcessError: Another process has ended or hangs, which is named. Where this one waits
                for it in PyTorch, from where nothing can be raised, it says so and exits.
        """
        self.launch()
        with alone(run_dir if self.fabric.is_global_zero else None):
            model.train()
            whole = self.world_size == 1 and self.batch_norm == "sync"  # as PyTorch does it
            norms = batch_norms(model, "local" if whole else self.batch_norm)
            with watched(self.fabric, self.timeout, lambda: self._place), norms:
                return self._fit(model, loader, evaluate, run_dir, resume)

    def _fit(
        self,
        model: nn.Module,
        loader: Loader,
        evaluate: Evaluate | None,
        run_dir: str | Path | None,
        resume: Resume,
    ) -> dict[str, float]:
        self._check(loader, evaluate)
        store = getattr(getattr(loader, "dataset", None), "store", None)
        if store is not None and not getattr(store, "verified", True):
            store.verify("stamp")
        seed_everything(self.seed + self.fabric.global_rank, verbose=False)
        steps, sizes = self.max_steps, batch_sizes(loader)
        if self.max_clips is not None:
            steps = steps_for(self.max_clips, sizes, self.accumulate)
        run = Run(
            self.fabric,
            model,
            loader,
            self.optim,
            max_epochs=self.max_epochs,
            max_steps=steps,
            accumulate=self.accumulate,
            clip_norm=self.clip_norm,
            seed=self.seed,
            folder=run_dir,
            compile=self.compile,
            monitor=self.monitor,
            mode=self.mode,
            max_bad_steps=self.max_bad_steps,
            batch_norm=self.batch_norm,
        )
        checkpoints = RunCheckpoints(run, self.keep_last)
        checkpoints.begin(resume)
        # What is compiled is not looked into: there, a batch is refused when it comes.
        if sizes and not self.compile:
            local = self.world_size > 1 and self.batch_norm == "local"
            each = getattr(loader, "least_clips", min(sizes) // self.world_size)
            run.smallest = each if local else min(sizes)
        first = self.fabric.is_global_zero
        folder, every = run.folder if first else None, int(self.progress) * first
        per_epoch = run.settings["steps_per_epoch"]
        self._stop = stop = False
        with stop_signals(self.stop), RunLog(folder, run.total, run.step, every) as log:
            while run.step < run.total and not stop:
                lr = self._step(run)
                log.advance()
                ended = run.feed.left == 0 or run.step == run.total
                pausing = ended or run.step % self.log_every == 0
                if pausing:
                    checkpoints.check_folder()
                    run.log(log, lr)
                if ended:
                    run.average_weights()
                if ended and evaluate is not None:
                    self._evaluate(checkpoints, evaluate, log)
                if ended:
                    log.end_epoch(run.feed.epoch + 1, math.ceil(run.total / per_epoch))
                if run.feed.left == 0:
                    run.feed.end_epoch()
                if pausing or self.world_size == 1:
                    overdue = checkpoints.minutes_unsaved() >= self.checkpoint_minutes
                    stop, overdue = run.agree(self._stop, overdue)
                    if ended or stop or overdue:
                        checkpoints.save()
        run.gather()
        found = {**run.place(), "finished": float(run.step == run.total), **log.values, **run.best}
        skipped = {"bad_steps": float(run.bad_steps)} if run.bad_steps else {}
        return found | run.averaged | skipped

    def _step(self, run: Run) -> float:
        """One optimiser step on the next batches of the epoch; the learning rate it had."""
        run.step += 1
        size = min(self.accumulate, run.feed.left)
        run.optimizer.zero_grad()
        run.guard.begin()
        losses = []
        for left in reversed(range(size)):
            self._place += 1
            batch = convert_floats(self.fabric, self.fabric.to_device(run.feed.next()))
            clips = int(getattr(batch, "num_graphs", 1))
            if self.compile == "default":
                leave_size_open(batch)
            with self.fabric.no_backward_sync(run.wrapped, enabled=left > 0):
                with norms_checked(run.trained, clips, run.smallest), run.feed.shared():
                    output = run.wrapped(batch)
                run.smallest = None
                self._place += 1
                if "loss" not in output:
                    raise DataError(
                        f"{type(run.model).__name__} gave no loss: have the clips labels?"
                    )
                self.fabric.backward(output["loss"] / size)
            if self.compile:  # the next run of a CUDA graph writes over what this one gave
                output = {k: v.clone() if isinstance(v, Tensor) else v for k, v in output.items()}
            losses.append(output["loss"])
            run.interval.add(run.step, output, batch.get("clip_id"), batch.get("valid"))
        bad = run.guard.judge(losses)
        if self.clip_norm is not None:
            norm = self.fabric.clip_gradients(
                run.wrapped, run.optimizer, max_norm=self.clip_norm, error_if_nonfinite=False
            )
            run.interval.add(run.step, {"grad_norm": whole(norm)})
        lr = max(run.scheduler.get_last_lr())
        run.guard.step(bad, run.optimizer)
        run.interval.judge(run.step, bad)
        run.scheduler.step()
        after_step = getattr(run.trained, "after_step", None)
        if after_step is not None:
            after_step()
        return float(lr)

    def _evaluate(self, checkpoints: RunCheckpoints, evaluate: Evaluate, log: RunLog) -> None:
        """Evaluates the model where it is time to, and keeps the best weights so far."""
        run = checkpoints.run
        every, epoch = self.evaluate_every, run.feed.epoch + 1
        if not every or (epoch % every and run.step < run.total):
            return
        run.gather()
        self.evaluated_at = run.place()
        with undisturbed(run.model):
            values = self.fabric.broadcast(evaluate(run.model))
        if values:
            log.write(run.place(), {f"eval/{name}": float(value) for name, value in values.items()})
        if self.monitor is not None:
            if self.monitor not in values:
                raise ConfigError(f"monitor: {self.monitor!r} is not among {', '.join(values)}")
            checkpoints.save_best(float(values[self.monitor]), self.mode)

    def _check(self, loader: Loader, evaluate: Evaluate | None) -> None:
        if self.world_size != getattr(loader, "world_size", 1):
            raise ConfigError(
                f"the loader is not made for {self.world_size} processes: use "
                "SkeletonLoader(..., rank=trainer.rank, world_size=trainer.world_size)"
            )
        if self.monitor is not None and (evaluate is None or not self.evaluate_every):
            raise ConfigError(f"monitor: {self.monitor!r} needs an evaluation to look at")
