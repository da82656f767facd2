"""Watches for collapse: targets that all point in one direction."""

from __future__ import annotations

import warnings

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from pyg_skeletonmae.batch import readable


def mean_pairwise_cosine(x: Tensor, mask: Tensor | None = None) -> Tensor:
    """The mean cosine between each two different rows; 0 for fewer than two.

    Args:
        x: ``[..., D]``.
        mask: Which rows there are, ``[...]``, bool; none: all.
    """
    if mask is not None and readable(mask):
        x, mask = x[mask], None
    rows = F.normalize(x.float(), dim=-1, eps=1e-6).flatten(0, -2)
    if mask is None:
        total, count = rows.sum(0), torch.full((), float(len(rows)), device=x.device)
    else:
        total, count = mask.flatten().to(rows.dtype) @ rows, mask.sum().to(rows.dtype)
    pairs = count * (count - 1)
    return torch.where(count < 2, 0.0, (total.square().sum() - count) / pairs.clamp_min(1))


class CollapseWatch(nn.Module):
    """Counts how many forward passes in a row had targets of nearly one direction.

    Args:
        threshold: The mean pairwise cosine from which targets count as collapsed.
        patience: After how many passes in a row to warn (our choice).
        advice: What the warning says to try.
    """

    streak: Tensor

    def __init__(
        self,
        threshold: float = 0.99,
        patience: int = 50,
        advice: str = "another normalisation of the input",
    ) -> None:
        super().__init__()
        self.threshold, self.patience, self.advice = threshold, patience, advice
        self._steps = 0
        self.register_buffer("streak", torch.zeros((), dtype=torch.long), persistent=False)

    @torch.no_grad()
    def forward(self, target: Tensor, mask: Tensor) -> Tensor:
        """The mean pairwise cosine of the masked joints' targets ``[P, V, T, D]``."""
        cosine = mean_pairwise_cosine(target.detach(), mask)
        if self.training:
            self.streak = torch.where(cosine > self.threshold, self.streak + 1, 0)
        return cosine

    def check(self) -> None:
        """Warns if the streak is long; looks every ``patience`` calls, to spare the device."""
        self._steps += 1
        if self._steps % self.patience == 0 and int(self.streak) >= self.patience:
            warnings.warn(
                f"the targets have collapsed: their mean pairwise cosine stayed above "
                f"{self.threshold} for {int(self.streak)} steps; try {self.advice}",
                stacklevel=2,
            )
