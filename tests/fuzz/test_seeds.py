from __future__ import annotations

import pytest

from fuzz.targets import TARGETS


@pytest.mark.parametrize("name", TARGETS)
def test_seed_files_are_the_same_at_any_time_and_small(name):
    files = TARGETS[name].seeds()
    assert files == TARGETS[name].seeds()
    assert len({tuple(sorted(folder.items())) for folder in files}) == len(files) > 0
    assert sum(len(data) for folder in files for data in folder.values()) < 40_000
