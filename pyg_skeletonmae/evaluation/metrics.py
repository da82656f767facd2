"""Accuracies, confusion matrices, and the confidence intervals of a few runs."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
from scipy import stats
from sklearn.metrics import confusion_matrix
from torch import Tensor

from pyg_skeletonmae.errors import DataError


def accuracy(logits: Tensor, y: Tensor) -> dict[str, Any]:
    """How often the true class is the first, and among the first five.

    Args:
        logits: Scores, ``[n, K]``; the higher, the likelier; minus infinity: not known to the
            classifier.
        y: The classes, ``[n]``, long, 0 to K - 1.

    Returns:
        ``top1`` and ``top5`` (the five first, or all if fewer are known), ``mean_class`` (the mean
        over the classes that occur, equal to scikit-learn's balanced accuracy) and ``per_class``
        (class to accuracy, those that occur), all between 0 and 1.

    Raises:
        DataError: There is no clip, a score is NaN, or a class is out of range.
    """
    if logits.dim() != 2 or len(logits) != len(y):
        raise DataError(f"scores {list(logits.shape)} do not fit the classes {list(y.shape)}")
    if bool(logits.isnan().any()):
        raise DataError("a score is NaN; check the coordinates and the model")
    _check_classes(y, logits.size(1))
    scores, first = logits.topk(min(5, logits.size(1)), dim=1)
    among = (first == y[:, None]) & ~scores.isneginf()
    results = prediction_accuracy(logits.argmax(1), y, logits.size(1))
    return {**results, "top5": float(among.any(1).double().mean())}


def prediction_accuracy(predicted: Tensor, y: Tensor, num_classes: int) -> dict[str, Any]:
    """:func:`accuracy` without ``top5``, from predicted classes ``[n]``."""
    matrix = confusion(predicted, y, num_classes).double()
    count, hit = matrix.sum(1), matrix.diagonal()
    per_class = {int(k): float(hit[k] / count[k]) for k in count.nonzero().flatten()}
    return {
        "top1": float(hit.sum() / count.sum()),
        "mean_class": math.fsum(per_class.values()) / len(per_class),
        "per_class": per_class,
    }


def confusion(predicted: Tensor, y: Tensor, num_classes: int) -> Tensor:
    """Counts ``[K, K]``, long: row = true class, column = predicted class.

    Raises:
        DataError: There is no clip, the lengths differ, or a class is out of range.
    """
    if predicted.shape != y.shape:
        raise DataError(f"{len(predicted)} predictions for {len(y)} clips")
    _check_classes(y, num_classes)
    _check_classes(predicted, num_classes)
    labels = range(num_classes)
    return torch.from_numpy(
        confusion_matrix(y.cpu().numpy(), predicted.cpu().numpy(), labels=labels)
    )


def confidence_interval(values: Sequence[float], level: float = 0.95) -> tuple[float, float]:
    """Mean and half the width of its confidence interval, from Student's t distribution.

    Meant for the few seeds of a benchmark, where a normal interval would be too narrow. The half
    width of a single value is infinite.

    Raises:
        DataError: There is no value.
    """
    if not len(values):
        raise DataError("a confidence interval needs at least one value")
    sample = torch.tensor(values, dtype=torch.float64)
    n, mean = len(sample), float(sample.mean())
    if n == 1:
        return mean, math.inf
    quantile = float(stats.t.ppf(0.5 + level / 2, n - 1))
    return mean, quantile * float(sample.std()) / math.sqrt(n)


def paired_interval(
    a: Sequence[float], b: Sequence[float], level: float = 0.95
) -> tuple[float, float]:
    """:func:`confidence_interval` of the differences ``a[i] - b[i]``, for runs that share a seed.

    Raises:
        DataError: The numbers of values differ, or there are none.
    """
    if len(a) != len(b):
        raise DataError(f"paired values are needed, found {len(a)} and {len(b)}")
    return confidence_interval([x - y for x, y in zip(a, b, strict=True)], level)


def _check_classes(y: Tensor, num_classes: int) -> None:
    if not len(y):
        raise DataError("no clip to evaluate: the split or the loader is empty")
    low, high = int(y.min()), int(y.max())
    if low < 0 or high >= num_classes:
        raise DataError(f"classes run from {low} to {high}, expected 0 to {num_classes - 1}")
