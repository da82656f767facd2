"""The accuracy of a classifier over a data set."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn
from torch_geometric.data import Data

from pyg_skeletonmae.errors import DataError
from pyg_skeletonmae.evaluation.features import evaluating
from pyg_skeletonmae.evaluation.metrics import accuracy
from pyg_skeletonmae.evaluation.shares import over_all
from pyg_skeletonmae.models.inference import inference_form


def evaluate_classifier(model: nn.Module, loader: Iterable[Data]) -> dict[str, Any]:
    """Runs a classifier over all clips, in evaluation mode and without gradients.

    Args:
        model: ``model(batch)["logits"]`` is ``[B, K]``; its ``training`` flags are restored.
        loader: Batches with classes ``y``; of a share of the clips for each of several processes,
            see :func:`~pyg_skeletonmae.evaluation.shares.over_all`.

    Returns:
        What :func:`~pyg_skeletonmae.evaluation.metrics.accuracy` returns, and ``logits``
        ``[n, K]``, ``predicted`` ``[n]`` and ``y`` ``[n]`` on the CPU, in the loader's order.

    Raises:
        DataError: A clip has no class, a score is NaN, or there is no clip.
    """
    with evaluating(model) as device:
        fast = inference_form(model)

        def scored(batch: Data) -> tuple[Tensor, Tensor]:
            y = batch.get("y")
            if y is None:
                raise DataError("an evaluation needs the class of every clip, and some have none")
            return fast(batch.to(device))["logits"].float(), y

        rows = over_all(loader, scored)
    if not rows:
        raise DataError("no clip to evaluate: the split or the loader is empty")
    scores, y = (torch.cat(column).cpu() for column in zip(*rows, strict=True))
    return {**accuracy(scores, y), "logits": scores, "predicted": scores.argmax(1), "y": y}
