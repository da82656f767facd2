"""What processes that share a batch have to know of each other while they train on it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor
from torch import distributed as dist

_shared = False


@contextmanager
def shared_batch(shared: bool) -> Iterator[None]:
    """The block works on the share of one process; all others do so at the same time.

    :class:`~pyg_skeletonmae.training.Trainer` says it around the forward pass of a step. Elsewhere
    no process waits for another, so that one may compute a loss by itself.

    Args:
        shared: Whether it is so. Without other processes it is not.
    """
    global _shared
    before, _shared = _shared, shared and dist.is_available() and dist.is_initialized()
    try:
        yield
    finally:
        _shared = before


def is_shared() -> bool:
    """Whether this is the share of one process, see :func:`shared_batch`."""
    return _shared


def global_mean(mean: Tensor, count: Tensor | int) -> Tensor:
    r"""Weights a mean, so that the mean over processes is that over the elements of all of them.

    Gradients are averaged over the :math:`R` processes. With as many joints missing in one slice of
    a batch as in another that is the gradient of the mean over all :math:`n = \sum_r n_r` elements;
    in general it is that of

    .. math::
        \frac{R\, n_r}{n} \cdot \frac{1}{n_r} \sum_{i=1}^{n_r} \ell_i

    The counts are added up where they lie: nothing waits for a GPU. Where a batch is not shared,
    the mean stays as it is.

    Args:
        mean: The mean over the elements of this process; of none it has to be 0.
        count: How many there are.
    """
    if not _shared:
        return mean
    count = torch.as_tensor(count, dtype=mean.dtype, device=mean.device)
    total = count.detach().clone()
    dist.all_reduce(total)
    return mean * (count * dist.get_world_size() / total.clamp_min(1))


def global_sum(x: Tensor) -> Tensor:
    """The sum over all processes that share a batch, with gradients; alone, the tensor itself."""
    return _Sum.apply(x) if _shared else x  # type: ignore[no-untyped-call]


class _Sum(torch.autograd.Function):
    """Whoever adds to a sum has a part in the losses of all processes."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        total = x.clone(memory_format=torch.contiguous_format)
        dist.all_reduce(total)
        return total

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Any:
        return _Sum.forward(ctx, gradient)
