import multiprocessing
import time

import pytest
from data_helpers import STICK, some_clips

from pyg_skeletonmae.datasets import write_store
from pyg_skeletonmae.datasets.prepare.journal import Journal, Report, locked, prepared

PLAN = "0123456789abcdef" * 4


@pytest.fixture
def journal(tmp_path):
    journal = Journal(tmp_path / "s", PLAN, 3)
    assert journal.begin() == [0, 1, 2]
    return journal


def finish(journal, number, clips=()):
    name = ""
    if clips:
        name = f"part{number}"
        write_store(journal.folder / name, clips, STICK)
    report = Report(name, number, [("x", "bad")], [("x.npy", "ab")], 7)
    report.write(journal.path(number))


def test_goes_on(journal, tmp_path):
    assert repr(journal) == "Journal(.s.0123456789abcdef.journal, parts=3)"
    clips = some_clips()
    finish(journal, 0, clips[:2])
    finish(journal, 1)
    (journal.folder / "rest.part").mkdir()
    (journal.folder / "rest.json").write_text("{}")
    assert Journal(tmp_path / "s", PLAN, 3).begin() == [2]
    finish(journal, 2, clips[2:])
    assert journal.begin() == []
    assert [clip.name for clip in journal.clips()] == [clip.name for clip in clips]
    report = journal.report(1)
    assert (report.store, report.nan_joints, report.bytes) == ("", 1, 7)
    assert [list(row) for row in (*report.dropped, *report.files)] == [
        ["x", "bad"],
        ["x.npy", "ab"],
    ]
    journal.remove()
    assert not list(tmp_path.iterdir())


def test_another_plan(journal, tmp_path):
    finish(journal, 0, some_clips())
    (tmp_path / ".s.other.journal").mkdir()
    assert Journal(tmp_path / "s", PLAN[::-1], 3).begin() == [0, 1, 2]
    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == [".s.fedcba9876543210.journal", ".s.other.journal"]


@pytest.mark.parametrize("text", ["", "[]", "3", '{"stor": ""}', '{"store": 3}', '{"store": "x"}'])
def test_damaged_report(journal, text):
    journal.path(1).write_text(text)
    assert 1 in journal.begin()


def test_damaged_part(journal):
    finish(journal, 0, some_clips())
    (journal.folder / "part0" / "index.npz").write_bytes(b"")
    assert journal.begin() == [0, 1, 2] and not list(journal.folder.iterdir())


def hold(root, ready):
    with locked(root) as waited:
        assert not waited
        ready.set()
        time.sleep(60)


def test_lock_of_a_killed_process_is_free(tmp_path):
    context = multiprocessing.get_context("fork")
    ready = context.Event()
    process = context.Process(target=hold, args=(tmp_path / "s", ready))
    process.start()
    assert ready.wait(30)
    process.kill()
    process.join()
    assert [path.name for path in tmp_path.iterdir()] == [".s.lock"]
    with locked(tmp_path / "s") as waited:
        assert not waited
    assert not list(tmp_path.iterdir())


def test_what_is_left_beside_a_finished_store_is_removed(journal, tmp_path):
    """By a process that was killed between the store and the end, as its lock says."""
    assert not prepared(tmp_path / "s") and journal.folder.exists()
    write_store(tmp_path / "s", some_clips(), STICK)
    assert prepared(tmp_path / "s") and journal.folder.exists(), "nobody was killed"
    (tmp_path / ".s.lock").touch()
    assert prepared(tmp_path / "s")
    assert [path.name for path in tmp_path.iterdir()] == ["s"]
