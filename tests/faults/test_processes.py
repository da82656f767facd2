"""Processes that are killed, hung up on, or started twice."""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from cli_helpers import FAST, TINY, write_packed
from torch_geometric.loader import DataLoader
from training_helpers import Task, assert_identical, make_clips, make_loader, state_without_time

from pyg_skeletonmae.commands.cli import main
from pyg_skeletonmae.datasets import SkeletonDataset
from pyg_skeletonmae.layouts import NTU25
from pyg_skeletonmae.training import Trainer

POSIX = pytest.mark.skipif(sys.platform == "win32", reason="signals are those of POSIX")
HUNG_UP = """
import os, signal, sys
from training_helpers import Task, make_loader
from pyg_skeletonmae.training import Trainer
# The tests themselves may run behind nohup.
signal.signal(signal.SIGHUP, signal.SIG_IGN if sys.argv[2] == "nohup" else signal.SIG_DFL)
model = Task()
model.on_step = lambda step: step == 3 and os.kill(os.getpid(), signal.SIGHUP)
Trainer(max_epochs=2, progress=False).fit(model, make_loader(), run_dir=sys.argv[1])
"""
SHORTER = """
import os, sys
import numpy as np
from training_helpers import Task
from pyg_skeletonmae.datasets import ClipStore, SkeletonDataset
from pyg_skeletonmae.loader import SkeletonLoader
from pyg_skeletonmae.training import Trainer
store, run = sys.argv[1:]
loader = SkeletonLoader(SkeletonDataset(store), 4)
check, seen = ClipStore.check_files, []
def check_and_shrink(self):
    check(self)
    seen.append(1)
    if (os.path.exists(run + "/last.ckpt")) and len(seen) > 3:
        os.truncate(store + "/pos.npy", 200)
ClipStore.check_files = check_and_shrink
Trainer(max_epochs=9, checkpoint_minutes=0, progress=False).fit(Task(), loader, run_dir=run)
"""


def python(code: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    path = os.pathsep.join([str(Path(__file__).parents[1]), *sys.path])
    return subprocess.run(
        [sys.executable, "-c", code, *map(str, arguments)], capture_output=True, text=True,
        env={**os.environ, "PYTHONPATH": path}, check=False,
    )  # fmt: skip


def step(folder: Path) -> int:
    return int(state_without_time(folder / "last.ckpt")["progress"]["step"])


@POSIX
@pytest.mark.parametrize("how", ["terminal", "nohup"])
def test_a_closed_terminal_ends_a_run_after_its_step(tmp_path, how):
    """With the step saved; behind nohup it goes on to its end."""
    done = python(HUNG_UP, tmp_path / "run", how)
    assert done.returncode == (0 if how == "nohup" else -signal.SIGHUP), done.stderr
    assert step(tmp_path / "run") == (8 if how == "nohup" else 3)


@POSIX
def test_a_store_that_shrinks_between_the_look_and_the_read_is_named(tmp_path):
    """The system ends the process then: in words, with the last checkpoint as it was."""
    clips = [np.ones((60, 25, 3))] * 16
    SkeletonDataset.from_arrays(clips, [0, 1] * 8, NTU25, root=tmp_path / "big")
    done = python(SHORTER, tmp_path / "big", tmp_path / "run")
    assert done.returncode == 2, done.stderr
    line = done.stderr.splitlines()[-1]
    assert line.startswith(f"skeletonmae: error: {tmp_path / 'big' / 'pos.npy'}: the file became")
    assert step(tmp_path / "run") >= 1


class Dying(list):
    """Clips, at one of which the worker that reads it dies."""

    def __getitem__(self, number):
        if number == 7 and torch.utils.data.get_worker_info() is not None:
            os.kill(os.getpid(), signal.SIGKILL)
        return super().__getitem__(number)


@POSIX
@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_a_loader_worker_that_is_killed_ends_the_run_in_words(tmp_path):
    """PyTorch says so; the run goes on from its checkpoint, and ends as if nothing had been."""
    clips = Dying(make_clips())
    run, whole = tmp_path / "run", tmp_path / "whole"
    Trainer(max_epochs=1, progress=False).fit(Task(), make_loader(shuffle=False), run_dir=run)
    # The worker's death is seen by its name, or by the pipe that broke: whichever comes first.
    with pytest.raises((RuntimeError, ConnectionError), match=r"DataLoader worker \(pid|reset by"):
        loader = DataLoader(clips, 3, num_workers=1, multiprocessing_context="fork")
        Trainer(max_epochs=2, progress=False).fit(Task(), loader, run_dir=run, resume=True)
    assert step(run) == 4
    for folder, resume in ((run, True), (whole, False)):
        Trainer(max_epochs=2, progress=False).fit(
            Task(), make_loader(shuffle=False), run_dir=folder, resume=resume
        )
    assert_identical(*(state_without_time(folder / "last.ckpt") for folder in (run, whole)))


# At once -----------------------------------------------------------------------------------------


def _begin(arguments: list[str], folder: Path, start: float) -> None:
    os.chdir(folder)
    sys.stdout = sys.stderr = (folder / f"said.{os.getpid()}").open("w")
    time.sleep(max(0.0, start - time.time()))
    code = main(arguments)
    sys.stderr.flush()
    os._exit(code)


def together(count: int, arguments: list[str], folder: Path) -> list[tuple[int, str]]:
    """Exit code and words of processes that begin at the same moment with one command line."""
    context, start = multiprocessing.get_context("fork"), time.time() + 0.2
    processes = [
        context.Process(target=_begin, args=(arguments, folder, start)) for _ in range(count)
    ]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    said = [(p.exitcode, (folder / f"said.{p.pid}").read_text()) for p in processes]
    for process in processes:
        (folder / f"said.{process.pid}").unlink()
    return sorted(said)


@pytest.mark.skipif(sys.platform != "linux", reason="needs processes that begin at once")
@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
@pytest.mark.parametrize("resume", ["false", "auto"])
def test_two_starts_and_two_resumes_of_one_run(tmp_path, resume):
    """One trains, the other says that a process runs there, or that it has finished."""
    path = write_packed(tmp_path / "sticks.npz")
    arguments = ["pretrain", *FAST, *TINY, "--data.name=npz", f"--data.path={path}",
                 "--data.cache=cache", "--out=run"]  # fmt: skip
    if resume == "auto":
        assert together(1, arguments, tmp_path)[0][0] == 0
        arguments += ["--resume=auto"]
    (one, said), (other, refused) = together(2, arguments, tmp_path)
    assert one == 0, said
    if other:
        (line,) = (x for x in refused.splitlines() if "error" in x)
        words = ("another process runs in this folder", "exists already")
        assert other == 2 and any(word in line for word in words)
    else:
        assert resume == "auto", "the second began when the first was done"
    assert step(tmp_path / "run") == 1
    assert {p.name for p in tmp_path.iterdir()} == {"sticks.npz", "cache", "run"}


@pytest.mark.skipif(sys.platform != "linux", reason="needs processes that begin at once")
@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_two_prepares_of_one_root(tmp_path):
    """One reads the files, the other waits and opens what it wrote."""
    (tmp_path / "poses").mkdir()
    for number in range(9):
        np.save(tmp_path / "poses" / f"{number}.npy", np.ones((1, 4, 17, 2)) + number)
    arguments = ["prepare", "poses", "--root=poses", "--out=out", "--format=arrays",
                 "--skeleton=coco17", "--workers=0"]  # fmt: skip
    said = together(2, arguments, tmp_path)
    assert [code for code, _ in said] == [0, 0], said
    assert [len(list((tmp_path / "out").iterdir())), {p.name for p in tmp_path.iterdir()}] == [
        1, {"poses", "out"},
    ]  # fmt: skip


@pytest.mark.slow
@pytest.mark.long
@pytest.mark.skipif(sys.platform != "linux", reason="needs processes that begin at once")
@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_two_of_each_twenty_times(tmp_path):
    for number in range(20):
        for name in ("false", "auto", "prepare"):
            folder = tmp_path / f"{name}{number}"
            folder.mkdir()
            if name == "prepare":
                test_two_prepares_of_one_root(folder)
            else:
                test_two_starts_and_two_resumes_of_one_run(folder, name)
