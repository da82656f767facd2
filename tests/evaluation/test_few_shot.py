from __future__ import annotations

import pytest
import torch
from evaluation_helpers import blobs
from sklearn.neighbors import KNeighborsClassifier

from pyg_skeletonmae.errors import ConfigError, DataError
from pyg_skeletonmae.evaluation import Features, few_shot


def test_classes_apart_are_told_apart():
    found = few_shot(blobs(200, spread=0.05), 4, 1, 5, episodes=20)
    assert found == {"top1": 1.0, "interval": 0.0}


def test_noise_is_guessed_within_the_interval():
    generator = torch.Generator().manual_seed(0)
    y = torch.arange(400) % 5
    x = torch.randn(400, 6, generator=generator)
    found = few_shot(Features(x, y, y), ways=5, shots=1, queries=10, episodes=400)
    assert abs(found["top1"] - 0.2) < 2 * found["interval"] < 0.04


def test_one_shot_is_the_nearest_neighbour():
    """Two classes of one clip each as examples, one each to classify: episodes of four clips."""
    blob = blobs(60, classes=2, dim=3, seed=3)
    clips = [(blob.y == label).nonzero().flatten()[:2] for label in (0, 1)]
    four = blob.select(torch.cat(clips))
    found = few_shot(four, 2, 1, 1, episodes=400)["top1"]
    exact = []
    for a in (0, 1):
        for b in (2, 3):
            model = KNeighborsClassifier(1, metric="cosine", algorithm="brute")
            model.fit(four.x[[a, b]], four.y[[a, b]])
            rest = [1 - a, 5 - b]
            exact.append(model.score(four.x[rest], four.y[rest]))
    assert found == pytest.approx(sum(exact) / 4, abs=0.06)


def test_seeds_draw_episodes_and_shots_help():
    blob = blobs(300, spread=1.0)
    once = few_shot(blob, 3, 1, 5, 50, seed=1)
    assert once == few_shot(blob, 3, 1, 5, 50, seed=1) != few_shot(blob, 3, 1, 5, 50, seed=2)
    assert few_shot(blob, 3, 10, 5, 50, seed=1)["top1"] > once["top1"]


def test_bad_input():
    with pytest.raises(ConfigError, match="ways=1"):
        few_shot(blobs(), ways=1)
    with pytest.raises(DataError, match="5 classes with 16 clips each are needed, found 4"):
        few_shot(blobs())


def test_the_seed_is_zero_unless_said():
    clips = blobs(n=120, seed=0)
    settings = {"ways": 2, "queries": 5, "episodes": 7}
    assert few_shot(clips, **settings) == few_shot(clips, **settings, seed=0)
    assert few_shot(clips, **settings) != few_shot(clips, **settings, seed=1)
