from __future__ import annotations

from itertools import chain
from types import SimpleNamespace

import pytest
import torch
from training_helpers import SlicedLoader, make_clips, make_loader

from pyg_skeletonmae.errors import CheckpointError, ConfigError, DataError
from pyg_skeletonmae.training.batches import Feed


class Resumable(SlicedLoader):
    """A loader that finds its place itself, and says what it was asked."""

    def __init__(self) -> None:
        super().__init__(make_clips(), 3)
        self.asked: list[object] = []
        self.start = self.done = 0

    def set_epoch(self, epoch: int) -> None:
        self.asked.append(epoch)

    def state_dict(self) -> dict[str, int]:
        return {"done": self.done}

    def load_state_dict(self, state: dict[str, int]) -> None:
        self.asked.append(state)
        self.start = state["done"]

    def __iter__(self):
        start, self.start = self.start, 0
        for number, batch in enumerate(super().__iter__()):
            if number >= start:
                self.done = number + 1
                yield batch


def clips(feed: Feed, count: int) -> list[list[int]]:
    """The clips of the next batches, drawing random numbers between them as a model would."""
    seen = []
    for _ in range(count):
        seen.append(feed.next().clip_id.tolist())
        torch.rand(3)
        if not feed.left:
            feed.end_epoch()
    return seen


@pytest.mark.parametrize("make", [make_loader, Resumable])
@pytest.mark.parametrize("stop", range(9))
def test_goes_on_where_it_was(make, stop):
    torch.manual_seed(0)
    expected = clips(Feed(make()), 10)
    torch.manual_seed(0)
    feed = Feed(make())
    first = clips(feed, stop)
    state, place = feed.state_dict(), torch.get_rng_state()
    torch.manual_seed(99)
    again = Feed(make())
    again.load_state_dict(state)
    torch.set_rng_state(place)
    assert first + clips(again, 10 - stop) == expected
    assert again.clips == 30 and (again.epoch, again.batch) == (2, 2)


def test_shuffles_anew_each_epoch():
    feed = Feed(make_loader())
    one, two = clips(feed, 4), clips(feed, 4)
    assert one != two
    assert sorted(chain(*one)) == sorted(chain(*two)) == list(range(12))


def test_tells_the_epoch_to_the_loader_or_its_data_set():
    loader = Resumable()
    clips(Feed(loader), 9)
    assert loader.asked == [0, 1, 2]

    class Epochs(list):
        def set_epoch(self, epoch, seed):
            asked.append((epoch, seed))

    asked: list[tuple[int, int]] = []
    loader = SlicedLoader(make_clips(), 3)
    loader.dataset = Epochs()
    clips(Feed(loader, seed=7), 9)
    assert asked == [(0, 7), (1, 7), (2, 7)]


def test_a_loader_that_says_it_is_another_is_refused():
    class Strict(Resumable):
        def check_state(self, state):
            if state["seed"] != 0:
                raise CheckpointError("seed")

        def state_dict(self):
            return {**super().state_dict(), "seed": 0}

    state = Feed(Strict()).state_dict()
    Feed(Strict()).load_state_dict(state)
    state["loader"]["seed"] = 1
    with pytest.raises(CheckpointError, match="seed"):
        Feed(Strict()).load_state_dict(state)


def test_workers_that_stay_are_refused_where_draws_follow_the_epoch():
    loader = SlicedLoader(make_clips(), 3)
    loader.dataset = SimpleNamespace(set_epoch=print)
    Feed(loader)
    loader.persistent_workers = True
    with pytest.raises(ConfigError, match="persistent_workers"):
        Feed(loader)


def test_empty_and_short_loaders():
    with pytest.raises(DataError, match="no batch"):
        Feed(SlicedLoader([], 3))
    loader = SlicedLoader(make_clips(), 3)
    feed = Feed(loader)
    feed.next()
    feed._batches = iter([])
    with pytest.raises(DataError, match="ended after 1 of 4 batches"):
        feed.next()
