from dataclasses import dataclass
from pathlib import Path

from data_helpers import STICK
from prepare_helpers import CLASSES, Reader, write_tasks

from pyg_skeletonmae.datasets import ClipStore
from pyg_skeletonmae.datasets.prepare.journal import Journal
from pyg_skeletonmae.datasets.prepare.part import Job, PartWriter
from pyg_skeletonmae.datasets.store.clips import Note
from pyg_skeletonmae.files.manifest import file_hash


def test_part(tmp_path):
    jobs = [Job(path.stem, path, (path,)) for path in write_tasks(tmp_path / "raw")]
    journal = Journal(tmp_path / "s", "0" * 64, 2)
    journal.begin()
    write = PartWriter(journal, Reader(), STICK, tuple(CLASSES), "error")
    assert write(0, jobs[:6]) == 6 and write(1, [jobs[5]]) == 1
    report = journal.report(0)
    assert ClipStore(journal.folder / report.store).names == (
        "task-00", "task-01", "task-01-1", "task-03", "task-04", "task-04-1",
    )  # fmt: skip
    assert report.dropped == [
        ["task-02", "nobody moves"],
        ["task-05", "the file: expected an array, found damage"],
    ]
    assert report.files == [[job.files[0].name, file_hash(job.files[0])[1]] for job in jobs[:6]]
    assert journal.report(1).store == "", "there may be nothing left of a part"
    assert journal.begin() == []


def test_two_processes_at_one_part(tmp_path):
    jobs = [Job(path.stem, path, (path,)) for path in write_tasks(tmp_path / "raw", 2)]
    journal = Journal(tmp_path / "s", "0" * 64, 1)
    journal.begin()
    write = PartWriter(journal, Reader(), STICK, tuple(CLASSES), "error")
    stores = {(write(0, jobs), journal.report(0).store) for _ in range(2)}
    assert len(stores) == 2 and journal.begin() == []
    assert len(list(journal.folder.iterdir())) == 2, "the report and the store it names"


def test_missing_file_is_the_readers_business(tmp_path):
    path = write_tasks(tmp_path / "raw", 1)[0]
    journal = Journal(tmp_path / "s", "0" * 64, 1)
    journal.begin()
    PartWriter(journal, Reader(), STICK, None, "error")(
        0, [Job("a", path, (path, tmp_path / "none"))]
    )
    assert len(journal.report(0).files) == 1


@dataclass(frozen=True)
class Decides:
    """Notes what it did with each task, and has no memory for the second."""

    def __call__(self, path: Path):
        if path.stem.endswith("1"):
            raise MemoryError
        yield Note(path.stem, "guessed")
        yield from Reader()(path)


def test_notes_and_memory(tmp_path):
    jobs = [Job(path.stem, path, ()) for path in write_tasks(tmp_path / "raw", 2)]
    journal = Journal(tmp_path / "s", "0" * 64, 1)
    journal.begin()
    PartWriter(journal, Decides(), STICK, tuple(CLASSES), "error")(0, jobs)
    report = journal.report(0)
    assert report.notes == [["task-00", "guessed"]]
    assert report.dropped == [["task-01", "takes more memory than there is"]]
