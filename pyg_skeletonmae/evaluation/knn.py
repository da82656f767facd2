"""Nearest neighbours in feature space."""

from __future__ import annotations

from typing import Any, Literal

import torch
from sklearn.neighbors import KNeighborsClassifier

from pyg_skeletonmae.errors import ConfigError
from pyg_skeletonmae.evaluation.features import Features
from pyg_skeletonmae.evaluation.metrics import prediction_accuracy


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
        ``predicted``, ``[n]``, long.

    Raises:
        ConfigError: ``k`` is no number of training clips, or the metric is unknown.
        DataError: Features have different widths.
    """
    if not 1 <= k <= len(train):
        raise ConfigError(f"k = {k}: expected 1 to {len(train)}, the number of training clips")
    if metric not in ("cosine", "euclidean"):
        raise ConfigError(f"metric {metric!r}: expected 'cosine' or 'euclidean'")
    train.check_fits(test)
    model = KNeighborsClassifier(k, metric=metric, algorithm="brute")
    model.fit(train.x.numpy(), train.y.numpy())
    predicted = torch.from_numpy(model.predict(test.x.numpy()))
    num_classes = 1 + int(max(train.y.max(), test.y.max()))
    return {**prediction_accuracy(predicted, test.y, num_classes), "predicted": predicted}
