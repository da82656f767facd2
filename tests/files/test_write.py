from __future__ import annotations

import errno
import os
import re
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace

import pytest

import pyg_skeletonmae
from pyg_skeletonmae.files import write
from pyg_skeletonmae.files.write import write_file, write_folder, write_text

PACKAGE = Path(pyg_skeletonmae.__file__).parent


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def run_and_die(code: str, folder: Path) -> None:
    """Runs code that kills its own process with `die()`."""
    head = (
        "import os, signal, sys\nfrom pathlib import Path\n"
        "from pyg_skeletonmae.files import write\n"
        "def die(*_): os.kill(os.getpid(), signal.SIGKILL)\n"
        f"folder = Path({str(folder)!r})\n"
    )
    done = subprocess.run([sys.executable, "-c", head + code], check=False)
    assert done.returncode == -signal.SIGKILL


def test_a_file_is_written_whole_and_its_folder_made(tmp_path):
    path = tmp_path / "new" / "ü.txt"
    write_text(path, "één\n")
    write_file(str(path), lambda file: file.write(b"zwei\n"))
    assert path.read_text(encoding="utf-8") == "zwei\n" and names(path.parent) == ["ü.txt"]


def test_what_is_no_plain_file_is_not_replaced(tmp_path):
    place = tmp_path / "a.csv"
    for make, kind in ((place.mkdir, "Is a directory"), (lambda: os.mkfifo(place), "a pipe, not")):
        make()
        before = place.stat().st_ino
        for asked in ({}, {"previous": place}):
            path = tmp_path / "b.csv" if asked else place
            with pytest.raises(OSError, match=f"{kind}.*: '{place}'"):
                write_file(path, lambda file: file.write(b"text"), **asked)
        assert names(tmp_path) == ["a.csv"] and place.stat().st_ino == before
        place.rmdir() if place.is_dir() else place.unlink()
    place.symlink_to("b.csv")  # which is not there
    write_text(place, "text")
    assert place.read_text() == "text"


def test_what_was_there_may_keep_another_name(tmp_path):
    for text in ("eins", "zwei", "drei"):
        write_file(tmp_path / "a", lambda file, t=text: file.write(t.encode()), tmp_path / "b")
    assert (tmp_path / "a").read_text() == "drei" and (tmp_path / "b").read_text() == "zwei"
    with pytest.raises(ZeroDivisionError):
        write_file(tmp_path / "a", lambda file: 1 / 0, tmp_path / "b")
    assert (tmp_path / "a").read_text() == "drei" and names(tmp_path) == ["a", "b"]


def test_a_name_as_long_as_a_disk_takes(tmp_path):
    write_text(tmp_path / ("x" * 255), "a")
    with write_folder(tmp_path / ("y" * 255)) as folder:
        write_text(folder / "a", "a")
    assert names(tmp_path) == ["x" * 255, "y" * 255]


@pytest.mark.parametrize("error", [ZeroDivisionError, KeyboardInterrupt, OSError(28, "full")])
def test_after_an_error_the_old_file_stands_alone(tmp_path, error):
    def fail(file):
        file.write(b"half")
        raise error

    for old in (None, "old"):
        if old:
            write_text(tmp_path / "x", old)
        with pytest.raises(error if isinstance(error, type) else OSError):
            write_file(tmp_path / "x", fail)
        assert names(tmp_path) == (["x"] if old else [])
    assert (tmp_path / "x").read_text() == "old"


@pytest.mark.parametrize("overwrite", [False, True])
@pytest.mark.parametrize("error", [ZeroDivisionError, KeyboardInterrupt])
def test_after_an_error_the_old_folder_stands_alone(tmp_path, error, overwrite):
    for old in (False, True):
        if old:
            write_text(tmp_path / "x" / "a", "old")
        with pytest.raises(error), write_folder(tmp_path / "x", overwrite) as folder:
            write_text(folder / "a", "half")
            raise error
        assert names(tmp_path) == (["x"] if old else [])
    assert (tmp_path / "x" / "a").read_text() == "old"


def test_a_folder_is_replaced_on_demand_only(tmp_path):
    path = tmp_path / "x"
    path.mkdir()  # an empty one is no folder to keep
    with write_folder(path) as folder:
        assert folder.parent == tmp_path and not list(folder.iterdir())
        write_text(folder / "deep" / "a", "1")
    with pytest.raises(FileExistsError), write_folder(path) as folder:
        write_text(folder / "b", "2")
    assert names(tmp_path) == ["x"] and names(path) == ["deep"]
    with write_folder(path, overwrite=True) as folder:
        write_text(folder / "b", "2")
    assert names(tmp_path) == ["x"] and names(path) == ["b"]


@pytest.fixture
def no_exchange(monkeypatch):
    """A system that cannot exchange two names."""
    monkeypatch.setattr(write, "exchange", lambda one, other: False)


def test_a_link_to_a_folder_is_replaced_and_what_it_means_stays(tmp_path):
    write_text(tmp_path / "real" / "a", "old")
    (tmp_path / "x").symlink_to("real")
    with write_folder(tmp_path / "x", overwrite=True) as folder:
        write_text(folder / "a", "new")
    assert (tmp_path / "x" / "a").read_text() == "new" and names(tmp_path) == ["real", "x"]
    assert (tmp_path / "real" / "a").read_text() == "old"


def test_two_names_are_exchanged_at_once(tmp_path):
    (tmp_path / "a").mkdir()
    write_text(tmp_path / "b" / "c", "text")
    if not write.exchange(tmp_path / "a", tmp_path / "b"):
        pytest.skip("a file system that cannot")
    assert names(tmp_path / "a") == ["c"] and names(tmp_path / "b") == []
    assert not write.exchange(tmp_path / "a", tmp_path / "nowhere")


def test_a_folder_is_replaced_where_names_cannot_be_exchanged(tmp_path, no_exchange):
    for text in ("eins", "zwei"):
        with write_folder(tmp_path / "x", overwrite=True) as folder:
            write_text(folder / text, text)
    assert names(tmp_path) == ["x"] and names(tmp_path / "x") == ["zwei"]


def test_the_old_folder_is_there_until_the_new_one_has_its_name(tmp_path, monkeypatch, no_exchange):
    path = tmp_path / "x"
    write_text(path / "a", "old")
    rename = Path.rename

    def refuse(self, target):
        if self.suffix == ".partial":
            raise PermissionError(13, "no")
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", refuse)
    with pytest.raises(PermissionError), write_folder(path, overwrite=True) as folder:
        write_text(folder / "a", "new")
    assert names(tmp_path) == ["x"] and (path / "a").read_text() == "old"


def test_files_and_the_folder_above_are_flushed_before_and_after_the_rename(tmp_path, monkeypatch):
    events = []
    fsync, rename = os.fsync, Path.rename

    def note(descriptor):
        events.append(Path(f"/proc/self/fd/{descriptor}").readlink().name)
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", note)
    monkeypatch.setattr(Path, "rename", lambda a, b: (events.append("rename"), rename(a, b))[1])
    write_text(tmp_path / "x", "")
    assert re.fullmatch(r"\.x\..*\.partial", events[0]) and events[1:] == [tmp_path.name]
    events.clear()
    with write_folder(tmp_path / "y") as folder:
        (folder / "a").write_text("a")
    assert events[0] == "a" and re.fullmatch(r"\.y\..*\.partial", events[1])
    assert events[2:] == ["rename", tmp_path.name]


def test_what_killed_processes_left_is_removed(tmp_path):
    run_and_die("write.write_file(folder / 'x', die)", tmp_path)
    run_and_die("with write.write_folder(folder / 'y'): die()", tmp_path)
    assert [name.endswith(".partial") for name in names(tmp_path)] == [True, True]
    other = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    living = tmp_path / f"{write._stem(tmp_path / 'x')}.{other.pid}.0.partial"
    living.write_text("being written")
    write_text(tmp_path / "x", "a")
    with write_folder(tmp_path / "y") as folder:
        write_text(folder / "a", "a")
    assert names(tmp_path) == sorted([living.name, "x", "y"])
    other.communicate(b"\n")


def test_what_an_earlier_process_of_the_same_number_left_is_removed(tmp_path):
    (tmp_path / f"{write._stem(tmp_path / 'x')}.{os.getpid()}.123456.partial").mkdir()
    write_text(tmp_path / "x", "a")
    assert names(tmp_path) == ["x"]


def test_what_was_left_under_other_names_is_removed_when_it_is_old(tmp_path):
    run_and_die("write.write_file(folder / 'other', die)", tmp_path)
    run_and_die(
        "with write.write_folder(folder / 'store') as f: (f / 'a').touch(); die()", tmp_path
    )
    partial = names(tmp_path)
    write_text(tmp_path / "x", "a")
    assert names(tmp_path) == [*partial, "x"], "a container may write there"
    for path in (*tmp_path.glob("*.partial"), *tmp_path.glob("*.partial/*")):
        os.utime(path, (1, time.time() - 4000))
    old = tmp_path / partial[0].replace(".partial", ".old")
    old.mkdir()
    os.utime(old, (1, 1))
    (written,) = tmp_path.glob(".store*.partial/a")
    written.write_text("")
    write_text(tmp_path / "x", "a")
    assert names(tmp_path) == sorted([old.name, partial[1], "x"])
    os.utime(written, (1, 1))
    write_text(tmp_path / "x", "a")
    assert names(tmp_path) == [old.name, "x"]


def test_a_process_killed_between_the_renames_leaves_the_old_folder_to_the_next(tmp_path):
    write_text(tmp_path / "x" / "a", "old")
    run_and_die(
        "write.exchange = lambda one, other: False\n"
        "rename = Path.rename\n"
        "Path.rename = lambda a, b: die() if a.suffix == '.partial' else rename(a, b)\n"
        "with write.write_folder(folder / 'x', True): pass",
        tmp_path,
    )
    assert not (tmp_path / "x").exists()
    with pytest.raises(FileExistsError), write_folder(tmp_path / "x"):
        pass
    assert names(tmp_path) == ["x"] and (tmp_path / "x" / "a").read_text() == "old"


def test_names_are_exchanged_in_the_working_folder(tmp_path, monkeypatch):
    (tmp_path / "a").mkdir()
    write_text(tmp_path / "b" / "c", "text")
    if not write.exchange(tmp_path / "a", tmp_path / "b"):
        pytest.skip("a file system that cannot")
    monkeypatch.chdir(tmp_path)
    assert write.exchange(Path("a"), Path("b"))
    assert names(Path("a")) == [] and names(Path("b")) == ["c"]
    monkeypatch.setattr("sys.platform", "win32")
    assert write.exchange(Path("a"), Path("b")) is False


@pytest.mark.parametrize(
    ("platform", "call", "numbers"),
    [("linux", "renameat2", (-100, -100, 2)), ("darwin", "renamex_np", (2,))],
)
def test_how_each_system_is_asked_to_exchange(monkeypatch, platform, call, numbers):
    """By the numbers of its headers; where the library of C knows no such call, nothing is done."""
    monkeypatch.setattr("sys.platform", platform)
    calls = []
    library = SimpleNamespace(**{call: lambda *said: calls.append(said) or 0})
    monkeypatch.setattr(write.ctypes, "CDLL", lambda name: library)
    assert write.exchange(Path("a"), Path("b"))
    (said,) = calls
    assert [word for word in said if isinstance(word, bytes)] == [b"a", b"b"]
    assert tuple(word for word in said if isinstance(word, int)) == numbers
    library.__dict__.clear()
    assert write.exchange(Path("a"), Path("b")) is False


def test_folders_above_are_made_and_nothing_is_in_use_afterwards(tmp_path):
    before = names(Path("/proc/self/fd"))
    write_text(tmp_path / "deep" / "er" / "x", "a")
    write_text(tmp_path / "deep" / "er" / "x", "b")
    assert names(tmp_path / "deep" / "er") == ["x"] and not write._in_use
    assert len(names(Path("/proc/self/fd"))) == len(before)
    assert write._age(tmp_path / "gone") == 0.0


@pytest.mark.parametrize(("number", "heard"), [(errno.EIO, True), (errno.EINVAL, False)])
def test_a_disk_that_cannot_be_flushed(tmp_path, monkeypatch, number, heard):
    def refuse(descriptor):
        raise OSError(number, "no")

    (tmp_path / "x").touch()
    monkeypatch.setattr(os, "fsync", refuse)
    for write_it in (lambda: write._flush(tmp_path / "x"), lambda: write._flush(tmp_path)):
        if heard:
            with pytest.raises(OSError, match="no"):
                write_it()
        else:
            write_it()


def test_errors_that_name_their_file_keep_it():
    with pytest.raises(FileNotFoundError) as error, write.naming("other"):
        raise FileNotFoundError(errno.ENOENT, "no", "this")
    assert error.value.filename == "this"
    with pytest.raises(OSError, match="no") as error, write.naming("other"):
        raise OSError(errno.ENOSPC, "no")
    assert error.value.filename == "other"


def test_threads_that_write_the_same_place(tmp_path):
    def replace(number):
        write_text(tmp_path / "x", str(number) * 1000)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(replace, range(10)))
    assert names(tmp_path) == ["x"] and len(set((tmp_path / "x").read_text())) == 1


def test_nothing_else_is_renamed_or_flushed_by_hand():
    """One place for writing whole files and folders."""
    by_hand = re.compile(
        r"os\.(?:replace|rename|fsync)\(|\w\.rename\(|beside\.replace|mkdtemp\(pre"
    )
    found = {
        str(path.relative_to(PACKAGE))
        for path in PACKAGE.rglob("*.py")
        if by_hand.search(path.read_text(encoding="utf-8"))
    }
    assert found == {"files/write.py"}
