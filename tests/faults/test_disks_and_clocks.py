"""Disks that are full or may not be written, clocks that jump, names that nobody expects."""

from __future__ import annotations

import errno
import os
import re
import signal
import stat
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from cli_helpers import FAST, TINY, runner, the_error, write_packed
from training_helpers import Task, assert_identical, make_loader, state_without_time

from pyg_skeletonmae.commands.cli import main
from pyg_skeletonmae.datasets import ClipStore, SkeletonDataset
from pyg_skeletonmae.errors import SkeletonFormatError
from pyg_skeletonmae.training import Trainer

POSIX = pytest.mark.skipif(sys.platform == "win32", reason="limits and users are those of POSIX")
pytestmark = pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
NOBODY = 65534
PRETRAIN = ("pretrain", *FAST, *TINY, "--data.name=npz", "--data.cache=cache", "--out=run")


@pytest.fixture
def run(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    return runner(capsys)


def in_a_child(do: Callable[[], int | None]) -> int:
    """The exit code of a process that does something to itself first."""
    if (child := os.fork()) == 0:
        code = 99
        try:
            code = do() or 0
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


# Disks -----------------------------------------------------------------------------------------


@POSIX
@pytest.mark.parametrize("bytes_", [2_000, 20_000])
def test_files_that_may_not_grow(tmp_path, monkeypatch, capfd, bytes_):
    """By the system's own limit, at a config, a checkpoint, a store: a line that names the file;
    the same command ends as if nothing had been, when there is room."""
    import resource

    monkeypatch.chdir(tmp_path)
    path = write_packed(tmp_path / "sticks.npz")
    arguments = [*PRETRAIN, f"--data.path={path}", "--resume=auto"]

    def limited() -> int:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (bytes_, bytes_))
        return main(arguments)

    assert in_a_child(limited) == 2
    said = capfd.readouterr().err.splitlines()
    (line,) = (line for line in said if line.startswith("skeletonmae: error: "))
    assert re.search(rf"{os.strerror(errno.EFBIG)}: '(cache|run)/", line), line
    assert main(arguments) == 0
    assert main([*arguments[:-2], "--out=whole", f"--data.path={path}"]) == 0
    states = [state_without_time(tmp_path / name / "last.ckpt") for name in ("run", "whole")]
    assert_identical(*states)
    left = [p for p in tmp_path.rglob(".*") if p.suffix in (".partial", ".old", ".lock")]
    assert left == []


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO])
def test_a_disk_that_refuses_a_flush_names_the_file(tmp_path, monkeypatch, number):
    """No space, no quota, read-only since now, or broken: the old checkpoint stays."""
    Trainer(max_epochs=1, progress=False).fit(Task(), make_loader(), run_dir=tmp_path)
    before = (tmp_path / "last.ckpt").read_bytes()

    def refuse(_: int) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "fsync", refuse)
    with pytest.raises(OSError, match=rf"{os.strerror(number)}: '{tmp_path}"):
        Trainer(max_epochs=2, progress=False).fit(
            Task(), make_loader(), run_dir=tmp_path, resume=True
        )
    assert (tmp_path / "last.ckpt").read_bytes() == before
    assert not list(tmp_path.glob(".*partial"))


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that every user can reach, unlike those of pytest."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


@POSIX
def test_folders_that_may_only_be_read(open_folder, capfd):
    """Runs, stores and caches there are refused in a line; stores there are read."""
    path = write_packed(open_folder / "sticks.npz")
    SkeletonDataset.from_npz(path, open_folder / "store")
    (open_folder / "cache").mkdir()
    (open_folder / "mine").mkdir(mode=0o777)
    (open_folder / "mine").chmod(0o777)
    for folder in (open_folder, open_folder / "cache", open_folder / "store"):
        folder.chmod(stat.S_IRUSR | stat.S_IXUSR | 0o55)
    of_store = ("--data.name=store", f"--data.path={open_folder / 'store'}")
    of_file = ("--data.name=npz", f"--data.path={path}")
    knn = ("evaluate", "--data.frames=8", "--keep_memory=false")
    calls = {
        2: [
            ("pretrain", *FAST, *TINY, *of_store, f"--out={open_folder / 'run'}"),
            (*knn, *of_file, f"--data.cache={open_folder / 'cache'}"),
            (*knn, *of_store, f"--out={open_folder / 'run'}"),
        ],
        0: [
            (*knn, *of_store),
            (*knn, *of_store, f"--out={open_folder / 'mine' / 'run'}"),
            ("verify", str(open_folder / "store")),
        ],
    }
    assert main([*knn, *of_store]) == 0  # all is imported before this user may not

    def as_nobody(arguments: tuple[str, ...]) -> int:
        os.chdir(open_folder / "mine")
        if os.geteuid() == 0:
            os.setgid(NOBODY)
            os.setuid(NOBODY)
        return main(arguments)

    for code, lines in calls.items():
        for arguments in lines:
            capfd.readouterr()
            assert in_a_child(lambda a=arguments: as_nobody(a)) == code, (
                arguments, capfd.readouterr().err,
            )  # fmt: skip
            said = capfd.readouterr().err
            assert "Traceback" not in said
            if code:
                (line,) = (x for x in said.splitlines() if x.startswith("skeletonmae: error: "))
                assert str(open_folder) in line and os.strerror(errno.EACCES) in line
    names = {p.name for p in open_folder.iterdir()}
    assert names == {"sticks.npz", "store", "cache", "mine"} and not list(
        (open_folder / "cache").iterdir()
    )


# Clocks ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("jump", [-(10**9), 10**9])
def test_a_clock_that_jumps_changes_no_run(tmp_path, monkeypatch, jump):
    """Between two steps, by thirty years; and what the files say of their age is not looked at."""
    whole = Trainer(max_epochs=3, progress=False, checkpoint_minutes=1)
    whole.fit(Task(), make_loader(), run_dir=tmp_path / "whole")
    model, now, now_ns = Task(), time.time, time.time_ns

    def jumps(step: int) -> None:
        if step == 3:
            monkeypatch.setattr(time, "time", lambda: now() + jump)
            monkeypatch.setattr(time, "time_ns", lambda: now_ns() + jump * 10**9)

    model.on_step = jumps
    run = tmp_path / "run"
    Trainer(max_epochs=2, progress=False).fit(model, make_loader(), run_dir=run)
    os.utime(run / "last.ckpt", (1, 1))
    os.utime(run / "previous.ckpt", (now() + 10**8, now() + 10**8))
    Trainer(max_epochs=3, progress=False).fit(Task(), make_loader(), run_dir=run, resume=True)
    states = [state_without_time(tmp_path / name / "last.ckpt") for name in ("run", "whole")]
    assert_identical(*states)


@pytest.mark.parametrize("when", [1, 2**32])
def test_stores_and_files_of_another_time(tmp_path, run, when):
    """Of 1970 and of 2106: prepared, stamped or read again, and changes are noticed."""
    (tmp_path / "poses").mkdir()
    for number in range(3):
        path = tmp_path / "poses" / f"{number}.npy"
        np.save(path, np.ones((1, 4, 17, 2)) + number)
        os.utime(path, (when, when))
    prepare = ("prepare", "poses", "--root=poses", "--out=out", "--format=arrays",
               "--skeleton=coco17", "--workers=0")  # fmt: skip
    assert run(*prepare)[0] == 0
    (card,) = (tmp_path / "out").rglob("card.json")
    store = card.parent
    for file in store.iterdir():
        os.utime(file, (when, when))
    for _ in range(2):
        ClipStore(store).verify("stamp")
    rows = np.load(store / "pos.npy")
    np.save(store / "pos.npy", rows + 1)
    os.utime(store / "pos.npy", (when, when))
    with pytest.raises(SkeletonFormatError, match="the content"):
        ClipStore(store).verify("stamp")


# Names -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name", ["a b", "a\nb", "ünïcödé 骨", "-run", "--out", "~", "$HOME", "a'\"b"]
)
def test_names_that_nobody_expects(tmp_path, run, monkeypatch, name):
    """With no HOME: a run, its data, what reads them; and nothing is written beside them."""
    for variable in ("HOME", "USER", "LOGNAME", "XDG_CACHE_HOME"):
        monkeypatch.delenv(variable, raising=False)
    Path(name).mkdir()
    path = write_packed(Path(name) / f"{name}.npz")
    cache = f"--data.cache={Path(name) / 'cache'}"
    data = ("--data.name=npz", f"--data.path={path}", cache)
    out = Path(name) / name
    assert run("pretrain", *FAST, *TINY, *data, f"--out={out}")[0] == 0
    assert run("pretrain", *FAST, *TINY, *data, f"--out={out}", "--resume=auto")[0] == 0
    assert run("evaluate", "--data.frames=8", f"--pretrained={out}", *data)[0] == 0
    code, said, _ = run("verify", "--", str(out))
    assert code == 0 and said.count("whole ") >= 7 and "DAMAGED" not in said
    assert run("compare", "--", str(out))[0] == 0
    assert {p.name for p in tmp_path.iterdir()} == {name}
    line = the_error(run("verify", "--", f"{name}x"))
    assert line.endswith("no store, no run folder and no release")


# Handles ---------------------------------------------------------------------------------------


@pytest.mark.skipif(sys.platform != "linux", reason="counts handles by /proc")
def test_two_thousand_opens_leave_no_handle(tmp_path):
    store = SkeletonDataset.from_npz(write_packed(tmp_path / "sticks.npz"), tmp_path / "s").store

    def handles() -> tuple[int, int]:
        maps = Path("/proc/self/maps").read_text().count(str(tmp_path))
        return len(list(Path("/proc/self/fd").iterdir())), maps

    before = handles()
    for number in range(2000):
        other = ClipStore(tmp_path / "s")
        assert torch.equal(other.pos[number % 100], store.pos[number % 100])
    del other
    assert handles() == before
