from __future__ import annotations

import copy

import numpy as np
import pytest

from fuzz.targets import TARGETS
from fuzz.worker import write_case


def arrays(value: object) -> list[np.ndarray]:
    """The arrays of numbers in a value."""
    if isinstance(value, np.ndarray):
        return [value] if value.dtype.kind in "if" and value.size > 3 else []
    if hasattr(value, "__dataclass_fields__"):
        value = [getattr(value, name) for name in value.__dataclass_fields__]
    if isinstance(value, dict):
        value = list(value.values())
    return [a for item in value for a in arrays(item)] if isinstance(value, list | tuple) else []


@pytest.mark.parametrize("name", [name for name, target in TARGETS.items() if target.plain])
def test_plain_readers_agree_with_ours_and_see_a_changed_number(tmp_path, name):
    target = TARGETS[name]
    for files in target.seeds():
        write_case(tmp_path, files)
        value = target.read(tmp_path)
        assert target.plain(tmp_path, value)
    if name == "pku_labels":
        return
    changed = copy.deepcopy(value)
    for array in arrays(changed):
        array[...] = array + 1
    assert not target.plain(tmp_path, changed)
