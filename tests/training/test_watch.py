"""Processes of a job that are killed, stopped, or hang: all others end, and say which it was."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from lightning_fabric.plugins.environments.lightning import find_free_network_port

TESTS = Path(__file__).parents[1]
SCRIPT = """
import os, signal, sys, time
from training_helpers import SlicedLoader, Task, make_clips
from pyg_skeletonmae.errors import ProcessError
from pyg_skeletonmae.training import Trainer

lost, how = int(sys.argv[1]), sys.argv[2]
trainer = Trainer(
    max_steps=10**6, accelerator="cpu", devices=int(os.environ["WORLD_SIZE"]), timeout=4, progress=0
)
loader = SlicedLoader(make_clips(24), 3, trainer.rank, trainer.world_size)
model = Task(norm=False)

def on_step(step):
    if step == 3 and trainer.rank == lost:
        if how == "raise":
            raise ZeroDivisionError("of a clip")
        if how == "hang":
            time.sleep(3600)
        os.kill(os.getpid(), {"kill": signal.SIGKILL, "stop": signal.SIGSTOP}[how])

model.on_step = on_step
try:
    trainer.fit(model, loader)
except ProcessError as error:
    print(error, file=sys.stderr, flush=True)
    os._exit(error.exit_code)
"""

ALONE = """
import sys
from pyg_skeletonmae.errors import ProcessError
from pyg_skeletonmae.training import Trainer

try:
    Trainer(max_steps=1, accelerator="cpu", devices=2, timeout=1, progress=0).launch()
except ProcessError as error:
    print(error, file=sys.stderr)
    sys.exit(error.exit_code)
"""


def run_lost(processes: int, lost: int, how: str) -> dict[int, tuple[int, str]]:
    """The exit code and what was said, of each process but the one that is lost."""
    environment = os.environ | {
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": str(find_free_network_port()),
        "WORLD_SIZE": str(processes),
        "PYTHONPATH": os.pathsep.join([str(TESTS), str(TESTS.parent)]),
        "OMP_NUM_THREADS": "1",
    }
    jobs = [
        subprocess.Popen(
            [sys.executable, "-c", SCRIPT, str(lost), how],
            env=environment | {"LOCAL_RANK": str(rank)},
            stderr=subprocess.PIPE,
            text=True,
        )
        for rank in range(processes)
    ]
    try:
        others = [rank for rank in range(processes) if rank != lost]
        said = {rank: jobs[rank].communicate(timeout=60)[1] for rank in others}
        return {rank: (jobs[rank].returncode, text) for rank, text in said.items()}
    finally:
        for job in jobs:
            job.kill()
            job.wait()


def check(processes: int, lost: int, how: str) -> None:
    for code, said in run_lost(processes, lost, how).values():
        lines = [line for line in said.splitlines() if f"process {lost} " in line]
        assert code == 4 and len(lines) == 1, said


@pytest.mark.parametrize(("lost", "how"), [(1, "kill"), (0, "stop")])
def test_all_end_where_one_is_lost(lost: int, how: str) -> None:
    check(2, lost, how)


@pytest.mark.slow
@pytest.mark.long
@pytest.mark.parametrize("how", ["kill", "stop", "hang", "raise"])
@pytest.mark.parametrize("lost", [0, 1, 2])
def test_all_of_three_end_where_one_is_lost(lost: int, how: str) -> None:
    check(3, lost, how)


@pytest.mark.slow
@pytest.mark.long
@pytest.mark.parametrize("attempt", range(10))
@pytest.mark.parametrize("how", ["kill", "stop"])
def test_ten_of_ten(attempt: int, how: str) -> None:
    began = time.monotonic()
    check(2, 1, how)
    assert time.monotonic() - began < 60


@pytest.mark.parametrize("rank", [0, 1])
def test_a_process_that_never_comes_is_an_error_of_our_own(rank: int) -> None:
    environment = os.environ | {
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": str(find_free_network_port()),
        "WORLD_SIZE": "2",
        "LOCAL_RANK": str(rank),
        "PYTHONPATH": str(TESTS.parent),
    }
    done = subprocess.run(
        [sys.executable, "-c", ALONE], env=environment, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 4, done.stderr
    assert "the processes do not meet within the time-out: " in done.stderr.splitlines()[-1]
