import math

import pytest
import torch
from scipy import stats
from sklearn import metrics

from pyg_skeletonmae.errors import DataError
from pyg_skeletonmae.evaluation import (
    accuracy,
    confidence_interval,
    confusion,
    paired_interval,
    prediction_accuracy,
)


def test_accuracy_equals_scikit_learn():
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(200, 12, generator=generator)
    y = torch.randint(11, (200,), generator=generator)  # the last class never occurs
    result = accuracy(logits, y)
    predicted = logits.argmax(1)
    assert result["top1"] == pytest.approx(metrics.accuracy_score(y, predicted))
    top5 = metrics.top_k_accuracy_score(y, logits.numpy(), k=5, labels=range(12))
    assert result["top5"] == pytest.approx(top5)
    recalls = metrics.recall_score(y, predicted, labels=range(11), average=None)
    assert result["mean_class"] == pytest.approx(recalls.mean())
    assert result["per_class"] == pytest.approx(dict(enumerate(recalls)))


def test_fewer_than_five_classes():
    result = accuracy(torch.eye(3), torch.tensor([0, 1, 1]))
    assert result["top5"] == 1.0
    assert result["top1"] == pytest.approx(2 / 3)
    assert result["per_class"] == {0: 1.0, 1: 0.5}


def test_classes_without_a_score_are_not_among_the_five():
    logits = torch.tensor([[1.0, 0.0, -torch.inf, -torch.inf]])
    assert accuracy(logits, torch.tensor([1]))["top5"] == 1.0
    assert accuracy(logits, torch.tensor([3]))["top5"] == 0.0


def test_equal_scores_are_the_first_class():
    assert accuracy(torch.zeros(1, 60), torch.tensor([0]))["top1"] == 1.0


def test_confusion_counts():
    matrix = confusion(torch.tensor([0, 2, 2, 1]), torch.tensor([0, 2, 1, 1]), 4)
    assert matrix.tolist() == [[1, 0, 0, 0], [0, 1, 1, 0], [0, 0, 1, 0], [0, 0, 0, 0]]
    assert prediction_accuracy(torch.tensor([1, 1]), torch.tensor([1, 0]), 2)["top1"] == 0.5


@pytest.mark.parametrize(
    ("logits", "y", "message"),
    [
        (torch.zeros(2, 3), torch.tensor([0, 3]), "expected 0 to 2"),
        (torch.zeros(2, 3), torch.tensor([0]), "do not fit"),
        (torch.zeros(1, 0), torch.tensor([0]), "class"),
        (torch.full((1, 3), torch.nan), torch.tensor([0]), "NaN"),
        (torch.zeros(0, 3), torch.zeros(0, dtype=torch.long), "no clip"),
    ],
)
def test_bad_scores(logits, y, message):
    with pytest.raises(DataError, match=message):
        accuracy(logits, y)


def test_predictions_of_another_length():
    with pytest.raises(DataError, match="3 predictions for 2 clips"):
        confusion(torch.zeros(3, dtype=torch.long), torch.zeros(2, dtype=torch.long), 2)


def test_confidence_interval_equals_scipy():
    values = [0.81, 0.84, 0.79]
    mean, half = confidence_interval(values)
    low, high = stats.t.interval(0.95, 2, loc=mean, scale=stats.sem(values))
    assert (mean - half, mean + half) == pytest.approx((low, high))
    assert confidence_interval([0.5]) == (0.5, math.inf)
    with pytest.raises(DataError, match="at least one"):
        confidence_interval([])


def test_paired_interval_cancels_what_runs_share():
    a, b = [0.80, 0.90, 0.70], [0.77, 0.87, 0.67]
    mean, half = paired_interval(a, b)
    assert mean == pytest.approx(0.03)
    assert half == pytest.approx(0.0, abs=1e-9)
    with pytest.raises(DataError, match="3 and 2"):
        paired_interval(a, b[:2])
