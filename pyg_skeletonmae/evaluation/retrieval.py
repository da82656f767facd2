"""Retrieval: are the nearest clips of the same class?"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from sklearn.metrics import average_precision_score
from torch.nn.functional import normalize

from pyg_skeletonmae.errors import ConfigError
from pyg_skeletonmae.evaluation.features import Features

_CHUNK = 256


def retrieval(
    gallery: Features, query: Features, recall_at: Sequence[int] = (1, 5, 10)
) -> dict[str, float]:
    """Ranks the gallery by cosine similarity to each query; clips of its class are relevant.

    Args:
        gallery: The clips to find, as a rule those of training.
        query: The clips to search with, as a rule those of the test.
        recall_at: Numbers of first hits among which at least one relevant clip counts as found.

    Returns:
        ``map``, the mean over queries of scikit-learn's average precision over the whole ranking,
        and ``recall1``, ``recall5`` ..., the share of queries that find their class among the first
        so many. A query whose class is not in the gallery counts as 0 in both (our choice: leaving
        it out would reward small galleries).

    Raises:
        ConfigError: One of ``recall_at`` is no number of gallery clips.
        DataError: A clip has no class, or features have different widths.
    """
    for k in recall_at:
        if not 1 <= k <= len(gallery):
            raise ConfigError(f"recall_at {k}: expected 1 to {len(gallery)}, the gallery's clips")
    gallery.check_fits(query)
    gallery_x, query_x = normalize(gallery.x.double()), normalize(query.x.double())
    precision, rank = np.zeros(len(query)), torch.full((len(query),), len(gallery) + 1)
    for start in range(0, len(query), _CHUNK):
        part = slice(start, start + _CHUNK)
        similarity = query_x[part] @ gallery_x.T
        relevant = query.y[part, None] == gallery.y
        some = relevant.any(1).nonzero().flatten()
        if len(some):
            precision[start + some.numpy()] = average_precision_score(
                relevant[some].T.numpy(), similarity[some].T.numpy(), average=None
            )
        # The place of the first relevant clip; a tie with an irrelevant one counts against it.
        best = similarity.masked_fill(~relevant, -torch.inf).amax(1, keepdim=True)
        before = ((similarity >= best) & ~relevant).sum(1)
        rank[part] = torch.where(relevant.any(1), before, rank[part])
    recall = {f"recall{k}": float((rank < k).double().mean()) for k in recall_at}
    return {"map": float(precision.mean()), **recall}
