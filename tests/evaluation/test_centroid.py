from __future__ import annotations

import math

import pytest
import torch
from evaluation_helpers import blobs
from sklearn.neighbors import NearestCentroid
from torch.nn.functional import normalize

from pyg_skeletonmae.errors import DataError
from pyg_skeletonmae.evaluation import Features, centroid


def features(angles: list[float], y: list[int]) -> Features:
    turn = torch.tensor(angles).deg2rad()
    x = torch.stack([turn.cos(), turn.sin()], 1)
    return Features(x, torch.tensor(y), torch.zeros(len(y), dtype=torch.long))


def test_means_computed_by_hand():
    train = features([0, 20, 100], [0, 0, 2])
    found = centroid(train, features([40, 80], [0, 0]))
    expected = [[math.cos(math.radians(angle - mean)) for mean in (10, 100)] for angle in (40, 80)]
    torch.testing.assert_close(found["logits"][:, [0, 2]], torch.tensor(expected).double())
    assert found["logits"][:, 1].tolist() == [-math.inf] * 2
    assert (found["top1"], found["top5"], found["per_class"]) == (0.5, 1.0, {0: 0.5})
    assert "notes" not in found


def test_it_agrees_with_scikit_learn_on_the_sphere():
    train, test = blobs(90, seed=1), blobs(300, seed=2)
    found = centroid(train, test)
    model = NearestCentroid().fit(normalize(train.x.double()), train.y)
    means = normalize(torch.from_numpy(model.centroids_))
    expected = torch.cdist(normalize(test.x.double()), means).argmin(1)
    assert found["logits"].argmax(1).equal(expected)
    assert found["top1"] == pytest.approx(float((expected == test.y).double().mean()))


def test_the_lengths_of_features_do_not_matter():
    train, test = blobs(60, seed=1), blobs(60, seed=2)
    longer = Features(train.x * torch.rand(60, 1).add(0.1), train.y, train.subject)
    torch.testing.assert_close(
        centroid(longer, test)["logits"], centroid(train, test)["logits"], rtol=1e-5, atol=1e-6
    )


def test_a_class_without_training_clips_is_noted_and_never_guessed():
    found = centroid(features([0, 90], [0, 1]), features([0, 45], [0, 2]))
    assert found["top1"] == 0.5 and len(found["notes"]) == 1
    with pytest.raises(DataError, match="do not compare"):
        centroid(features([0], [0]), blobs())
    with pytest.raises(DataError, match="class of every clip"):
        centroid(features([0], [-1]), features([0], [0]))
