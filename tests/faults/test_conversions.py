"""Several processes that convert the same file, and stores that are replaced while being read."""

from __future__ import annotations

import json
import multiprocessing
import os
import subprocess
import sys
import threading
from multiprocessing.queues import SimpleQueue
from multiprocessing.synchronize import Barrier
from pathlib import Path

import numpy as np
import pytest
from cli_helpers import FAST, TINY, write_packed
from data_helpers import STICK

from pyg_skeletonmae.commands.data_clips import open_dataset
from pyg_skeletonmae.commands.data_section import DataConfig
from pyg_skeletonmae.datasets import ClipStore, SkeletonDataset
from pyg_skeletonmae.datasets.store import written_once
from pyg_skeletonmae.errors import DataError

PIPE = subprocess.PIPE


def run_together(commands: list[list[str]], folder: Path) -> list[tuple[int, str, str]]:
    """Exit code and output of processes that go on at the same moment."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    processes = [
        subprocess.Popen(
            command, stdin=PIPE, stdout=PIPE, stderr=PIPE, text=True, env=environment, cwd=folder
        )
        for command in commands
    ]
    for process in processes:
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        process.stdin.write("\n")
        process.stdin.flush()
    return [(process.wait(), *process.communicate()) for process in processes]


def convert(path: Path, cache: Path, barrier: Barrier, answers: SimpleQueue) -> None:
    config = DataConfig(name="npz", path=str(path), cache=str(cache))
    barrier.wait()
    dataset = open_dataset(config)
    dataset.store.verify()
    answers.put((len(dataset), dataset.store.content_hash))


@pytest.mark.skipif(sys.platform != "linux", reason="needs processes that begin at once")
def test_four_processes_that_convert_one_packed_file(tmp_path):
    """One writes it, the others wait and read; three times."""
    path, context = write_packed(tmp_path / "sticks.npz"), multiprocessing.get_context("fork")
    for number in range(3):
        barrier, answers = context.Barrier(4), context.SimpleQueue()
        told = (path, tmp_path / f"cache{number}", barrier, answers)
        processes = [context.Process(target=convert, args=told) for _ in range(4)]
        for process in processes:
            process.start()
        for process in processes:
            process.join()
        assert [process.exitcode for process in processes] == [0] * 4
        (seen,) = {answers.get() for _ in range(4)}
        assert seen[0] == 16
        (store,) = (tmp_path / f"cache{number}").rglob("card.json")
        assert [p.name for p in store.parent.parent.iterdir()] == [store.parent.name]


@pytest.mark.slow
def test_four_trainings_on_one_packed_file(tmp_path):
    path = write_packed(tmp_path / "sticks.npz")
    start = "print('ready', flush=True); sys.stdin.readline(); "
    run = "from pyg_skeletonmae.commands.cli import main; sys.exit(main(sys.argv[1:]))"
    settings = [*FAST, *TINY, "--data.name=npz", f"--data.path={path}", "--data.cache=cache"]
    command = [sys.executable, "-c", f"import sys; import torch; {start}{run}", "pretrain"]
    commands = [[*command, *settings, f"--out=run{number}"] for number in range(4)]
    found = run_together(commands, tmp_path)
    assert [code for code, *_ in found] == [0] * 4, found
    results = [json.loads((tmp_path / f"run{n}/results.json").read_text()) for n in range(4)]
    assert len({result["data_hash"] for result in results}) == 1
    assert len({result["train/loss"] for result in results}) == 1


def test_a_writer_that_fails_leaves_the_turn_to_the_next(tmp_path):
    def fail() -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        written_once(tmp_path / "s", fail)
    written_once(tmp_path / "s", lambda: write_sticks(tmp_path / "s", 0.0))
    written_once(tmp_path / "s", fail)  # it is there
    assert len(ClipStore(tmp_path / "s")) == 2
    with pytest.raises(ZeroDivisionError):
        written_once(tmp_path / "s", fail, again=True)
    (tmp_path / "file").write_text("")
    with pytest.raises(DataError, match="no store can be written there"):
        written_once(tmp_path / "file" / "s", fail)


def write_sticks(root: Path, value: float) -> None:
    clips = [np.full((5 + int(value), 4, 3), value + 1)] * 2
    names = [f"{value} {number}" for number in range(2)]
    SkeletonDataset.from_arrays(clips, [0, 1], STICK, root=root, names=names, overwrite=True)


def test_a_store_that_is_replaced_while_it_is_read(tmp_path):
    """1,000 times: every reader sees the one or the other, whole."""
    root, ended = tmp_path / "s", threading.Event()
    write_sticks(root, 0.0)

    def replace() -> None:
        number = 0
        while not ended.is_set():
            number += 1
            write_sticks(root, float(number % 2))

    writer = threading.Thread(target=replace)
    writer.start()
    try:
        seen = set()
        for _ in range(1000):
            store = ClipStore(root)
            store.verify()
            (value,) = {float(store.clip(n).pos.max()) - 1 for n in range(2)}
            assert {name.partition(" ")[0] for name in store.names} == {str(value)}
            seen.add(value)
    finally:
        ended.set()
        writer.join()
    assert seen == {0.0, 1.0}
    assert [path.name for path in tmp_path.iterdir()] == ["s"]
