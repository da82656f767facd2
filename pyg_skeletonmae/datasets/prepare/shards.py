"""A store prepared by several jobs of a cluster, each of which reads a share of the files."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import NamedTuple

from pyg_skeletonmae.errors import ConfigError


class Shard(NamedTuple):
    """Which share of the parts of a store a job reads.

    Args:
        number: Of this share, from 0.
        among: How many shares there are.
    """

    number: int
    among: int

    def has(self, part: int) -> bool:
        """Whether a part, by its number, is in this share."""
        return part % self.among == self.number


class OthersAtWork(Exception):
    """This share is done, and others are not: the job that does the last one writes the store."""


_ALL = Shard(0, 1)
_shard: ContextVar[Shard] = ContextVar("shard", default=_ALL)


def this_shard() -> Shard:
    """The share of this job; all there is, unless :func:`one_shard` says otherwise."""
    return _shard.get()


@contextmanager
def one_shard(number: int, count: int) -> Iterator[Shard]:
    """What is prepared during the block is one share of it, whatever the data set.

    Args:
        number: Of the share, from 0.
        count: Of all shares.

    Raises:
        ConfigError: There is no such share.
        OthersAtWork: In the block: the share is done, and others are not.
    """
    if not 0 <= number < count:
        raise ConfigError(f"--shard {number} --shards {count}: expected 0 <= shard < shards")
    token = _shard.set(Shard(number, count))
    try:
        yield _shard.get()
    finally:
        _shard.reset(token)
