"""A store prepared by several jobs of a cluster, each of which reads a share of the files."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import NamedTuple, TypeVar

from pyg_skeletonmae.errors import ConfigError

T = TypeVar("T")


class Shard(NamedTuple):
    """Which share of the parts of a store a job reads.

    Args:
        number: Of this share, from 0.
        among: How many shares there are.
        apart: Whether each share becomes a store of its own, a part of the whole.
    """

    number: int
    among: int
    apart: bool = False

    @property
    def folder(self) -> str:
        """What the store of this share is called, if it is one of its own."""
        return f"part-{self.number:05}"

    def has(self, part: int) -> bool:
        """Whether a part of the reading, by its number, is in this share."""
        return self.apart or part % self.among == self.number

    def own(self, tasks: Sequence[T]) -> Sequence[T]:
        """The tasks of a store of its own: a run of them, so that parts are in their order."""
        first, last = (len(tasks) * n // self.among for n in (self.number, self.number + 1))
        return tasks[first:last]


class OthersAtWork(Exception):
    """This share is done, and others are not: the job that does the last one makes the store."""


_ALL = Shard(0, 1)
_shard: ContextVar[Shard] = ContextVar("shard", default=_ALL)


def this_shard() -> Shard:
    """The share of this job; all there is, unless :func:`one_shard` says otherwise."""
    return _shard.get()


@contextmanager
def one_shard(number: int, count: int, apart: bool = False) -> Iterator[Shard]:
    """What is prepared during the block is one share of it, whatever the data set.

    Args:
        number: Of the share, from 0.
        count: Of all shares.
        apart: Each share becomes a store of its own, which no job copies into another.

    Raises:
        ConfigError: There is no such share.
        OthersAtWork: In the block: the share is done, and others are not.
    """
    if not 0 <= number < count:
        raise ConfigError(f"--shard {number} --shards {count}: expected 0 <= shard < shards")
    token = _shard.set(Shard(number, count, apart))
    try:
        yield _shard.get()
    finally:
        _shard.reset(token)
