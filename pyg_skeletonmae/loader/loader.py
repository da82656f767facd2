"""Batches for training and evaluation: order, sharing between processes, and resuming."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from typing import Any

import torch
from torch_geometric.data import Data

from pyg_skeletonmae.configurable.arguments import CheckedMeta
from pyg_skeletonmae.datasets.skeleton_dataset import SkeletonDataset
from pyg_skeletonmae.draws import clip_keys, mix
from pyg_skeletonmae.errors import CheckpointError, ConfigError, DataError
from pyg_skeletonmae.loader.collate import StoreCollater, Transform, flatten_transforms

_SLICES = ("batch_size", "world_size")  # of which the product alone counts


class SkeletonLoader(metaclass=CheckedMeta):
    """Iterates over a data set in whole ``Batch`` objects, read straight from its store.

    The batches equal those of ``torch_geometric.loader.DataLoader``, field by field, for the same
    clips and transforms. What is drawn, and the order, follow from seed, epoch and clip alone: not
    from the batch size, the number of processes, or an interruption.

    With ``world_size`` R, a global batch of ``batch_size * R`` clips is cut into R slices, as even
    as possible, and each process gets the slice of its rank. Which clips a global batch holds
    follows from its size alone: a run goes on with another number of processes over the same clips
    in the same steps. Every process makes equally many steps, and clips that are left over at the
    end form a smaller global batch. With ``shuffle`` a single one joins the batch before: batches
    that are shuffled are trained on, and no BatchNorm can be trained on a single clip. For the same
    reason a global batch of fewer clips than processes, or with ``shuffle`` than two for each, is
    not cut: each process gets all of it, and :attr:`shared` says so.

    Args:
        dataset: The clips; its ``transform``, if any, runs before ``transform``.
        batch_size: Clips per batch in this process.
        transform: Runs on the batch. ``CropTime`` and ``Resample`` at its head (or at the head of
            the data set's) are merged into the reading, so that only needed frames are read.
        shuffle: Whether clips come in an order that changes with seed and epoch.
        drop_last: Whether clips that fill no whole global batch are left out.
        seed: Where order and draws derive from, together with the epoch.
        rank: The number of this process.
        world_size: The number of processes.
        device: Where batches live. On a GPU the whole store is copied there once, or, where that
            would take more than half of its free memory, the frames of each batch.

    Raises:
        ConfigError: A number is out of range.
        DataError: ``drop_last`` leaves no batch. While iterating: clips differ in length and no
            ``Resample`` makes them equal.
    """

    def __init__(
        self,
        dataset: SkeletonDataset,
        batch_size: int,
        transform: Transform | None = None,
        shuffle: bool = False,
        drop_last: bool = False,
        seed: int = 0,
        rank: int = 0,
        world_size: int = 1,
        device: torch.device | str = "cpu",
    ) -> None:
        if batch_size < 1:
            raise ConfigError(f"batch_size {batch_size}: expected 1 or more")
        if not 0 <= rank < world_size:
            raise ConfigError(
                f"rank {rank} of {world_size} processes: expected 0 <= rank < processes"
            )
        self.dataset, self.batch_size = dataset, batch_size
        self.shuffle, self.drop_last, self.seed = shuffle, drop_last, seed
        self.rank, self.world_size, self.epoch = rank, world_size, 0
        self._clips = torch.as_tensor(list(dataset.indices()), dtype=torch.long)
        self._bounds, self._start, self._done = self._cut(len(self._clips)), 0, 0
        steps = flatten_transforms([dataset.transform, transform])
        self._collate = StoreCollater(dataset.store, steps, device)

    def set_epoch(self, epoch: int) -> None:
        """Sets the epoch that order and draws derive from; a new one starts at its first batch."""
        if epoch != self.epoch:
            self.epoch, self._start, self._done = epoch, 0, 0

    def state_dict(self) -> dict[str, int]:
        """Where the loader stands: after a load, iteration goes on behind the last batch given."""
        return {"epoch": self.epoch, "batch": self._done, "seed": self.seed, **self._shape()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Makes the next iteration start where another loader stood.

        Raises:
            CheckpointError: The other loader cut other clips, or into other batches.
        """
        self.check_state({**state, "seed": self.seed})
        self.epoch, self.seed = state["epoch"], state["seed"]
        self._start = self._done = state["batch"]

    def check_state(self, state: dict[str, Any]) -> None:
        """Compares with the state of another loader.

        Raises:
            CheckpointError: It was over other clips, in other batches, or in another order, or does
                not tell a place.
        """
        own = {**self._shape(), "seed": self.seed}
        for name in ("epoch", "batch", *_SLICES):
            value = state.get(name, own.get(name))
            if type(value) is not int or not 0 <= value < 2**53:
                raise CheckpointError(f"loader.{name}: expected a count, found {value!r:.40}")
        for name, value in own.items():
            if name not in _SLICES and state.get(name, value) != value:
                raise CheckpointError(
                    f"cannot resume with another loader: {name} was {state[name]}, is {value}"
                )
        before, now = ([shape[name] for name in _SLICES] for shape in ({**own, **state}, own))
        if math.prod(before) != math.prod(now):
            raise CheckpointError(
                "cannot resume with another global batch: batch_size was {} in {} process(es), "
                "is {} in {}".format(*before, *now)
            )

    @property
    def batch_sizes(self) -> list[int]:
        """The clips of each global batch of an epoch."""
        return [last - first for first, last in itertools.pairwise(self._bounds)]

    @property
    def least_clips(self) -> int:
        """The clips of the smallest batch that a process gets."""
        sizes = self.batch_sizes
        return min(size // self.world_size if self._is_cut(size) else size for size in sizes)

    @property
    def shared(self) -> bool:
        """Whether the last batch given is the slice of this process, not the whole global batch."""
        return self._is_cut(self.batch_sizes[max(self._done - 1, 0)])

    def __len__(self) -> int:
        return len(self._bounds) - 1

    def __iter__(self) -> Iterator[Data]:
        clips = self._clips
        if self.shuffle:
            order = mix(clip_keys(self.seed, self.epoch, clips), -3)
            clips = clips[order.argsort(stable=True)]
        keys = clip_keys(self.seed, self.epoch, clips)
        start, self._start = self._start, 0
        for number in range(start, len(self)):
            begin, end = self._bounds[number : number + 2]
            part = slice(begin, end)
            if self._is_cut(end - begin):
                share, extra = divmod(end - begin, self.world_size)
                first = begin + self.rank * share + min(self.rank, extra)
                part = slice(first, first + share + (self.rank < extra))  # of this process
            self._done = number + 1
            yield self._collate(clips[part], keys[part])

    def _cut(self, clips: int) -> list[int]:
        """Where global batches begin, and where the last one ends."""
        size = self.batch_size * self.world_size
        whole, rest = divmod(clips, size)
        bounds = list(range(0, whole * size + 1, size))
        if self.drop_last:
            if not whole:
                raise DataError(f"drop_last leaves nothing: {clips} clips, batches of {size}")
            return bounds
        if rest >= (2 if self.shuffle and whole and size > 1 else 1):
            bounds.append(clips)
        else:
            bounds[-1] = clips
        return bounds

    def _is_cut(self, clips: int) -> bool:
        """Whether a global batch has enough clips for every process."""
        return clips >= self.world_size * min(2 if self.shuffle else 1, self.batch_size)

    def _shape(self) -> dict[str, int]:
        return {
            "clips": len(self._clips),
            "batch_size": self.batch_size,
            "world_size": self.world_size,
            "shuffle": self.shuffle,
            "drop_last": self.drop_last,
        }

    def __repr__(self) -> str:
        return (
            f"{type(self).__name__}({self.dataset}, batch_size={self.batch_size}, "
            f"batches={len(self)}, rank={self.rank}/{self.world_size})"
        )
