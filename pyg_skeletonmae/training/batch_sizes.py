"""How many clips the batches of a loader hold, known before the first of them is made."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence, Sized
from contextlib import contextmanager

from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.utils.data import DataLoader

from pyg_skeletonmae.errors import ConfigError, DataError
from pyg_skeletonmae.training.batches import Loader


def batch_sizes(loader: Loader) -> list[int] | None:
    """The clips of each batch of an epoch, of all processes together; None if it does not tell.

    :class:`~pyg_skeletonmae.loader.SkeletonLoader` tells (``batch_sizes``), as
    do the loaders of PyTorch and PyG.
    """
    sizes: list[int] | None = getattr(loader, "batch_sizes", None)
    if sizes is not None or not isinstance(loader, DataLoader) or loader.batch_size is None:
        return sizes
    if not isinstance(loader.sampler, Sized):
        return None
    whole, rest = divmod(len(loader.sampler), loader.batch_size)
    return [loader.batch_size] * whole + [rest] * (rest > 0 and not loader.drop_last)


def steps_for(clips: int, sizes: Sequence[int] | None, accumulate: int) -> int:
    """The optimiser steps until at least ``clips`` clips have been seen.

    Args:
        clips: The clips, each counted as often as it is seen.
        sizes: See :func:`batch_sizes`.
        accumulate: Batches per optimiser step.

    Raises:
        ConfigError: The sizes are not known.
    """
    if sizes is None:
        raise ConfigError("max_clips: this loader does not tell its batch_sizes; use max_steps")
    steps = [sum(sizes[i : i + accumulate]) for i in range(0, len(sizes), accumulate)]
    epochs, rest = divmod(clips, sum(steps))
    before = [0, *itertools.accumulate(steps)]
    return epochs * len(steps) + next(i for i, seen in enumerate(before) if seen >= rest)


@contextmanager
def norms_checked(model: nn.Module, clips: int, smallest: int | None) -> Iterator[None]:
    """Around the model's work on a batch: can it, and can the smallest batch, be trained on?

    A BatchNorm needs two values of each channel. One that gets a value for each clip, as in the
    head of a classifier, cannot be trained on a single clip; one that gets a value for each joint
    and frame can.

    Args:
        model: The model.
        clips: The clips of this batch.
        smallest: The clips of the smallest batch of an epoch; None: not known.

    Raises:
        DataError: A BatchNorm gets, or would get, a single value.
    """

    def look_ahead(norm: _BatchNorm, inputs: tuple[Tensor, ...]) -> None:
        values = inputs[0].numel() // max(norm.num_features, 1)
        if norm.training and smallest is not None and values * smallest <= clips:
            raise DataError(_single_value(f"a batch of {smallest} clip(s) will come that"))

    hooks = []
    if smallest is not None and smallest < clips:
        norms = (module for module in model.modules() if isinstance(module, _BatchNorm))
        hooks = [norm.register_forward_pre_hook(look_ahead) for norm in norms]
    try:
        yield
    except ValueError as error:
        if "Expected more than 1 value per channel" not in str(error):
            raise
        raise DataError(_single_value(f"a batch of {clips} clip(s)")) from None
    finally:
        for hook in hooks:
            hook.remove()


def _single_value(batch: str) -> str:
    return (
        f"{batch} gives a BatchNorm of the model a single value, which has no spread: train on two "
        "clips at a time, by another batch_size, drop_last=True, or SkeletonLoader(..., "
        "shuffle=True), which leaves no single clip over"
    )
