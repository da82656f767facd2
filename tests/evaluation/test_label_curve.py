from __future__ import annotations

import pytest
from protocol_helpers import dataset_of

from pyg_skeletonmae.errors import ConfigError, DataError
from pyg_skeletonmae.evaluation import confidence_interval, label_curve


@pytest.fixture
def dataset(tmp_path):
    return dataset_of(40, tmp_path / "store")  # twenty of each class


def test_every_number_of_labels_is_measured_over_its_draws(dataset, tmp_path):
    seen = {}

    def measure(subset, name):
        seen[name] = set(subset.indices())
        return {"a": 0.1 * len(seen), "b": 1.0}

    found = label_curve(measure, dataset, tmp_path / "labels", [5, 1, 5], draws=2)
    assert list(seen) == ["1-draw0", "1-draw1", "5-draw0", "5-draw1", "all-draw0"]
    assert [len(own) for own in seen.values()] == [2, 2, 10, 10, 40]
    assert seen["1-draw1"] < seen["5-draw1"] != seen["5-draw0"]
    assert (found["labels"], found["clips"]) == ([1, 5, "all"], [2, 10, 40])
    mean, half = confidence_interval([0.1, 0.2])
    assert (found["top1"]["a"][0], found["interval"]["a"][0]) == (mean, half)
    assert found["interval"]["a"][2] is None and found["interval"]["b"] == [0.0, 0.0, None]
    assert found["draws"]["a"][2] == [0.5] and "notes" not in found
    assert len(list((tmp_path / "labels").iterdir())) == 4


def test_what_a_class_has_not_got_is_left_out_and_said(dataset, tmp_path):
    found = label_curve(lambda *_: {"a": 1.0}, dataset, tmp_path, [1, 21, 50], draws=1)
    assert found["labels"] == [1, "all"]
    assert found["notes"] == ["labels a class 21, 50: left out, a class has 20 training clips"]


def test_bad_input(dataset, tmp_path):
    for labels, draws in (([1], 0), ([0, 1], 2)):
        with pytest.raises(ConfigError, match="curve: expected a draw and labels"):
            label_curve(lambda *_: {"a": 1.0}, dataset, tmp_path, labels, draws)
    with pytest.raises(DataError, match="1-draw1: expected a, found b"):
        names = iter("ab")
        label_curve(lambda *_: {next(names): 1.0}, dataset, tmp_path, [1], draws=2)
