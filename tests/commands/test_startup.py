"""How long the command line takes to say what needs no PyTorch, and what it imports for that."""

from __future__ import annotations

import json
import os
import resource
import statistics
import subprocess
import sys
from pathlib import Path

import pytest
from cli_helpers import runner, the_error

from pyg_skeletonmae.datasets.store.card import FORMAT

HEAVY = {"torch", "torch_geometric", "sklearn", "scipy", "tensorboard", "lightning_fabric"}
RATIO = 1.35  # of `import torch`; 1.2 is what is promised, the rest is the noise of a busy machine
COMMANDS = {
    "version": ["--version"],
    "help": ["--help"],
    "no command": [],
    "no such command": ["pretrian"],
    "a misspelt key": ["pretrain", "--data.nmae", "x"],
    "a misspelt key of the trainer": ["pretrain", "--trainer.max_epoch", "3"],
    "a misspelt key of the model": ["pretrain", "--model.init_args.hiden_channels", "3"],
    "a misspelt key of prepare": ["prepare", "ntu60", "--rot", "x"],
    "compare": ["compare", "run", "run"],
    "cache": ["cache", "."],
    "configs": ["configs"],
}


@pytest.fixture
def run(tmp_path: Path) -> Path:
    folder = tmp_path / "run"
    folder.mkdir()
    (folder / "config.yaml").write_text("seed: 0\n")
    (folder / "results.json").write_text(json.dumps({"top1": 0.5}))
    (folder / "metrics.jsonl").write_text('{"step": 1, "epoch": 1, "train/loss": 0.5}\n')
    card = {"format": FORMAT, "clips": 2, "skeleton": "coco17", "class_names": []}
    for name in ("store", "uiprmd/raw/Segmented Movements/Kinect/Angles"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "store/card.json").write_text(json.dumps({**card, "content_hash": "0"}))
    (tmp_path / name / "m01_s01_e01_angles.txt").write_text("0")
    return tmp_path


def cpu_seconds(code: str, folder: Path) -> float:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, "-c", code], cwd=folder, capture_output=True, check=False)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


@pytest.mark.parametrize("arguments", COMMANDS.values(), ids=COMMANDS)
def test_nothing_heavy_is_imported(run, arguments):
    code = f"""
import sys
from pyg_skeletonmae.commands.cli import main
code = main({arguments})
print(code, sorted({HEAVY} & set(sys.modules)))
"""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=run, check=True
    )
    answered = ("--version", "--help", "compare", "cache", "configs")
    code = 0 if arguments[:1] in [[name] for name in answered] else 2
    assert done.stdout.splitlines()[-1] == f"{code} []", done.stderr


def test_it_answers_in_the_time_that_torch_takes_to_import(run):
    codes = {"torch": "import torch"}
    for name in ("version", "help", "a misspelt key", "compare"):
        call = f"from pyg_skeletonmae.commands.cli import main; main({COMMANDS[name]})"
        codes[name] = call
    times: dict[str, list[float]] = {name: [] for name in codes}
    for _ in range(3):
        for name, code in codes.items():
            times[name].append(cpu_seconds(code, run))
    torch = statistics.median(times.pop("torch"))
    ratios = {name: round(statistics.median(found) / torch, 2) for name, found in times.items()}
    print(
        f"CPU seconds relative to `import torch` ({torch:.2f} s, {os.cpu_count()} CPUs): {ratios}"
    )
    assert all(ratio <= RATIO for ratio in ratios.values()), ratios


@pytest.mark.parametrize("option", ["--config", "--data", "--trainer", "--trainer.optim"])
@pytest.mark.parametrize("together", [True, False])
def test_a_pipe_is_refused_and_not_waited_for(tmp_path, capsys, option, together):
    os.mkfifo(tmp_path / "pipe")
    path = str(tmp_path / "pipe")
    arguments = [f"{option}={path}"] if together else [option, path]
    line = the_error(runner(capsys)("pretrain", *arguments))
    assert line == f"{path}: cannot be read: a pipe, not a plain file"
