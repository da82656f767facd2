"""The mean of the weights at the ends of the last epochs, with which a run ends.

Stochastic weight averaging: "Averaging Weights Leads to Wider Optima and Better Generalization"
(UAI 2018, arXiv 1803.05407), by ``torch.optim.swa_utils``.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.optim.swa_utils import AveragedModel, update_bn

from pyg_skeletonmae.errors import CheckpointError
from pyg_skeletonmae.training.checkpoint import load_weights


@torch.no_grad()
def end_with(average: AveragedModel, model: nn.Module, batches: Iterable[Any]) -> None:
    """Gives a model the averaged weights, and its batch norms the statistics that these have.

    Norms that are not trained (of a frozen encoder) keep theirs.

    Args:
        average: The average of this model.
        model: The model, in training mode.
        batches: Training batches; without batch norms none is read.
    """
    for own, mean in zip(model.parameters(), average.module.parameters(), strict=True):
        own.copy_(mean)
    kept = [
        norm
        for norm in model.modules()
        if isinstance(norm, _BatchNorm) and norm.track_running_stats and not norm.training
    ]
    for norm in kept:
        norm.track_running_stats = False
    try:
        update_bn(batches, model)
    finally:
        for norm in kept:
            norm.track_running_stats = True


def load_average(average: AveragedModel, state: object, epochs: int, path: Path) -> None:
    """Loads what a checkpoint has of an average.

    Args:
        average: A fresh one, of the model of the run.
        state: What the checkpoint has; None: nothing.
        epochs: How many epochs must have been averaged.
        path: The file, for the message.

    Raises:
        CheckpointError: It is of another model, or of another number of epochs.
    """
    if state is not None and not isinstance(state, dict):
        raise CheckpointError(f"{path}: average: expected a dict of tensors")
    if state is not None:
        load_weights(average, state, f"{path}: average")
    if int(average.n_averaged) != epochs:
        raise CheckpointError(
            f"{path}: average: expected one of {epochs} epochs, found {int(average.n_averaged)}"
        )
