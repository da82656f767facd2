"""What a model reported since the last line of metrics."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from pyg_skeletonmae.errors import CheckpointError, DataError, SkeletonMAEError


class Interval:
    """Keeps values on the device, so that no step waits for them, until they are logged.

    Args:
        epoch: The batches of an epoch: so many in a row without a valid joint end the run.
    """

    def __init__(self, epoch: int = 1) -> None:
        self._values: dict[str, list[Tensor]] = {}
        self._unchecked: list[tuple[int, Tensor, Tensor | None, Tensor]] = []
        self._epoch, self._empty = epoch, 0

    def add(
        self,
        step: int,
        output: Mapping[str, Any],
        clip_id: Tensor | None = None,
        valid: Tensor | None = None,
    ) -> None:
        """Keeps every scalar of a model's output; what is no scalar is left alone.

        Args:
            step: The optimiser step.
            output: What the model returned.
            clip_id: The clips of the batch.
            valid: Which of their joints are present; None: all.
        """
        for name, value in output.items():
            if isinstance(value, float | int) or (isinstance(value, Tensor) and value.ndim == 0):
                scalar = torch.as_tensor(value).detach().float()
                self._values.setdefault(name, []).append(scalar)
        if "loss" in output:
            loss = output["loss"].detach()
            some = (
                valid.any()
                if isinstance(valid, Tensor)
                else torch.ones_like(loss, dtype=torch.bool)
            )
            self._unchecked.append((step, loss, clip_id, some))

    def check(self) -> None:
        """Looks at the losses and the batches that nobody has looked at yet.

        Warns of batches without a valid joint, from which nothing is learnt.

        Raises:
            SkeletonMAEError: A loss is not finite; names its step and the clips.
            DataError: No batch of a whole epoch has a valid joint.
        """
        unchecked, self._unchecked = self._unchecked, []
        if not unchecked:
            return
        finite = torch.stack([loss for _, loss, _, _ in unchecked]).isfinite().tolist()
        if not all(finite):
            step, loss, clip_id, _ = unchecked[finite.index(False)]
            raise SkeletonMAEError(
                f"step {step}: the loss is {loss.item()} on clips {_numbers(clip_id)}; look at "
                "these clips, or lower the learning rate; the last checkpoint was kept as it was"
            )
        some = torch.stack([some for *_, some in unchecked]).tolist()
        for (step, _, clip_id, _), present in zip(unchecked, some, strict=True):
            self._empty = 0 if present else self._empty + 1
            if self._empty >= self._epoch:
                raise DataError(
                    f"step {step}: no joint of any clip of the last {self._empty} batch(es) is "
                    "valid: there is nothing to learn from; look at the clips' valid"
                )
            if self._empty:
                warnings.warn(
                    f"step {step}: no joint of the clips {_numbers(clip_id)} is valid: nothing is "
                    "learnt from them",
                    stacklevel=2,
                )

    def means(self, device: torch.device | str = "cpu") -> tuple[list[str], Tensor]:
        """The names, and the mean of each on ``device``; the interval starts afresh."""
        values, self._values = self._values, {}
        means = [torch.stack([v.to(device) for v in row]).mean() for row in values.values()]
        return list(values), torch.stack(means)

    def state_dict(self) -> dict[str, Tensor]:
        """The values kept so far, as one tensor per name."""
        # Those that a resumed run began with lie on the CPU, later ones where the model is.
        return {
            name: torch.stack([value.cpu() for value in row]) for name, row in self._values.items()
        }

    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        """Goes back to what :meth:`state_dict` gave.

        Raises:
            CheckpointError: It holds anything but rows of floats by names.
        """
        for name, row in state.items() if isinstance(state, dict) else [("", None)]:
            floats = isinstance(row, Tensor) and row.dim() == 1 and row.dtype == torch.float32
            if type(name) is not str or not floats:
                raise CheckpointError(f"interval.{name!s:.40}: expected a row of numbers")
        self._values = {name: list(row) for name, row in state.items()}


def _numbers(clip_id: Tensor | None) -> str:
    return "unknown" if clip_id is None else ", ".join(map(str, clip_id.tolist()))
