"""What Linux has and other systems lack is used nowhere without asking.

Neither Windows nor macOS is at hand where these tests were written: a Python without the modules
and functions that Windows lacks stands in for it, in every process that is started.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import yaml
from pose_helpers import write_recordings

import pyg_skeletonmae
from pyg_skeletonmae.commands.parser import COMMANDS
from pyg_skeletonmae.datasets import ClipStore, SkeletonDataset
from pyg_skeletonmae.datasets.map_store import with_joints
from pyg_skeletonmae.layouts import COCO17
from pyg_skeletonmae.skeleton import Skeleton

# Python imports it at every start. What torch and others import is theirs: modules are hidden from
# this package alone, functions from all.
LIKE_WINDOWS = """
import builtins, ctypes, multiprocessing, os, signal
hidden = {"fcntl", "grp", "posix", "pty", "pwd", "resource", "syslog", "termios", "tty"}
import_any = builtins.__import__
def import_some(name, globals=None, *more, **others):
    if name in hidden and (globals or {}).get("__name__", "").startswith("pyg_skeletonmae"):
        raise ModuleNotFoundError(f"No module named {name!r}")
    return import_any(name, globals, *more, **others)
builtins.__import__ = import_some
for name in ("fork", "forkpty", "getloadavg", "getuid", "killpg", "mkfifo", "sched_getaffinity",
             "statvfs"):
    vars(os).pop(name, None)
for name in ("SIGALRM", "SIGHUP", "SIGKILL", "SIGUSR1", "alarm", "pthread_sigmask", "setitimer"):
    vars(signal).pop(name, None)
multiprocessing.get_all_start_methods = lambda: ["spawn"]
open_library = ctypes.CDLL
class CDLL(open_library):
    def __getattr__(self, name):
        if name == "mallopt":
            raise AttributeError(name)
        return super().__getattr__(name)
ctypes.CDLL = CDLL
"""


@pytest.fixture
def run(tmp_path: Path):
    """``run(*arguments)``: the command line in a process like one on Windows."""
    site = tmp_path / "site"
    site.mkdir()
    (site / "sitecustomize.py").write_text(LIKE_WINDOWS)
    path = os.pathsep.join([str(site), str(Path(pyg_skeletonmae.__file__).parents[1])])
    environment = {**os.environ, "PYTHONPATH": path, "PYTHONIOENCODING": "cp1252"}

    def call(*arguments: str, program: tuple[str, str] = ("-m", "pyg_skeletonmae")) -> str:
        command = [sys.executable, *program, *arguments]
        done = subprocess.run(
            command, cwd=tmp_path, env=environment, capture_output=True, check=False
        )
        assert done.returncode == 0, done.stderr.decode("cp1252")
        return done.stdout.decode("cp1252")

    return call


def test_every_command_is_there(run):
    """In one process, because PyTorch takes seconds to import."""
    code = f"""
from pyg_skeletonmae.commands.cli import main
for name in {["", *COMMANDS]}:
    assert main([*name.split(), "--help"]) == 0, name
"""
    assert run(program=("-c", code)).count("usage: skeletonmae") == 1 + len(COMMANDS)


def test_names_that_the_stand_in_cannot_hide():
    """Others need them on Linux, so that they are looked for in the sources instead."""
    package = Path(pyg_skeletonmae.__file__).parent
    names = "|".join(["O_NONBLOCK", "O_DIRECTORY", "O_NOFOLLOW", "O_CLOEXEC", "uname", "pread"])
    uses = re.compile(rf"\bos\.({names})\b")
    sources = {path: path.read_text(encoding="utf-8") for path in package.rglob("*.py")}
    assert [str(path) for path, text in sources.items() if uses.search(text)] == []


def test_prepare_and_train(run, tmp_path):
    write_recordings(tmp_path / "mine", 2, 1)
    labels = tmp_path / "mine" / "labels.csv"
    text = labels.read_text().replace(",squat,", ",蹲下,").replace("\n", "\r\n")
    labels.write_text(text, encoding="utf-8", newline="")
    said = run("prepare", "poses", "--root", "mine", "--workers", "2")
    assert "4 of 2 classes" in said
    assert run("prepare", "poses", "--root", "mine", "--dry-run")
    run("pretrain", "--data.name=poses", "--data.path=mine", "--data.frames=8", "--out=run",
        "--trainer.max_steps=1", "--model.hidden_channels=8", "--model.depth=1")  # fmt: skip
    facts = yaml.safe_load((tmp_path / "run" / "results.json").read_text())
    assert facts["peak_mib"] is None and facts["step"] == 1
    assert b"\r" not in (tmp_path / "run" / "metrics.jsonl").read_bytes()
    said = run("evaluate", "--config=run/config.yaml", "--pretrained=run", "--protocol=knn")
    assert '"top1"' in said
    run("finetune", "--data.name=poses", "--data.path=mine", "--data.frames=8", "--out=tuned",
        "--trainer.max_steps=1", "--model.hidden_channels=8", "--model.num_layers=1")  # fmt: skip
    clip = "mine/person_1/wave_0.csv"
    assert json.loads(run("predict", "tuned", clip, "--json").splitlines()[0])
    assert "\\u8e72\\u4e0b" in run("predict", "tuned", clip, "--csv")  # a class, in its head
    run("embed", "run", clip, "--out=z.csv")
    assert b"\r" not in (tmp_path / "z.csv").read_bytes()
    assert run("compare", "run").splitlines()[0].split() == ["run"]
    assert "mine" in run("cache", "mine")


def test_letters_that_a_console_lacks(run, tmp_path):
    clips = [np.random.default_rng(0).normal(size=(9, 17, 3)) for _ in range(2)]
    dataset = SkeletonDataset.from_arrays(clips, [0, 0], COCO17, root=tmp_path / "挥手")
    assert "\\u6325\\u624b" in run("cache", str(dataset.store.root.parent))


def test_names_of_stores_are_allowed_everywhere(tmp_path):
    clips = [np.random.default_rng(0).normal(size=(9, 3, 3))]
    skeleton = Skeleton.from_parents("leg.", ["hip", "knee", "foot"], [-1, 0, 1])
    dataset = SkeletonDataset.from_arrays(clips, [0], skeleton, root=tmp_path / "clips")
    other = Skeleton.from_parents("other.", ["hip", "knee"], [-1, 0])
    store = with_joints(dataset, other, tmp_path / "maps").store
    assert store.root.name.endswith("-other._") and ClipStore.exists(store.root)
