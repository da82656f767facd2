from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.metrics import top_k_accuracy_score

from pyg_skeletonmae.errors import ConfigError, DataError
from pyg_skeletonmae.evaluation import ensemble


@pytest.fixture
def scores():
    generator = torch.Generator().manual_seed(0)
    y = torch.arange(80) % 8
    truth = torch.nn.functional.one_hot(y, 8).float()
    return [truth + torch.randn(80, 8, generator=generator) for _ in range(3)], y


def test_it_is_the_weighted_mean_of_probabilities(scores):
    logits, y = scores
    found = ensemble(logits, y, [0.6, 0.6, 0.4])
    mixed = np.average([s.softmax(-1).numpy() for s in logits], axis=0, weights=[0.6, 0.6, 0.4])
    np.testing.assert_allclose(found["probabilities"], mixed, atol=1e-7)
    for k in (1, 5):
        score = top_k_accuracy_score(y, mixed, k=k)
        assert found[f"top{k}"] == pytest.approx(score)
    assert found["member_2"] == top_k_accuracy_score(y, logits[2].numpy(), k=1)
    assert found["top1"] > max(found[f"member_{i}"] for i in range(3))


def test_weights_are_shares(scores):
    logits, y = scores
    alike = ensemble(logits, y)["probabilities"], ensemble(logits, y, [2, 2, 2])["probabilities"]
    torch.testing.assert_close(*alike)


def test_bad_input(scores):
    logits, y = scores
    for weights in ([1.0, 1.0], [1.0, 1.0, 0.0], [1.0, 1.0, float("inf")]):
        with pytest.raises(ConfigError, match="expected 3 positive numbers"):
            ensemble(logits, y, weights)
    with pytest.raises(DataError, match="at least one"):
        ensemble([], y)
    with pytest.raises(DataError, match="shapes"):
        ensemble([logits[0], logits[1][:, :3]], y)
