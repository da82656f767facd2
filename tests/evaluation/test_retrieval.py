from __future__ import annotations

import pytest
import torch
from evaluation_helpers import blobs
from sklearn.metrics import label_ranking_average_precision_score
from sklearn.neighbors import NearestNeighbors
from torch.nn.functional import normalize

from pyg_skeletonmae.errors import ConfigError, DataError
from pyg_skeletonmae.evaluation import Features, retrieval


def features(angles: list[float], y: list[int]) -> Features:
    turn = torch.tensor(angles).deg2rad()
    x = torch.stack([turn.cos(), turn.sin()], 1)
    return Features(x, torch.tensor(y), torch.zeros(len(y), dtype=torch.long))


def test_a_ranking_computed_by_hand():
    gallery = features([10, 20, 30, 40], [1, 0, 1, 0])
    query = features([0, 50], [0, 0])
    found = retrieval(gallery, query, (1, 2))
    # From 0 degrees the classes come 1 0 1 0, from 50 degrees 0 1 0 1.
    assert found["map"] == pytest.approx(((1 / 2 + 2 / 4) / 2 + (1 + 2 / 3) / 2) / 2)
    assert (found["recall1"], found["recall2"]) == (0.5, 1.0)


def test_it_agrees_with_scikit_learn():
    gallery, query = blobs(90, seed=1), blobs(300, seed=2)  # more queries than a chunk
    found = retrieval(gallery, query)
    known, asked = normalize(gallery.x.double()), normalize(query.x.double())
    relevant = (query.y[:, None] == gallery.y).numpy()
    mean = label_ranking_average_precision_score(relevant, (asked @ known.T).numpy())
    assert found["map"] == pytest.approx(mean)
    model = NearestNeighbors(metric="cosine", algorithm="brute").fit(known)
    for k in (1, 5, 10):
        near = model.kneighbors(asked, k, return_distance=False)
        hit = (gallery.y[torch.from_numpy(near)] == query.y[:, None]).any(1)
        assert found[f"recall{k}"] == pytest.approx(float(hit.double().mean()))


def test_a_class_that_is_not_in_the_gallery_is_never_found():
    gallery, query = features([0, 90], [0, 1]), features([0, 0], [0, 2])
    assert retrieval(gallery, query, (1, 2)) == {"map": 0.5, "recall1": 0.5, "recall2": 0.5}


def test_bad_input():
    gallery = features([0, 90], [0, 1])
    with pytest.raises(ConfigError, match="recall_at 5: expected 1 to 2"):
        retrieval(gallery, gallery)
    with pytest.raises(DataError, match="do not compare"):
        retrieval(gallery, blobs(), (1,))
