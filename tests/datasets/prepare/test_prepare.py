import contextlib
import hashlib
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from data_helpers import STICK, array
from prepare_helpers import CLASSES, Reader, prepared, write_tasks

import pyg_skeletonmae
from pyg_skeletonmae.datasets import Clip, ClipStore, write_store
from pyg_skeletonmae.datasets.prepare import prepare, prepare_store
from pyg_skeletonmae.datasets.prepare.journal import Journal, locked
from pyg_skeletonmae.datasets.store import clip_checks
from pyg_skeletonmae.datasets.store.writer import StoreWriter
from pyg_skeletonmae.errors import ConfigError, DataError, SkeletonFormatError

# The clips of `write_tasks`: of task-02 and task-05 none.
NAMES = ("task-00", "task-01", "task-01-1", "task-03", "task-04", "task-04-1", "task-06", "task-07",
         "task-07-1", "task-08", "task-08-1", "task-08-2")  # fmt: skip


@pytest.fixture
def tasks(tmp_path):
    return write_tasks(tmp_path / "raw")


@pytest.fixture
def out(tmp_path) -> Path:
    return tmp_path / "out" / "store"


def left(out: Path) -> list[str]:
    return sorted(path.name for path in out.parent.iterdir())


def test_equals_write_store(tasks, out, tmp_path):
    store = prepared(out, tasks)
    assert store.names == NAMES and store.root == out and left(out) == ["store"]
    store.verify()
    good = [path for path in tasks if path.stem not in ("task-02", "task-05")]
    clips = [clip for path in good for clip in Reader()(path)]
    assert store.content_hash == write_store(tmp_path / "s", clips, STICK, CLASSES).content_hash


def test_card(tasks, out):
    card = prepared(
        out, tasks, policy="all", inputs=[tasks[0]], fps=30.0, unit="m", notes=["so be it"],
        dropped=[("x", "never read")],
        splits={"train": lambda clip: clip.subject == 1, "once": lambda c: c.extra["repeat"] == 0},
    ).card  # fmt: skip
    assert card["dropped"] == {
        "never read": ["x"],
        "nobody moves": ["task-02"],
        "the file: expected an array, found damage": ["task-05"],
    }
    assert card["splits"] == {
        "train": {"clips": 7, "per_class": {"a": 2, "b": 2, "c": 3}},
        "once": {"clips": 7, "per_class": {"a": 3, "b": 3, "c": 1}},
    }
    sums = [hashlib.sha256(path.read_bytes()).hexdigest() for path in tasks]
    lines = [f"{digest}  {path.name}\n" for digest, path in zip(sums, tasks, strict=True)]
    assert card["files"] == {
        "count": 9,
        "bytes": sum(path.stat().st_size for path in tasks),
        "sha256": hashlib.sha256("".join(lines).encode()).hexdigest(),
    }
    assert card["inputs"] == {"task-00.npy": sums[0]}
    assert (card["policy"], card["notes"], card["source"]) == ("all", ["so be it"], "here")
    assert (card["fps"], card["unit"], card["nan"], card["nan_joints"]) == (30.0, "m", "error", 0)
    assert card["library_version"] == pyg_skeletonmae.__version__


def test_same_content_on_any_number_of_workers(tasks, out):
    hashes = {prepared(out.with_name(f"s{n}"), tasks, workers=n).content_hash for n in (0, 1, 2)}
    assert len(hashes) == 1


@pytest.mark.parametrize(("nan", "kept", "count"), [("drop", 11, 1), ("interpolate", 12, 1)])
def test_nan(tasks, out, nan, kept, count):
    pos = np.load(tasks[0])
    pos[0, 1, 2] = np.nan
    np.save(tasks[0], pos)
    card = prepared(out, tasks, nan=nan).card
    assert (card["clips"], card["nan_joints"], card["nan"]) == (kept, count, nan)
    card = prepared(out, tasks, overwrite=True).card
    assert card["clips"] == 11
    reason = next(reason for reason, names in card["dropped"].items() if names == ["task-00"])
    assert "frame 1, joint 2, person 0: the coordinates are not finite" in reason


def test_a_clip_without_a_name_is_called_like_its_task(out):
    store = prepare_store(
        out, [1, 2], lambda task: [Clip(array(1, task))], STICK, None, name=str, source=""
    )
    assert store.names == ("1", "2") and store.label is None
    assert store.card["files"]["count"] == 0


def test_refused(tasks, out):
    with pytest.raises(DataError, match="here: no clip is left, 2 were dropped; the first, task-0"):
        prepared(out, [tasks[2], tasks[5]])
    with pytest.raises(DataError, match="here: no clip is left, 0 were dropped"):
        prepared(out, [])
    with pytest.raises(ConfigError, match="nan='ignore'"):
        prepared(out, tasks, nan="ignore")
    with pytest.raises(DataError, match="2 channels, but the clips before it 3"):
        np.save(tasks[3], array(1, 2, 2))
        prepared(out, tasks)
    assert left(out) == []
    prepared(out, tasks[:2])
    with pytest.raises(DataError, match="exists already"):
        prepared(out, tasks)
    assert len(prepared(out, tasks[:1], overwrite=True)) == 1 and left(out) == ["store"]


def test_file_that_cannot_be_read_is_not_taken_for_a_bad_clip(tasks, out):
    def read(path):
        raise PermissionError(f"{path}: not yours")

    with pytest.raises(PermissionError, match="not yours"):
        prepared(out, tasks, read=read)
    assert not ClipStore.exists(out)


# Killed ----------------------------------------------------------------------------------------


def killed(out: Path, tasks: list[Path], **settings) -> None:
    """Prepares in a child that kills itself."""
    if (child := os.fork()) == 0:
        try:
            prepared(out, tasks, **settings)
        finally:
            os._exit(1)
    assert os.waitpid(child, 0)[1] == signal.SIGKILL


def die(*_, **__):
    os.kill(os.getpid(), signal.SIGKILL)


@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_killed_at_any_moment(tasks, out, tmp_path, monkeypatch):
    wanted = prepared(tmp_path / "reference", tasks).content_hash
    for place in ("task-00", "task-04", "task-08"):
        killed(out, tasks, read=Reader(place))
        assert not out.exists() and len(left(out)) == 2  # the journal and the lock
    places = [
        (Journal, "clips"),
        (prepare, "write_checked"),
        (Path, "rename"),  # the store is whole, and has not its name yet
        (Journal, "remove"),
    ]
    for owner, name in places:
        with monkeypatch.context() as patch:
            patch.setattr(owner, name, die)
            killed(out, tasks)
        assert ClipStore.exists(out) == (name == "remove")
    assert ClipStore(out).content_hash == wanted
    assert prepared(out, tasks, overwrite=True).content_hash == wanted and left(out) == ["store"]


@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_finished_parts_are_not_read_again(tasks, out, tmp_path):
    killed(out, tasks, read=Reader("task-06"))
    read = []

    def counting(path):
        read.append(path.stem)
        return list(Reader()(path))

    counting_reader = type("Counting", (), {"__call__": lambda _, p: counting(p)})()
    type(counting_reader).__repr__ = lambda _: "Reader()"
    os.utime(tasks[0], ns=(1, 1))  # a file has changed: the parts are of no use
    assert len(prepared(out, tasks, read=counting_reader)) == 12
    assert len(read) == 9
    read.clear()
    killed(out, tasks, read=Reader("task-06"), overwrite=True)
    (journal,) = out.parent.glob(".store.*.journal")
    (part,) = journal.glob("000003-*")
    data = bytearray((part / "pos.npy").read_bytes())
    data[-1] ^= 1
    (part / "pos.npy").write_bytes(data)
    (journal / ".half.part").mkdir()
    store = prepared(out, tasks, read=counting_reader, overwrite=True)
    assert read == ["task-03", "task-06", "task-07", "task-08"], "a damaged part is read again"
    store.verify()


def test_ctrl_c_leaves_a_journal(tasks, out):
    def read(path):
        if path.stem == "task-04":
            raise KeyboardInterrupt
        return list(Reader()(path))

    with pytest.raises(KeyboardInterrupt):
        prepared(out, tasks, read=read)
    assert [name.endswith(".journal") for name in left(out)] == [True]
    assert len(prepared(out, tasks)) == 12 and left(out) == ["store"]


def test_worker_that_dies(tasks, out):
    with pytest.raises(DataError, match="a worker process died"):
        prepared(out, tasks, read=Reader("task-04"), workers=2)
    assert not ClipStore.exists(out)
    assert len(prepared(out, tasks, workers=2)) == 12 and left(out) == ["store"]


SCRIPT = """
import sys
from pathlib import Path
from prepare_helpers import Reader, prepared
if __name__ == "__main__":
    tasks = sorted(Path(sys.argv[1]).glob("*.npy"))
    prepared(Path(sys.argv[2]), tasks, read=Reader("task-07", True, 0.05), workers=2)
"""


def test_killed_with_workers(tasks, out, tmp_path):
    (tmp_path / "run.py").write_text(SCRIPT)
    path = os.pathsep.join(path for path in sys.path if path)
    with subprocess.Popen(
        [sys.executable, tmp_path / "run.py", tasks[0].parent, out],
        env={**os.environ, "PYTHONPATH": path},
    ) as process:
        most = 0
        while process.poll() is None:
            most = max(most, len(_of_folder(tmp_path)))
            time.sleep(0.02)
    assert process.returncode == -signal.SIGKILL and not out.exists() and most >= 4
    (journal,) = out.parent.glob(".store.*.journal")
    assert len(list(journal.glob("00000?.json"))) >= 5
    wanted = prepared(tmp_path / "reference", tasks).content_hash
    assert prepared(out, tasks, workers=2).content_hash == wanted and left(out) == ["store"]
    deadline = time.monotonic() + 10
    while (orphans := _of_folder(tmp_path)) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not orphans, "workers end with the process that started them"


def _of_folder(folder: Path) -> list[str]:
    """The processes that were started by a script in a folder."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):  # it has ended meanwhile
            if f"{folder}" in (process / "cmdline").read_text(errors="replace"):
                found.append(process.name)
    return found


# Several processes -----------------------------------------------------------------------------


def test_processes_take_turns(tasks, out, caplog):
    read = []

    def reader(path):
        read.append(path)
        time.sleep(0.05)
        return list(Reader()(path))

    found = []

    def run():
        found.append(prepared(out, tasks, read=reader))

    threads = [threading.Thread(target=run) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(read) == len(tasks), "who waits opens what the other wrote"
    assert len({store.content_hash for store in found}) == 1 and left(out) == ["store"]
    assert "another process prepares it; waiting" in caplog.text


def test_another_store_meanwhile(tasks, out):
    def read(path):
        write_store(out, [Clip(array(1, 1))], STICK, overwrite=True)
        return list(Reader()(path))

    with pytest.raises(DataError, match="another process wrote another store"):
        prepared(out, tasks[:1], read=read)
    with locked(out) as waited:
        assert not waited


def test_damaged_store_is_not_overwritten_unasked(tasks, out):
    prepared(out, tasks)
    (out / "index.npz").write_bytes(b"")
    with pytest.raises(DataError, match="exists already"):
        prepared(out, tasks)
    with pytest.raises(SkeletonFormatError):
        ClipStore(out)
    assert len(prepared(out, tasks, overwrite=True)) == 12


def test_a_clip_is_checked_once_and_written_twice(tasks, out, monkeypatch):
    """The second writing, of finished parts into the store, is what makes a kill harmless."""
    checked, added = [], []
    check, add = clip_checks.checked_clip, StoreWriter.add
    monkeypatch.setattr(
        clip_checks, "checked_clip", lambda clip, s: checked.append(clip.name) or check(clip, s)
    )
    monkeypatch.setattr(StoreWriter, "add", lambda s, clip: added.append(clip.name) or add(s, clip))
    store = prepared(out, tasks)
    assert sorted(checked) == sorted(store.names)
    assert sorted(added) == sorted([*store.names, *store.names])
