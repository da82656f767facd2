"""Batch-norm statistics of the clips at hand."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch_geometric.data import Data

from pyg_skeletonmae.errors import DataError
from pyg_skeletonmae.evaluation.features import evaluating


def refit_statistics(encoder: nn.Module, loader: Iterable[Data]) -> int:
    """Replaces the running statistics of all batch norms by those of some clips, in place.

    An encoder as initialised normalises by mean 0 and variance 1, which no clip has; so it is a
    weaker twin of a pre-trained one than its weights make it. With statistics of real clips,
    weights are all that differs. Every layer's are the mean over the batches of their means and
    (unbiased) variances, layers before it normalising by the batch, as in training (our choice: one
    pass; the batches should be shuffled and of one size).

    Args:
        encoder: The encoder; nothing else of it changes, and nothing is dropped out or learned.
        loader: Training clips, without augmentation.

    Returns:
        How many norms there are; an encoder without any stays as it is.

    Raises:
        DataError: There is no clip, or a statistic is NaN or infinite.
    """
    norms = [
        module
        for module in encoder.modules()
        if isinstance(module, _BatchNorm) and module.track_running_stats
    ]
    if not norms:
        return 0
    momenta, batches = [norm.momentum for norm in norms], 0
    with evaluating(encoder) as device:
        for norm in norms:
            norm.reset_running_stats()
            norm.momentum = None  # the plain mean over all batches
            norm.train()
        try:
            for batch in loader:
                encoder(batch.to(device))
                batches += 1
        finally:
            for norm, momentum in zip(norms, momenta, strict=True):
                norm.momentum = momentum
    if not batches:
        raise DataError("no clip to take statistics of: the split or the loader is empty")
    statistics = [value for norm in norms for value in (norm.running_mean, norm.running_var)]
    if not all(value is not None and bool(torch.isfinite(value).all()) for value in statistics):
        raise DataError("batch statistics are NaN or infinite; check the coordinates")
    return len(norms)
