"""Batches, epoch after epoch, from a place that can be saved and found again."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sized
from contextlib import AbstractContextManager, contextmanager
from typing import Any, Protocol

from torch_geometric.data import Data

from pyg_skeletonmae.errors import ConfigError, DataError
from pyg_skeletonmae.nn.processes import shared_batch
from pyg_skeletonmae.training.random_state import check_random_state, random_state, set_random_state
from pyg_skeletonmae.training.schema import count, mapping


class Loader(Sized, Protocol):
    """What the trainer needs of a loader: batches, and how many there are in an epoch.

    It uses more where there is more: ``set_epoch`` (of the loader or of its data set),
    ``state_dict`` and ``load_state_dict``, ``world_size``.
    """

    def __iter__(self) -> Iterator[Any]: ...


class Feed:
    """Hands out the batches of a loader, one after the other, and knows where it stands.

    Args:
        loader: The loader.
        seed: Goes with the epoch to a data set that draws random numbers per clip and epoch, where
            the loader does not tell it the epoch itself.

    Raises:
        DataError: The loader has no batch.
        ConfigError: Workers of the loader would not hear of the next epoch.
    """

    def __init__(self, loader: Loader, seed: int = 0) -> None:
        if not len(loader):
            raise DataError("the loader has no batch: are there fewer clips than the batch size?")
        dataset = getattr(loader, "dataset", None)
        if getattr(loader, "persistent_workers", False) and hasattr(dataset, "set_epoch"):
            raise ConfigError(
                "persistent_workers: workers that stay never hear of the next epoch and repeat the "
                "draws of the first; turn it off"
            )
        self.loader, self.seed = loader, seed
        self.epoch = self.batch = 0  # epochs done; batches done of the next one
        self.clips = 0  # handed out by this process
        self._batches: Iterator[Data] | None = None
        self._epoch_random = random_state()
        self._loader_state: dict[str, Any] = {}

    def shared(self) -> AbstractContextManager[None]:
        """What a model does with the last batch is done on the share of this process.

        Not so if there were too few clips: then each process got all of them
        (:attr:`~pyg_skeletonmae.loader.SkeletonLoader.shared`).
        """
        return shared_batch(getattr(self.loader, "shared", True))

    @property
    def left(self) -> int:
        """Batches left in the epoch."""
        return len(self.loader) - self.batch

    def next(self) -> Data:
        """The next batch of the epoch."""
        if self._batches is None and self.batch:
            self._batches = self._again()
        elif self._batches is None:
            self._set_epoch()
            self._epoch_random = random_state()
            self._batches = iter(self.loader)
        batch = next(self._batches, None)
        if batch is None:
            raise DataError(f"the loader ended after {self.batch} of {len(self.loader)} batches")
        self.batch += 1
        if getattr(self.loader, "shared", True) or getattr(self.loader, "rank", 0) == 0:
            self.clips += int(getattr(batch, "num_graphs", 1))
        return batch

    @contextmanager
    def anew(self) -> Iterator[Loader]:
        """The batches of the epoch once more, from its first; the place is afterwards as before."""
        read, load = (getattr(self.loader, f"{do}state_dict", None) for do in ("", "load_"))
        place = read() if read and load else None
        yield self.loader
        if load and place is not None:
            load(place)

    def end_epoch(self) -> None:
        """Goes on to the next epoch."""
        self.epoch, self.batch, self._batches = self.epoch + 1, 0, None

    def _again(self) -> Iterator[Data]:
        """What is left of an epoch begun before.

        A loader that can goes straight to its place. Any other is started from the random state in
        which the epoch began, and run up to the place: slower, and equally exact.
        """
        load = getattr(self.loader, "load_state_dict", None)
        if load is not None:
            load(self._loader_state)
            return iter(self.loader)
        self._set_epoch()
        now = random_state()
        set_random_state(self._epoch_random)
        rest = itertools.islice(iter(self.loader), self.batch, None)
        ahead = list(itertools.islice(rest, 1))
        set_random_state(now)
        return itertools.chain(ahead, rest)

    def _set_epoch(self) -> None:
        dataset = getattr(self.loader, "dataset", None)
        if hasattr(self.loader, "set_epoch"):
            self.loader.set_epoch(self.epoch)
        elif dataset is not None and hasattr(dataset, "set_epoch"):
            dataset.set_epoch(self.epoch, self.seed)

    def state_dict(self) -> dict[str, Any]:
        """The place, for :func:`~pyg_skeletonmae.training.save_checkpoint`."""
        state_dict = getattr(self.loader, "state_dict", None)
        return {
            "epoch": self.epoch,
            "batch": self.batch,
            "clips": self.clips,
            "random": self._epoch_random,
            "loader": {} if state_dict is None else state_dict(),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Goes to the place of another feed over an equal loader.

        Raises:
            CheckpointError: A number is none, or beyond the epoch; or the loader tells that it is
                no equal one (``check_state``).
        """
        state = mapping(state, self.state_dict(), "feed")
        count(state["epoch"], "feed.epoch")
        count(state["batch"], "feed.batch", max(1, len(self.loader)))
        count(state["clips"], "feed.clips")
        check_random_state(state["random"])
        check = getattr(self.loader, "check_state", None)
        if check is not None:
            check(state["loader"])
        self.epoch, self.batch, self.clips = state["epoch"], state["batch"], state["clips"]
        self._epoch_random, self._loader_state = state["random"], state["loader"]
        self._batches = None
