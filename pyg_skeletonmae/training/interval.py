"""What a model reported since the last line of metrics."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from pyg_skeletonmae.errors import CheckpointError, SkeletonMAEError


class Interval:
    """Keeps values on the device, so that no step waits for them, until they are logged."""

    def __init__(self) -> None:
        self._values: dict[str, list[Tensor]] = {}
        self._unchecked: list[tuple[int, Tensor, Tensor | None]] = []

    def add(self, step: int, output: Mapping[str, Any], clip_id: Tensor | None = None) -> None:
        """Keeps every scalar of a model's output; what is no scalar is left alone."""
        for name, value in output.items():
            if isinstance(value, float | int) or (isinstance(value, Tensor) and value.ndim == 0):
                kept = torch.as_tensor(value).detach().float()
                self._values.setdefault(name, []).append(kept)
        if "loss" in output:
            self._unchecked.append((step, output["loss"].detach(), clip_id))

    def check(self) -> None:
        """Looks at the losses that nobody has looked at yet.

        Raises:
            SkeletonMAEError: One is not finite; names its step and the clips.
        """
        unchecked, self._unchecked = self._unchecked, []
        if not unchecked:
            return
        finite = torch.stack([loss for _, loss, _ in unchecked]).isfinite().tolist()
        if all(finite):
            return
        step, loss, clip_id = unchecked[finite.index(False)]
        clips = "unknown" if clip_id is None else ", ".join(map(str, clip_id.tolist()))
        raise SkeletonMAEError(
            f"step {step}: the loss is {loss.item()} on clips {clips}; look at these clips, or "
            "lower the learning rate; the last checkpoint was kept as it was"
        )

    def means(self, device: torch.device | str = "cpu") -> tuple[list[str], Tensor]:
        """The names, and the mean of each on ``device``; the interval starts afresh."""
        values, self._values = self._values, {}
        means = [torch.stack([v.to(device) for v in kept]).mean() for kept in values.values()]
        return list(values), torch.stack(means)

    def state_dict(self) -> dict[str, Tensor]:
        """The values kept so far, as one tensor per name."""
        # Those that a resumed run began with lie on the CPU, later ones where the model is.
        kept = {name: [value.cpu() for value in values] for name, values in self._values.items()}
        return {name: torch.stack(values) for name, values in kept.items()}

    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        """Goes back to what :meth:`state_dict` gave.

        Raises:
            CheckpointError: It holds anything but rows of floats by names.
        """
        for name, kept in state.items() if isinstance(state, dict) else [("", None)]:
            row = isinstance(kept, Tensor) and kept.dim() == 1 and kept.dtype == torch.float32
            if type(name) is not str or not row:
                raise CheckpointError(f"interval.{name!s:.40}: expected a row of numbers")
        self._values = {name: list(kept) for name, kept in state.items()}
