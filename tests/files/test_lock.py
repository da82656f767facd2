"""Locks that die with the process that holds them."""

from __future__ import annotations

import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import pytest

from pyg_skeletonmae.files.lock import locked, sweep

HOLD = """
import sys
from pyg_skeletonmae.files.lock import locked
with locked(sys.argv[1], lambda: 0):
    print("held", flush=True)
    sys.stdin.read()
"""


class Busy(Exception):
    pass


def busy() -> None:
    raise Busy


@contextmanager
def another_process(path: Path):
    command = [sys.executable, "-c", HOLD, str(path)]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True) as process:
        assert process.stdout.readline() == "held\n"
        yield process
        process.kill()


def test_one_process_at_a_time_until_it_ends(tmp_path):
    path = tmp_path / "new" / "run"
    with another_process(path) as process:
        with pytest.raises(Busy), locked(path, busy):
            pass
        process.communicate("")
        with locked(path, busy):
            pass
    assert not list((tmp_path / "new").iterdir())


def test_a_folder_and_a_link_to_it_have_one_lock(tmp_path):
    (tmp_path / "disk" / "run").mkdir(parents=True)
    (tmp_path / "link").symlink_to("disk/run")
    real = locked(tmp_path / "disk" / "run", busy)
    with another_process(tmp_path / "link"), pytest.raises(Busy), real:
        pass
    assert sorted(path.name for path in tmp_path.iterdir()) == ["disk", "link"]


def test_the_lock_of_a_killed_process_is_free(tmp_path):
    with another_process(tmp_path / "run") as process:
        process.kill()
        process.wait()
        assert (tmp_path / ".run.lock").exists()
        with locked(tmp_path / "run", busy):
            pass
    assert not list(tmp_path.iterdir())


def test_who_may_wait_waits(tmp_path):
    path = tmp_path / "run"
    with another_process(path) as process, locked(path, process.kill):  # while the other holds it
        assert process.wait() != 0


def test_a_process_may_take_its_own_lock_once_more(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with locked("run", busy):
        with locked(tmp_path / "run", busy):
            pass
        assert (tmp_path / ".run.lock").exists()
        command = [sys.executable, "-c", HOLD.replace("lambda: 0", "sys.exit"), "run"]
        assert "held" not in subprocess.run(command, capture_output=True, text=True).stdout
    assert not list(tmp_path.iterdir())


def test_what_a_killed_process_left_is_swept(tmp_path):
    path, removed = tmp_path / "store", []
    sweep(path, lambda: removed.append("nothing was left"))
    with another_process(path) as process:
        sweep(path, lambda: removed.append("it lives"))
        process.kill()
        process.wait()
    assert (tmp_path / ".store.lock").exists()
    sweep(path, lambda: removed.append("all of it"))
    assert removed == ["all of it"] and not list(tmp_path.iterdir())
