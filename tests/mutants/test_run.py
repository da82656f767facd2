"""What is drawn, and the count and exit status of a short run."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Sequence

import pytest

from mutants.run import all_mutants, draw, equivalents
from mutants.targets import TARGETS, TESTS

FILE = "nn/ema.py"


def run(arguments: Sequence[str]) -> subprocess.CompletedProcess[str]:
    """In a process of its own, since it forks."""
    command = [sys.executable, "-m", "mutants.run", *arguments]
    path = os.pathsep.join([str(TESTS), str(TESTS.parent)])
    environment = {**os.environ, "PYTHONPATH": path}
    return subprocess.run(
        command, capture_output=True, text=True, check=False, cwd=TESTS.parent, env=environment
    )


def test_a_seed_draws_the_same() -> None:
    found = all_mutants([FILE])
    drawn = draw(found, 5, seed=3)
    assert len(drawn) == 5
    assert drawn == draw(found, 5, seed=3)
    assert drawn != draw(found, 5, seed=4)
    assert len(draw(found, 10**6, seed=3)) == len(found)


def test_there_is_enough_to_draw_from() -> None:
    assert len(all_mutants(list(TARGETS))) > 2000


def test_what_changes_nothing_has_its_reason_and_is_in_the_code() -> None:
    keys = {mutant.key for mutant in all_mutants(list(TARGETS))}
    for key, reason in equivalents().items():
        assert key in keys, f"{key} is no mutant of today's code: take it out of equivalent.yaml"
        assert len(reason) > 20


@pytest.mark.skipif(sys.platform != "linux", reason="the limits are those of Linux")
def test_a_short_run() -> None:
    done = run(["--files", FILE, "--n", "3"])
    assert re.search(r"^3 of \d+ mutants; ", done.stdout, flags=re.MULTILINE), done.stderr
    killed = re.search(r"^killed (\d) of 3 .*; \d+ s of processor time", done.stdout, re.MULTILINE)
    assert killed, done.stdout + done.stderr
    assert int(killed[1]) >= 1
    assert done.stdout.count("\nsurvived: nn/ema.py:") == 3 - int(killed[1])
    assert done.returncode == int(killed[1] != "3")
