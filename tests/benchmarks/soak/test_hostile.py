"""A dozen of the hostile files, as the benchmark reads them all."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from soak.hostile import cases

SOAK = Path(__file__).parents[3] / "benchmarks" / "soak.py"
COMMANDS = {
    "pretrain", "finetune", "evaluate", "demo", "import", "predict", "embed", "cluster", "view",
    "export", "compare", "prepare", "cache", "verify", "release",
    "check-pipeline",
}  # fmt: skip


def test_every_command_that_reads_files_is_tried():
    lines = [line for case in cases() for line in case.lines]
    assert {line[0] for line in lines} == COMMANDS and len(lines) > 2000


def test_a_dozen(tmp_path):
    command = [sys.executable, SOAK, "hostile", "--n", "12", "--folder", tmp_path]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.splitlines()[-1] == "executed 0 of 12"
    assert list(tmp_path.iterdir()) == []
