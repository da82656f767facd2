"""A command line in a process of its own, and where it dies."""

from __future__ import annotations

import signal

import numpy as np
import pytest
from soak.processes import ALIVE, Kill, run_line

pytestmark = pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
FILES = 12


@pytest.fixture
def prepare(tmp_path):
    """``prepare(kill)`` of a dozen arrays."""
    (tmp_path / "files").mkdir()
    for number in range(FILES):
        np.save(tmp_path / "files" / f"{number}.npy", np.ones((1, 3, 17, 2)) + number)
    (tmp_path / "place").mkdir()
    line = ("prepare", "poses", "--root=../files", "--out=out", "--format=arrays",
            "--skeleton=coco17", "--workers=0")  # fmt: skip
    return lambda kill=ALIVE: run_line(line, tmp_path / "place", kill)


def test_changes_of_the_disk_are_counted(prepare, tmp_path):
    ended = prepare()
    assert ended.code == 0, (tmp_path / "said.txt").read_text()
    assert ended.boundaries > 4 * FILES and ended.seconds > 0 and not ended.place
    again = prepare()
    assert again.code == 0 and again.boundaries < ended.boundaries


def test_it_dies_before_a_change(prepare, tmp_path):
    ended = prepare(Kill(boundary=1))
    assert ended.code == -signal.SIGKILL and ended.place.startswith("before change 1, ")
    assert list((tmp_path / "place").iterdir()) == []


def test_a_flush_finds_half_a_file(prepare, tmp_path):
    places = [prepare(Kill(number, 0.5)).place for number in range(5, 40)]
    assert any("fsync" in place and "50% of" in place for place in places)
    assert prepare().code == 0


@pytest.mark.parametrize("clock", [True, False])
def test_it_dies_after_a_time(prepare, clock):
    ended = prepare(Kill(seconds=0.0, clock=clock))
    assert ended.code == -signal.SIGKILL and ended.place.startswith("after 0.0")
