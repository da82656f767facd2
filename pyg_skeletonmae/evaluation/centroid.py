"""Nearest class means: the linear classifier that needs no training and no settings."""

from __future__ import annotations

from typing import Any

import torch
from torch.nn.functional import normalize

from pyg_skeletonmae.evaluation.features import Features
from pyg_skeletonmae.evaluation.metrics import accuracy
from pyg_skeletonmae.evaluation.notes import noted, unknown_note


def centroid(train: Features, test: Features) -> dict[str, Any]:
    r"""Gives each test clip the class whose mean direction is nearest.

    .. math::
        \hat y(x) = \arg\max_k \frac{x^\top m_k}{\|x\| \, \|m_k\|}, \qquad
        m_k = \operatorname{mean}_{i : y_i = k} \frac{x_i}{\|x_i\|}

    after `"Distance-Based Image Classification: Generalizing to New Classes at Near-Zero Cost"
    <https://doi.org/10.1109/TPAMI.2013.83>`_ (nearest class mean); by cosine as :func:`knn`, our
    choice, because the lengths of features tell little. There is nothing to choose, so nothing can
    be chosen on test clips, and few clips of a class suffice.

    Args:
        train: The clips whose means are taken.
        test: The clips to classify.

    Returns:
        What :func:`~pyg_skeletonmae.evaluation.metrics.accuracy` returns, and ``logits``, the
        cosines ``[n, K]``, float64, minus infinity for a class without training clips; and
        ``notes`` where that is the class of a test clip.

    Raises:
        DataError: A clip has no class, or features have different widths.
    """
    train.check_fits(test)
    num_classes = 1 + int(max(train.y.max(), test.y.max()))
    x, count = normalize(train.x.double()), train.y.bincount(minlength=num_classes)
    total = torch.zeros(num_classes, x.size(1), dtype=x.dtype).index_add_(0, train.y, x)
    logits = normalize(test.x.double()) @ normalize(total).T  # a mean has the direction of its sum
    logits[:, count == 0] = -torch.inf
    notes = noted(unknown_note(train.y, test.y))
    return {**accuracy(logits, test.y), "logits": logits, **notes}
