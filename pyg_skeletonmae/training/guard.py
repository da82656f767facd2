"""Steps that would spoil a model are not taken, and nothing waits for a GPU to say which."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from pyg_skeletonmae.training.sharding import local

Kind = tuple[torch.dtype, torch.device]


class StepGuard:
    """Takes the steps whose loss, gradients and buffers are finite, and no others.

    Of a GPU it is known later whether they are, and to ask is to wait. So the flag stays there: the
    fused optimisers of PyTorch read it (``found_inf``, by which loss scaling works) and leave
    weights and moments as they were; buffers, which a forward pass has changed by then, get their
    former values by ``where``. Other optimisers step after a look at the flag, which waits; on a
    CPU there is nothing to wait for. With loss scaling, gradients overflow while the scale is
    sought: that is left to the scaler, which skips such steps; of a step that is bad by its loss or
    its buffers it is told so by a gradient.

    Args:
        model: The model, on its device.
        optimizer: Its optimiser.
        scaled: Whether losses are scaled.
        shared: Whether other processes train the same model.
    """

    def __init__(
        self, model: nn.Module, optimizer: Optimizer, scaled: bool = False, shared: bool = False
    ) -> None:
        self._optimizer, self._scaled, self._shared = optimizer, scaled, shared
        self._fused = all(group.get("fused") for group in optimizer.param_groups)
        self._buffers: dict[Kind, list[Tensor]] = {}
        for buffer in model.buffers():
            # Masks of infinities, say, are so from the start.
            if not buffer.is_sparse and buffer.isfinite().all():
                self._buffers.setdefault((buffer.dtype, buffer.device), []).append(buffer)
        self._before: dict[Kind, Tensor] = {}
        self._now: dict[Kind, Tensor] = {}

    def begin(self) -> None:
        """Notes the buffers, before the model is called."""
        self._before = self._flat()

    @torch.no_grad()
    def judge(self, losses: Sequence[Tensor]) -> Tensor:
        """Whether a step is bad, as a flag on the device; of several processes, of any of them.

        Args:
            losses: Those of the batches of this step, whose gradients are there.
        """
        finite = torch.stack([loss.detach() for loss in losses]).isfinite().all()
        gradients = [] if self._scaled else list(self._gradients())
        if gradients:
            finite &= nn.utils.get_total_norm(gradients, math.inf).isfinite()
        self._now = self._flat()
        for values in self._now.values():
            if values.device == finite.device:
                finite &= values.isfinite().all()
        bad = (~finite).float()
        if self._shared:
            torch.distributed.all_reduce(bad, torch.distributed.ReduceOp.MAX)
        return bad

    @torch.no_grad()
    def step(self, bad: Tensor, optimizer: Any) -> None:
        """Takes a step, unless it is bad; then all is as before it.

        Args:
            bad: What :meth:`judge` gave.
            optimizer: The optimiser, as Fabric wraps it.
        """
        if self._fused:
            self._optimizer.found_inf = bad  # type: ignore[attr-defined]
            optimizer.step()
        elif self._scaled:  # the scaler looks for such numbers, and leaves the step out
            for gradient in islice(self._gradients(), 1):
                gradient.masked_fill_(bad > 0, math.nan)
            optimizer.step()
        elif not bad:
            optimizer.step()
        for kind, now in self._now.items():
            here = bad.to(now.device, torch.bool) if now.device != bad.device else bad > 0
            kept = torch.where(here, self._before[kind], now)
            sizes = [buffer.numel() for buffer in self._buffers[kind]]
            pieces = zip(torch.split(kept, sizes), self._buffers[kind], strict=True)
            torch._foreach_copy_(self._buffers[kind], [x.view_as(like) for x, like in pieces])

    def _gradients(self) -> Iterator[Tensor]:
        parameters = (p for group in self._optimizer.param_groups for p in group["params"])
        gradients = (local(p.grad) for p in parameters if p.grad is not None)
        return (gradient for gradient in gradients if gradient.numel())

    def _flat(self) -> dict[Kind, Tensor]:
        """The buffers of each kind as one row, so that a step costs a few kernels, not hundreds."""
        return {
            kind: torch.cat([buffer.detach().flatten() for buffer in buffers])
            for kind, buffers in self._buffers.items()
        }
