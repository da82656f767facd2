"""Training in a process of its own, for tests that kill it or start two of it."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

import torch
from training_helpers import SlicedLoader, Task, make_clips, make_loader

from pyg_skeletonmae.training import OptimConfig, Trainer


def killable_trainer() -> Trainer:
    return Trainer(
        max_epochs=3, optim=OptimConfig(lr=0.02, schedule="cosine"), checkpoint_minutes=0, seed=1
    )


def train_and_die(run_dir: Path, writes: int) -> None:
    """SIGKILL while checkpoint number ``writes`` is written but not yet renamed."""
    seen = []

    def fsync(file: int) -> None:
        if Path(f"/proc/self/fd/{file}").readlink().suffix == ".partial":
            seen.append(file)
        if len(seen) == writes:
            os.kill(os.getpid(), signal.SIGKILL)

    os.fsync = fsync
    killable_trainer().fit(Task(), make_loader(), run_dir=run_dir)


def distributed_trainer(devices: int = 1, strategy: str = "auto") -> Trainer:
    optim = OptimConfig(name="sgd", lr=0.1, lr_scale={"head": 0.5})
    return Trainer(
        max_epochs=2,
        optim=optim,
        accelerator="cpu",
        devices=devices,
        strategy=strategy,
        precision="64-true",
        clip_norm=0.3,
        log_every=2,
        monitor="value",
    )


def train_in_two(run_dir: Path) -> None:
    trainer = distributed_trainer(2, "ddp")
    loader = SlicedLoader(make_clips(24, torch.float64), 3, trainer.rank, trainer.world_size)

    def evaluate(model: torch.nn.Module) -> dict[str, float]:
        assert not model.training
        return {"value": float(trainer.rank)}

    model = Task(norm=False, dropout=0)
    trainer.fit(model, loader, evaluate, run_dir / "whole")
    if trainer.rank == 0:
        torch.save([p.grad for p in model.parameters()], run_dir / "gradients.pt")

    model = Task(norm=False, dropout=0)
    model.on_step = lambda step: trainer.stop() if step == 2 and trainer.rank == 1 else None
    stopped = trainer.fit(model, loader, evaluate, run_dir / "resumed")
    assert stopped["step"] == 2, stopped
    trainer.fit(Task(norm=False, seed=9, dropout=0), loader, evaluate, run_dir / "resumed", True)


if __name__ == "__main__":
    if sys.argv[1] == "die":
        train_and_die(Path(sys.argv[2]), int(sys.argv[3]))
    else:
        train_in_two(Path(sys.argv[2]))
