from __future__ import annotations

import importlib.util
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import ModuleType

import pytest

from pyg_skeletonmae.commands.prepare import prepare
from pyg_skeletonmae.datasets import ClipStore

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def scale() -> ModuleType:
    path = ROOT / "benchmarks" / "prepare_scale.py"
    spec = importlib.util.spec_from_file_location("prepare_scale", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_fifty_files_killed(scale: ModuleType, tmp_path: Path) -> None:
    """As the benchmark, once: the command is killed with its workers in the middle of the work."""
    root, out = tmp_path / "files", tmp_path / "out"
    size = scale.write_files(root, 50, 4)
    assert size == sum(path.stat().st_size for path in root.iterdir())
    damaged = sorted(root.iterdir())[7]
    damaged.write_text(damaged.read_text()[:4000])
    whole = prepare("ntu60", root, out / "whole", workers=0)
    assert len(whole) == 49 and sum(map(len, whole.card["dropped"].values())) == 1

    command = [sys.executable, "-m", "pyg_skeletonmae", "prepare", "ntu60", "--root", str(root),
               "--out", str(out / "killed"), "--workers", "2"]  # fmt: skip
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, cwd=ROOT) as process:
        while process.poll() is None:
            if len(list(out.glob("killed/.*.journal/0*.json"))) > 9:
                process.send_signal(signal.SIGKILL)
            time.sleep(0.005)
    assert process.returncode == -signal.SIGKILL
    assert not ClipStore.exists(out / "killed" / scale.STORE)
    again = prepare("ntu60", root, out / "killed", workers=0)
    again.store.verify()
    assert again.store.content_hash == whole.store.content_hash
    assert [path.name for path in (out / "killed").iterdir()] == [scale.STORE]


def test_memory(scale: ModuleType) -> None:
    own, together = scale.memory(os.getpid())
    assert 50 < own < 4000 and 0 < together < 8000
    assert scale.memory(2**22 + 1) == (0, 0), "a process that has ended"
