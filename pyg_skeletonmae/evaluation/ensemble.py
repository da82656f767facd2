"""Several classifiers as one."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from pyg_skeletonmae.errors import ConfigError, DataError
from pyg_skeletonmae.evaluation.metrics import accuracy


def ensemble(
    logits: Sequence[Tensor], y: Tensor, weights: Sequence[float] | None = None
) -> dict[str, Any]:
    """The weighted mean of class probabilities: joint, bone and motion streams, or several seeds.

    The weights are fixed in advance. Fitting them on the test clips, as is often done, is choosing
    on the test split.

    Args:
        logits: Scores of each classifier for the same clips, ``[n, K]`` each.
        y: The classes, ``[n]``, long.
        weights: One per classifier, positive; None = equal ones. Usual for joint, bone and motion:
            0.6, 0.6, 0.4.

    Returns:
        What :func:`~pyg_skeletonmae.evaluation.metrics.accuracy` returns, ``probabilities``
        ``[n, K]``, and ``member_0`` ..., the top-1 of each classifier alone.

    Raises:
        ConfigError: The weights are not one positive number per classifier.
        DataError: There is no classifier, or their scores have different shapes.
    """
    if not logits:
        raise DataError("an ensemble needs the scores of at least one classifier")
    shapes = {tuple(scores.shape) for scores in logits}
    if len(shapes) > 1:
        raise DataError(f"classifiers of an ensemble give scores of shapes {sorted(shapes)}")
    chosen = [1.0] * len(logits) if weights is None else list(weights)
    if len(chosen) != len(logits) or not all(0 < w < math.inf for w in chosen):
        raise ConfigError(f"weights {chosen}: expected {len(logits)} positive numbers")
    share = torch.tensor(chosen, dtype=torch.float64) / math.fsum(chosen)
    probabilities = torch.stack([scores.double().softmax(-1) for scores in logits])
    mixed = torch.einsum("m,mnk->nk", share, probabilities)
    members = {f"member_{i}": accuracy(own, y)["top1"] for i, own in enumerate(logits)}
    return {**accuracy(mixed, y), "probabilities": mixed, **members}
