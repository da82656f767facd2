"""Nearest neighbours in feature space."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import torch
from scipy import stats
from sklearn.neighbors import KNeighborsClassifier

from pyg_skeletonmae.errors import ConfigError
from pyg_skeletonmae.evaluation.features import Features
from pyg_skeletonmae.evaluation.metrics import prediction_accuracy
from pyg_skeletonmae.evaluation.notes import noted, unknown_note


def knn(
    train: Features,
    test: Features,
    k: int = 1,
    metric: Literal["cosine", "euclidean"] = "cosine",
) -> dict[str, Any]:
    """Classifies each test clip by a majority vote of its ``k`` nearest training clips.

    The search is scikit-learn's exhaustive one, in chunks of bounded memory. When a vote is a tie
    the lowest of the classes wins.

    Args:
        train: The clips that vote.
        test: The clips to classify.
        k: How many neighbours vote.
        metric: Cosine distance, or the Euclidean one (for coordinates).

    Returns:
        What :func:`~pyg_skeletonmae.evaluation.metrics.prediction_accuracy` returns, and
        ``predicted``, ``[n]``, long, and ``notes`` where no training clip has the class of a test
        clip.

    Raises:
        ConfigError: ``k`` is no number of training clips, or the metric is unknown.
        DataError: A clip has no class, or features have different widths.
    """
    model = _fitted(train, test, [k], metric)
    predicted = torch.from_numpy(model.predict(test.x.numpy()))
    num_classes = 1 + int(max(train.y.max(), test.y.max()))
    metrics = prediction_accuracy(predicted, test.y, num_classes)
    return {**metrics, "predicted": predicted, **noted(unknown_note(train.y, test.y))}


def knn_curve(
    train: Features,
    test: Features,
    ks: Sequence[int] = (1, 5, 20),
    metric: Literal["cosine", "euclidean"] = "cosine",
) -> dict[str, Any]:
    """:func:`knn` for several numbers of neighbours, from one search.

    Args:
        train: The clips that vote.
        test: The clips to classify.
        ks: How many neighbours vote; 1, 5 and 20 are the usual ones.
        metric: As in :func:`knn`.

    Returns:
        ``top1_k1``, ``top1_k5`` ..., ``mean_class_k1`` ..., and ``notes`` as :func:`knn`. No ``k``
        is chosen: to quote the best is to choose it on the test clips.

    Raises:
        ConfigError: One of ``ks`` is no number of training clips, or the metric is unknown.
        DataError: A clip has no class, or features have different widths.
    """
    model = _fitted(train, test, ks, metric)
    nearest = model.kneighbors(test.x.numpy(), max(ks), return_distance=False)
    votes = train.y.numpy()[nearest]
    results: dict[str, Any] = {}
    num_classes = 1 + int(max(train.y.max(), test.y.max()))
    for k in ks:
        winners = np.asarray(stats.mode(votes[:, :k], axis=1).mode)  # among ties the lowest
        scores = prediction_accuracy(torch.from_numpy(winners), test.y, num_classes)
        results |= {f"{name}_k{k}": scores[name] for name in ("top1", "mean_class")}
    return {**results, **noted(unknown_note(train.y, test.y))}


def _fitted(
    train: Features, test: Features, ks: Sequence[int], metric: str
) -> KNeighborsClassifier:
    for k in ks or [0]:
        if not 1 <= k <= len(train):
            raise ConfigError(f"k = {k}: expected 1 to {len(train)}, the number of training clips")
    if metric not in ("cosine", "euclidean"):
        raise ConfigError(f"metric {metric!r}: expected 'cosine' or 'euclidean'")
    train.check_fits(test)
    model = KNeighborsClassifier(max(ks), metric=metric, algorithm="brute")
    return model.fit(train.x.numpy(), train.y.numpy())
