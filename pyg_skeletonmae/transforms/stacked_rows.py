"""Rows of several tensors, read as if they were one, so that stores need not be copied together."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor


class StackedRows:
    """Tensors one after the other along their first axis, none of them copied.

    It can do what a store's readers need: give the rows of one clip, or of many.

    Args:
        parts: ``[rows, ...]`` each, all of one type and of the same further axes.
    """

    def __init__(self, parts: Sequence[Tensor]) -> None:
        self.parts = tuple(parts)
        self._bounds = torch.tensor([0, *(len(part) for part in parts)]).cumsum(0)

    @property
    def shape(self) -> torch.Size:
        """The shape of the tensor they would be together."""
        return torch.Size([int(self._bounds[-1]), *self.parts[0].shape[1:]])

    def size(self, axis: int) -> int:
        """The length of an axis."""
        return self.shape[axis]

    def to(self, device: torch.device) -> Tensor | StackedRows:
        """On the CPU itself; on a GPU one tensor, as all has to be copied there anyway."""
        if device.type == "cpu":
            return self
        return torch.cat([part.to(device) for part in self.parts])

    def new_empty(self, *shape: int) -> Tensor:
        """A tensor of the same type for values to come."""
        return self.parts[0].new_empty(shape)

    def flatten(self, start: int) -> StackedRows:
        """The same rows with the axes from ``start`` on as one."""
        return StackedRows([part.flatten(start) for part in self.parts])

    def groups(self, rows: Tensor) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
        """Row numbers ``[N]`` by the part they are in.

        Yields:
            The positions of those numbers, ``[n]``; the part; and the numbers within it, ``[n]``.
        """
        part = torch.bucketize(rows, self._bounds, right=True) - 1
        for number in torch.unique(part).tolist():
            where = (part == number).nonzero().flatten()
            yield where, self.parts[number], rows[where] - self._bounds[number]

    def __getitem__(self, rows: slice) -> Tensor:
        """The rows of one clip: ``start:stop`` within one part, shared with it."""
        ((_, part, first),) = self.groups(torch.tensor([rows.start]))
        return part[int(first) : int(first) + rows.stop - rows.start]

    def __len__(self) -> int:
        return self.shape[0]

    def __repr__(self) -> str:
        return f"{type(self).__name__}(parts={len(self.parts)}, shape={list(self.shape)})"


Rows = Tensor | StackedRows


def tensors(rows: Rows) -> tuple[Tensor, ...]:
    """The tensors that rows lie in."""
    return rows.parts if isinstance(rows, StackedRows) else (rows,)


def stacked(parts: Sequence[tuple[Rows, Rows | None]]) -> tuple[Rows, Rows | None]:
    """Rows ``[., V, C]`` of several places as one, and which of their joints are present.

    Args:
        parts: The rows of each, and whether joints are present, ``[., V]``; None: all of them.
    """
    if len(parts) == 1:
        return parts[0]
    pos = StackedRows([part for rows, _ in parts for part in tensors(rows)])
    if all(valid is None for _, valid in parts):
        return pos, None
    whole = torch.ones((), dtype=torch.bool)  # stands for all rows of a tensor
    return pos, StackedRows(
        [
            part
            for rows, valid in parts
            for part in (
                [whole.expand(own.shape[:2]) for own in tensors(rows)]
                if valid is None
                else tensors(valid)
            )
        ]
    )
