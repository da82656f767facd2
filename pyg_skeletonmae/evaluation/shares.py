"""Work on a data set that several processes divide among them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from typing import Any, TypeVar

from torch import Tensor, distributed
from torch_geometric.data import Data

Rows = tuple[Tensor, ...]
T = TypeVar("T")


class InTurn:
    """The batches of one of several processes, which take whole ones in turn.

    So each batch is one that a single process would have, and what is computed of it is the same
    to the last bit.

    Args:
        batches: All batches; or those of this process, if they are ``divided``.
        rank: The number of this process.
        world_size: How many there are.
        divided: Whether others are left out already.
    """

    def __init__(
        self, batches: Iterable[Data], rank: int, world_size: int, divided: bool = False
    ) -> None:
        self.batches, self.rank, self.world_size, self.divided = batches, rank, world_size, divided

    def map(self, change: Callable[[Data], Data]) -> InTurn:
        """The same batches, changed; they can be gone through once."""
        return InTurn(map(change, self.batches), self.rank, self.world_size, self.divided)

    def __iter__(self) -> Iterator[Data]:
        if self.divided:
            return iter(self.batches)
        return islice(self.batches, self.rank, None, self.world_size)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.batches!r}, {self.rank} of {self.world_size})"


def over_all(loader: Iterable[Data], work: Callable[[Data], Rows]) -> list[Rows]:
    """What a function makes of every batch, in the order of the clips, each clip once.

    Where the loader gives each process a share, all processes call this at the same time; each
    works on its own share and gets the rows of all, so that what is computed of them is exactly
    what one process would compute.

    Args:
        loader: The batches, :class:`InTurn`, or
            :class:`~pyg_skeletonmae.loader.SkeletonLoader`, which cuts each into slices.
        work: Turns a batch into tensors with a row for each clip.
    """
    if isinstance(loader, InTurn):
        return in_turn([tuple(x.cpu() for x in work(batch)) for batch in loader], loader.world_size)
    rank, processes = getattr(loader, "rank", 0), getattr(loader, "world_size", 1)
    own: list[Rows | None] = []
    for batch in loader:
        # A batch that was too small to be divided is that of the first process.
        mine = getattr(loader, "shared", True) or rank == 0
        own.append(work(batch) if mine else None)
    if processes == 1:
        return [rows for rows in own if rows is not None]
    told = [None if rows is None else tuple(x.cpu() for x in rows) for rows in own]
    every: list[Any] = [None] * processes
    distributed.all_gather_object(every, told)
    return [rows for slices in zip(*every, strict=True) for rows in slices if rows is not None]


def in_turn(own: Sequence[T], world_size: int) -> list[T]:
    """What all processes have, the first of each, then the second of each, and so on.

    Args:
        own: What this one has; others have as many, or, behind the last that has, one fewer.
        world_size: How many there are.
    """
    if world_size == 1:
        return list(own)
    every: list[Any] = [None] * world_size
    distributed.all_gather_object(every, list(own))
    return [every[n % world_size][n // world_size] for n in range(sum(map(len, every)))]
