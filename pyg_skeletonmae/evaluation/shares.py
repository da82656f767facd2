"""Work on a data set that several processes divide among them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from torch import Tensor, distributed
from torch_geometric.data import Data

Rows = tuple[Tensor, ...]


def over_all(loader: Iterable[Data], work: Callable[[Data], Rows]) -> list[Rows]:
    """What a function makes of every batch, in the order of the clips, each clip once.

    Where the loader gives each process a share, all processes call this at the same time; each
    works on its own share and gets the rows of all, so that what is computed of them is exactly
    what one process would compute.

    Args:
        loader: The batches, for example :class:`~pyg_skeletonmae.loader.SkeletonLoader`.
        work: Turns a batch into tensors with a row for each clip.
    """
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
