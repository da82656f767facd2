"""A teacher: the moving average of a module that is trained."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any, Generic, TypeVar, cast

import torch
from torch import Tensor, nn

from pyg_skeletonmae.errors import ConfigError

Module = TypeVar("Module", bound=nn.Module)


class EMA(nn.Module, Generic[Module]):
    r"""An exponential moving average of a module's parameters, whose decay grows to its end value.

    Update :math:`n` (from 0) of :math:`N` moves the average by

    .. math::
        \theta_T \leftarrow \tau_n \theta_T + (1 - \tau_n)\, \theta_S, \qquad
        \tau_n = \tau_N - (\tau_N - \tau_0)(1 - n / N) \text{ for } n < N,
        \text{ then } \tau_N

    The average is never trained: it stays in evaluation mode, and its parameters ask for no
    gradient, so that neither optimisers nor distributed training look at them. The number of
    updates is part of the state, so that a resumed run goes on with its decay; the public code of
    Skeleton2vec forgets it and starts the schedule again.

    The average is kept in float32 or better, whatever the module is converted to: in bfloat16,
    which has three digits, a step of one in ten thousand towards the module would be no step.

    Args:
        module: What is averaged; the average begins as its copy. Buffers are copied once.
        start: The decay :math:`\tau_0`.
        end: The decay :math:`\tau_N`.
        steps: The number of updates :math:`N` from one to the other.

    Raises:
        ConfigError: A decay is out of [0, 1] or falls, or there are no steps.
    """

    def __init__(self, module: Module, start: float, end: float, steps: int) -> None:
        super().__init__()
        if not 0.0 <= start <= end <= 1.0:
            raise ConfigError(
                f"ema_start {start}, ema_end {end}: expected numbers from 0 to 1 that do not fall"
            )
        if steps < 1:
            raise ConfigError(f"ema_steps {steps}: expected at least one update")
        self.start, self.end, self.steps = start, end, steps
        self.module: Module = copy.deepcopy(module).requires_grad_(False).eval()
        self.updates = 0
        self._apply(lambda x: x)

    @property
    def decay(self) -> float:
        """The decay of the next update."""
        left = 1.0 - min(self.updates / self.steps, 1.0)
        return self.end - (self.end - self.start) * left

    @torch.no_grad()
    def update(self, module: Module) -> None:
        """Moves the average towards a module of the same kind."""
        average = tuple(self.module.parameters())
        source = [new.to(old.dtype) for new, old in zip(module.parameters(), average, strict=True)]
        torch._foreach_lerp_(average, source, 1.0 - self.decay)
        self.updates += 1

    def get_extra_state(self) -> Tensor:
        """The number of updates, for the state dict: no buffer, on a GPU reading it would wait."""
        return torch.tensor(self.updates)

    def set_extra_state(self, state: Tensor) -> None:
        """Goes on from a number of updates."""
        self.updates = int(state)

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> EMA[Module]:
        """What ``to``, ``half`` and ``cuda`` call; afterwards narrow numbers are wide again."""

        def widened(x: Tensor) -> Tensor:
            x = fn(x)
            narrow = x.is_floating_point() and x.element_size() < 4
            return x.float() if narrow else x

        cast(Any, super())._apply(widened, recurse)
        return self

    def train(self, mode: bool = True) -> EMA[Module]:
        """Leaves the average in evaluation mode."""
        super().train(False)
        return self

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.start} -> {self.end}, steps={self.steps})"
