"""Two kills, as the benchmark makes a hundred."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

SOAK = Path(__file__).parents[3] / "benchmarks" / "soak.py"


def test_two_kills_end_identical(tmp_path: Path) -> None:
    command = [sys.executable, SOAK, "kills", "--n", "2", "--seed", "1", "--folder", tmp_path]
    done = subprocess.run(
        [*command, "--scenes", "st_mae", "prepare"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    lines = done.stdout.splitlines()
    assert lines[-2:] == ["0 folders needed a hand", "identical 2 of 2 (seed 1)"]
    assert " st_mae: killed " in lines[2] and " prepare: killed " in lines[3]
    assert list(tmp_path.iterdir()) == []
