from __future__ import annotations

import math

import pytest
from protocol_helpers import dataset_of

from pyg_skeletonmae.errors import ConfigError
from pyg_skeletonmae.evaluation import confidence_interval, semi_supervised


@pytest.fixture
def dataset(tmp_path):
    return dataset_of(40, tmp_path / "store")


def test_every_draw_is_measured_on_its_own_clips(dataset, tmp_path):
    seen = {}

    def measure(subset, name):
        seen[name] = list(subset.indices())
        return {"top1": 0.1 * len(seen), "other": 3.0}

    found = semi_supervised(measure, dataset, tmp_path / "labels", [0.1, 0.5], draws=3)
    assert list(seen) == [f"{share}-draw{i}" for share in ("0.1", "0.5") for i in range(3)]
    assert [len(own) for own in seen.values()] == [4] * 3 + [20] * 3
    assert set(seen["0.1-draw1"]) < set(seen["0.5-draw1"]) != set(seen["0.5-draw0"])
    mean, half = confidence_interval([0.1, 0.2, 0.30000000000000004])
    assert (found["top1_0.1"], found["interval_0.1"]) == (mean, half)
    assert found["top1_0.5_draw2"] == pytest.approx(0.6) and found["clips_0.5"] == 20
    again: dict[str, list[int]] = {}
    semi_supervised(
        lambda subset, name: again.update({name: list(subset.indices())}) or {"top1": 0.0},
        dataset,
        tmp_path / "labels",
        [0.1, 0.5],
        draws=3,
    )
    assert again == seen and len(list((tmp_path / "labels").iterdir())) == 6


def test_balanced_draws_and_a_single_one(dataset, tmp_path):
    labels = []
    found = semi_supervised(
        lambda subset, _: labels.extend(subset.labels.tolist()) or {"top1": 1.0},
        dataset,
        tmp_path,
        [0.2],
        draws=1,
        balanced=True,
    )
    assert sorted(labels) == [0] * 4 + [1] * 4 and math.isinf(found["interval_0.2"])


def test_bad_input(dataset, tmp_path):
    for fractions, draws in (([], 5), ([0.1], 0)):
        with pytest.raises(ConfigError, match="semi"):
            semi_supervised(lambda *_: {}, dataset, tmp_path, fractions, draws)
