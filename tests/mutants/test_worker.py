"""A package of one file, and what its tests make of changes to it."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import pytest

from mutants.worker import Worker

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the limits are those of Linux")

SOURCE = "def double(a):\n    return a + a\n"
TEST = "from toy_package.sums import double\n\ndef test_double():\n    assert double(3) == 6\n"


@pytest.fixture
def worker(tmp_path: Path) -> Worker:
    package, tests = tmp_path / "toy_package", tmp_path / "tests"
    for folder in (package, tests):
        folder.mkdir()
    (package / "__init__.py").touch()
    (package / "sums.py").write_text(SOURCE)
    (tests / "test_sums.py").write_text(TEST)
    return Worker(package, tests, tmp_path / "work")


def end(worker: Worker, source: str, seconds: float = 20) -> str:
    worker.start("sums.py", source, ["test_sums.py"], seconds=seconds)
    while (how := worker.poll()) is None:
        time.sleep(0.01)
    return how


@pytest.mark.parametrize(
    ("source", "how"),
    [
        (SOURCE, "passed"),
        (SOURCE.replace("+", "-"), "test"),
        (SOURCE.replace("double", "half"), "import"),
        ("import os\nos.abort()", "died"),
    ],
)
def test_how_it_ends(worker: Worker, source: str, how: str) -> None:
    assert end(worker, source) == how
    assert (worker.package / "sums.py").read_text() == SOURCE
    assert (worker.copy / "sums.py").read_text() == SOURCE
    assert sorted(path.name for path in worker.folder.iterdir()) == ["copy", "log"]


def test_a_loop_without_end_is_stopped(worker: Worker) -> None:
    assert end(worker, "while True:\n    pass", seconds=0) == "time"


def test_a_package_from_elsewhere_is_an_error(worker: Worker) -> None:
    (worker.tests / "test_sums.py").write_text("def test_nothing():\n    pass\n")
    with pytest.raises(RuntimeError, match="toy_package from elsewhere"):
        end(worker, SOURCE)


def test_repr(worker: Worker) -> None:
    assert repr(worker) == "Worker(toy_package)"
