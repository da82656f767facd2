"""The accuracy of a classifier over a data set."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from torch import nn
from torch_geometric.data import Data

from pyg_skeletonmae.errors import DataError
from pyg_skeletonmae.evaluation.features import evaluating
from pyg_skeletonmae.evaluation.metrics import accuracy
from pyg_skeletonmae.models.inference import inference_form


def evaluate_classifier(model: nn.Module, loader: Iterable[Data]) -> dict[str, Any]:
    """Runs a classifier over all clips, in evaluation mode and without gradients.

    Args:
        model: ``model(batch)["logits"]`` is ``[B, K]``; its ``training`` flags are restored.
        loader: Batches with classes ``y``.

    Returns:
        What :func:`~pyg_skeletonmae.evaluation.metrics.accuracy` returns, and ``logits``
        ``[n, K]``, ``predicted`` ``[n]`` and ``y`` ``[n]`` on the CPU, in the loader's order.

    Raises:
        DataError: A clip has no class, a score is NaN, or there is no clip.
    """
    logits, classes = [], []
    with evaluating(model) as device:
        fast = inference_form(model)
        for batch in loader:
            y = batch.get("y")
            if y is None:
                raise DataError("an evaluation needs the class of every clip, and some have none")
            logits.append(fast(batch.to(device))["logits"].float())
            classes.append(y)
    if not logits:
        raise DataError("no clip to evaluate: the split or the loader is empty")
    scores, y = torch.cat(logits).cpu(), torch.cat(classes).cpu()
    return {**accuracy(scores, y), "logits": scores, "predicted": scores.argmax(1), "y": y}
