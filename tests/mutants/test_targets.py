"""Each file has tests, and the table names files that are there."""

from __future__ import annotations

import pytest

from mutants.targets import PACKAGE, TARGETS, TESTS, suite


@pytest.mark.parametrize("file", TARGETS)
def test_the_files_are_there(file: str) -> None:
    assert (PACKAGE / file).is_file()
    for name in suite(file):
        assert (TESTS / name).is_file(), name


def test_its_own_tests_come_first() -> None:
    assert suite("training/optim_state.py")[0] == "training/test_optim_state.py"
