"""What a model reported since the last line of metrics."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any, NamedTuple

import torch
from torch import Tensor

from pyg_skeletonmae.errors import CheckpointError, DataError


class Skipped(NamedTuple):
    """A step that was not taken.

    Args:
        step: Its number.
        loss: The loss that is not finite; of several batches the first, else one that is.
        clips: The clips of the batches with such a loss, by their numbers; of all batches, where
            the gradients or buffers alone were not finite. Empty: not known.
    """

    step: int
    loss: float
    clips: list[int]


class Interval:
    """Keeps values on the device, so that no step waits for them, until they are logged.

    Args:
        epoch: The batches of an epoch: so many in a row without a valid joint end the run.
    """

    def __init__(self, epoch: int = 1) -> None:
        self._values: dict[str, list[Tensor]] = {}
        self._unchecked: list[tuple[int, Tensor, Tensor | None, Tensor]] = []
        self._judged: list[tuple[int, Tensor]] = []
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

    def judge(self, step: int, bad: Tensor) -> None:
        """Keeps whether a step was bad, see :class:`~pyg_skeletonmae.training.guard.StepGuard`."""
        self._judged.append((step, bad))

    def check(self) -> list[Skipped]:
        """Looks at the steps and the batches that nobody has looked at yet.

        Warns of batches without a valid joint, from which nothing is learnt. What was reported in
        steps that were not taken does not count in the means.

        Returns:
            The steps that were not taken.

        Raises:
            DataError: No batch of a whole epoch has a valid joint.
        """
        unchecked, self._unchecked = self._unchecked, []
        judged, self._judged = self._judged, []
        if not unchecked:
            return []
        flags = torch.stack([bad for _, bad in judged]).tolist() if judged else []
        skipped = [
            _skipped(step, [row for row in unchecked if row[0] == step])
            for (step, _), bad in zip(judged, flags, strict=True)
            if bad
        ]
        if skipped:
            for name, row in self._values.items():
                self._values[name] = [v for v in row if v.isfinite()] or row[:1]
        some = torch.stack([some for *_, some in unchecked]).tolist()
        for (step, _, clip_id, _), present in zip(unchecked, some, strict=True):
            self._empty = 0 if present else self._empty + 1
            if self._empty >= self._epoch:
                raise DataError(
                    f"step {step}: no joint of any clip of the last {self._empty} batch(es) is "
                    "valid: there is nothing to learn from; look at the clips' valid"
                )
            if self._empty:
                clips = [] if clip_id is None else clip_id.tolist()
                warnings.warn(
                    f"step {step}: no joint of the clips {', '.join(map(str, clips)) or 'unknown'} "
                    "is valid: nothing is learnt from them",
                    stacklevel=2,
                )
        return skipped

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


def _skipped(step: int, rows: list[tuple[int, Tensor, Tensor | None, Tensor]]) -> Skipped:
    bad = [row for row in rows if not row[1].isfinite()] or rows
    clips = [number for _, _, ids, _ in bad if ids is not None for number in ids.tolist()]
    return Skipped(step, float(bad[0][1]), clips)
