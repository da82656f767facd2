"""A run by the command line that goes on with other numbers of processes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from pyg_skeletonmae.datasets import SyntheticActions
from pyg_skeletonmae.training import load_release

WORDS = (
    "--data.name=store", "--data.frames=8", "--data.global_batch_size=8", "--keep_memory=false",
    "--trainer.optim.name=sgd", "--trainer.optim.lr=0.005", "--trainer.optim.schedule=constant",
    "--trainer.precision=64-true", "--trainer.accelerator=cpu", "--trainer.log_every=1",
    "--model.hidden_channels=8", "--model.depth=1", "--quiet",
)  # fmt: skip


def pretrain(store: Path, out: Path, processes: int, steps: int) -> None:
    words = [sys.executable, "-m", "pyg_skeletonmae", "pretrain", f"--data.path={store}", *WORDS]
    words += ["--model=GraphSkeletonMAE", f"--trainer.max_steps={steps}", f"--out={out}"]
    words += [f"--trainer.devices={processes}", "--resume=auto"]
    said = subprocess.run(
        words, env={**os.environ, "OMP_NUM_THREADS": "1"}, capture_output=True, text=True
    )
    assert said.returncode == 0, said.stderr
    assert said.stdout.count("clips_seen") == 1, "one process answers"


@pytest.mark.slow
def test_two_then_one_then_four_processes(tmp_path: Path) -> None:
    """The same clips in the same steps as of one process, and its weights."""
    store = tmp_path / "store"
    SyntheticActions(36, num_classes=2, num_subjects=4, root=store)
    pretrain(store, tmp_path / "whole", 1, 12)
    for processes, steps in ((2, 4), (1, 8), (4, 12)):
        pretrain(store, tmp_path / "parts", processes, steps)
    one, parts = (load_release(tmp_path / n / "release").state_dict() for n in ("whole", "parts"))
    for name, value in one.items():
        torch.testing.assert_close(parts[name], value, rtol=0, atol=1e-5)
    seen = []
    for name in ("whole", "parts"):
        lines = (tmp_path / name / "metrics.jsonl").read_text().splitlines()
        told = {(line := json.loads(text))["step"]: line for text in lines}
        seen.append([(step, told[step].get("clips_seen")) for step in sorted(told)])
    assert seen[0] == seen[1] and len(seen[0]) >= 12
