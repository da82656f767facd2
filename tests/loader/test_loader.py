import copy
import itertools
import pickle
import shutil
import subprocess
import sys
from collections.abc import Iterable
from itertools import chain
from pathlib import Path

import numpy as np
import pytest
import torch
from torch_geometric.loader import DataLoader
from torch_geometric.transforms import Compose
from transforms_helpers import assert_same, make_clips

from pyg_skeletonmae.datasets import SkeletonDataset
from pyg_skeletonmae.errors import CheckpointError, ConfigError, DataError
from pyg_skeletonmae.layouts import UIPRMD22
from pyg_skeletonmae.loader import SkeletonLoader
from pyg_skeletonmae.transforms import (
    JitterJoints,
    MaskEdges,
    MaskJoints,
    PartMask,
    Resample,
    ToFrameGraphs,
    standard_transform,
)

CLIPS = 23


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    V = UIPRMD22.num_joints
    persons = [(1, 2, 5)[i % 3] for i in range(CLIPS)]
    clips = make_clips(persons, frames=12)
    ends = [12 - i % 5 for i in range(CLIPS)]
    return SkeletonDataset.from_arrays(
        [
            c.pos.view(-1, V, 12, 3).transpose(1, 2)[:, :end]
            for c, end in zip(clips, ends, strict=True)
        ],
        [int(clip.y) for clip in clips],
        UIPRMD22,
        root=tmp_path_factory.mktemp("clips") / "store",
        subjects=[int(clip.subject) for clip in clips],
        valid=[
            c.valid.view(-1, V, 12).transpose(1, 2)[:, :end]
            for c, end in zip(clips, ends, strict=True)
        ],
    )


def ids(loader: SkeletonLoader) -> list[list[int]]:
    return [batch.clip_id.tolist() for batch in loader]


def flat(lists: Iterable[list[int]]) -> list[int]:
    return list(chain.from_iterable(lists))


TRAIN = standard_transform(
    UIPRMD22, 8, train=True, rotate=(0, 180, 0), jitter=0.01, flip=0.5, drop_frames=0.1
)


@pytest.mark.parametrize("stream", ["joint", "bone", "motion", "masked", "frames"])
def test_equals_pygs_loader(dataset, stream):
    transform = standard_transform(
        UIPRMD22,
        8,
        train=True,
        rotate=30.0,
        flip=0.5,
        jitter=0.1,
        stream=stream if stream in ("bone", "motion") else "joint",
    )
    if stream == "masked":
        transform.transforms += [MaskJoints(PartMask("random"), UIPRMD22), MaskEdges(0.3, UIPRMD22)]
    if stream == "frames":
        transform.transforms += [ToFrameGraphs()]
    view = copy.copy(dataset)
    view.transform = transform
    view.set_epoch(4, seed=11)
    ours = SkeletonLoader(dataset, 5, transform, seed=11)
    ours.set_epoch(4)
    for batch, expected in zip(ours, DataLoader(view, batch_size=5), strict=True):
        assert_same(batch, expected)
        for clip, other in zip(batch.to_data_list(), expected.to_data_list(), strict=True):
            assert_same(clip, other)


def test_a_data_sets_transform_runs_first(dataset):
    view = copy.copy(dataset)
    view.transform = Resample(6)
    both = SkeletonLoader(view, 4, JitterJoints(0.1))
    assert all(batch.pos.size(1) == 6 for batch in both)
    one = SkeletonLoader(dataset, 4, Compose([Resample(6), JitterJoints(0.1)]))
    assert_same(next(iter(both)), next(iter(one)))


def test_views_are_respected(dataset):
    view = dataset[3:9]
    assert ids(SkeletonLoader(view, 4, Resample(4))) == [[3, 4, 5, 6], [7, 8]]
    labels = torch.cat([batch.y for batch in SkeletonLoader(view, 4, Resample(4))])
    assert labels.equal(view.labels)


def test_order_follows_from_seed_and_epoch(dataset):
    def order(seed: int, epoch: int) -> list[int]:
        loader = SkeletonLoader(dataset, 4, Resample(4), shuffle=True, seed=seed)
        loader.set_epoch(epoch)
        return flat(ids(loader))

    assert order(0, 0) == order(0, 0)
    assert sorted(order(0, 0)) == list(range(CLIPS))
    assert len({tuple(order(seed, epoch)) for seed in range(3) for epoch in range(3)}) == 9
    assert flat(ids(SkeletonLoader(dataset, 4, Resample(4)))) == list(range(CLIPS))
    # Checkpoints of one version are resumed by the next: the order is a promise.
    assert order(0, 0)[:12] == [10, 9, 13, 5, 18, 16, 0, 17, 1, 8, 14, 7]
    assert order(1, 2)[:12] == [22, 7, 13, 9, 4, 10, 19, 15, 12, 6, 5, 17]


def test_draws_change_with_the_epoch_and_not_with_the_batch_size(dataset):
    def clips(batch_size: int, epoch: int) -> dict[int, torch.Tensor]:
        loader = SkeletonLoader(dataset, batch_size, TRAIN, shuffle=True)
        loader.set_epoch(epoch)
        return {int(clip.clip_id): clip.pos for batch in loader for clip in batch.to_data_list()}

    small, large, later = clips(3, 0), clips(8, 0), clips(8, 1)
    assert all(small[i].equal(large[i]) for i in range(CLIPS))
    assert not any(large[i].equal(later[i]) for i in range(CLIPS))


@pytest.mark.parametrize("drop_last", [False, True])
@pytest.mark.parametrize("world_size", [2, 3, 4])
@pytest.mark.parametrize("batch_size", [1, 2, 5])
def test_processes_share_every_clip_once(dataset, world_size, batch_size, drop_last):
    def loader(rank: int, world: int, size: int) -> SkeletonLoader:
        return SkeletonLoader(
            dataset, size, Resample(4), True, drop_last, seed=5, rank=rank, world_size=world
        )

    ranks = [ids(loader(rank, world_size, batch_size)) for rank in range(world_size)]
    one = ids(loader(0, 1, batch_size * world_size))
    steps = len(loader(0, world_size, batch_size))
    assert [len(rank) for rank in ranks] == [steps] * world_size
    assert all(batch for rank in ranks for batch in rank)
    together = [flat(parts) for parts in zip(*ranks, strict=True)]
    # A last batch of too few clips is nobody's slice: each process gets it.
    assert together[:-1] == one[:-1]
    assert together[-1] in (one[-1], one[-1] * world_size)
    sizes = [len(rank[-1]) for rank in ranks]
    assert max(sizes) - min(sizes) <= 1


LEFT = [
    (9, False, [4, 4, 1], [True, True, False]),
    (10, False, [4, 4, 2], [True] * 3),
    (9, True, [4, 5], [True, True]),
    (10, True, [4, 4, 2], [True, True, False]),
    (12, True, [4, 4, 4], [True] * 3),
    (3, True, [3], [False]),
]


@pytest.mark.parametrize(("clips", "shuffle", "sizes", "shared"), LEFT)
def test_what_is_left_is_shared_where_each_process_has_enough(
    dataset, clips, shuffle, sizes, shared
):
    # One clip each is enough to evaluate; in training a batch norm needs two.
    loaders = [
        SkeletonLoader(dataset[:clips], 2, Resample(4), shuffle, rank=rank, world_size=2)
        for rank in range(2)
    ]
    assert loaders[0].batch_sizes == sizes
    assert SkeletonLoader(dataset[:clips], 4, Resample(4), shuffle).batch_sizes == sizes
    left, right = ([(batch.clip_id.tolist(), x.shared) for batch in x] for x in loaders)
    assert [cut for _, cut in left] == [cut for _, cut in right] == shared
    assert [a == b for (a, _), (b, _) in zip(left, right, strict=True)] == [not x for x in shared]
    assert loaders[0].least_clips == min(len(a) for a, _ in (*left, *right))


@pytest.mark.parametrize("stop", [0, 1, 3])
def test_the_next_processes_go_on_where_others_stood(dataset, stop):
    """The promise: the same clips in the same steps, whatever the number of processes."""

    def take(processes: int, batches: int, state: dict | None) -> tuple[list[list[int]], dict]:
        parts = []
        for rank in range(processes):
            loader = SkeletonLoader(
                dataset, 8 // processes, Resample(4), True, seed=5, rank=rank, world_size=processes
            )
            if state is not None:
                loader.load_state_dict(state)
            loader.set_epoch(1)
            parts.append([b.clip_id.tolist() for b in itertools.islice(loader, batches)])
            after = loader.state_dict()
        shared = [flat(slices) for slices in zip(*parts, strict=True)]
        return [list(dict.fromkeys(clips)) for clips in shared], after

    whole, _ = take(1, 9, None)
    first, state = take(2, stop, None) if stop else ([], None)
    second, state = take(1, 1, state)
    third, _ = take(4, 9, state)
    assert first + second + third == whole == take(8, 9, None)[0]
    assert whole[0] == [17, 0, 13, 19, 8, 16, 18, 15]


@pytest.mark.parametrize("stop", range(6))
def test_resume_in_the_middle_of_an_epoch(dataset, stop):
    def loader() -> SkeletonLoader:
        loader = SkeletonLoader(dataset, 4, TRAIN, shuffle=True, seed=2)
        loader.set_epoch(3)
        return loader

    whole = list(loader())
    first = loader()
    batches = iter(first)
    for _ in range(stop):
        next(batches)
    state = first.state_dict()
    assert (state["epoch"], state["batch"]) == (3, stop)

    second = SkeletonLoader(dataset, 4, TRAIN, shuffle=True)
    second.load_state_dict(state)
    second.set_epoch(3)
    rest = list(second)
    assert len(rest) == len(whole) - stop
    for batch, expected in zip(rest, whole[stop:], strict=True):
        assert_same(batch, expected)
    assert len(list(second)) == len(whole)


def test_a_new_epoch_starts_at_its_first_batch(dataset):
    loader = SkeletonLoader(dataset, 4, Resample(4))
    loader.load_state_dict({**loader.state_dict(), "batch": 2})
    loader.set_epoch(1)
    assert len(list(loader)) == len(loader) == 6
    assert loader.state_dict()["batch"] == 6


def test_resume_with_other_batches_is_refused(dataset):
    state = SkeletonLoader(dataset, 4, Resample(4)).state_dict()
    with pytest.raises(CheckpointError, match=r"batch_size was 4 in 1 process\(es\), is 5 in 1"):
        SkeletonLoader(dataset, 5, Resample(4)).load_state_dict(state)


@pytest.mark.parametrize("other", [{"seed": 1}, {"shuffle": True}, {"drop_last": True}])
def test_another_loader_is_told(dataset, other):
    state = SkeletonLoader(dataset, 4, Resample(4)).state_dict()
    SkeletonLoader(dataset, 4, Resample(4)).check_state(state)
    (name,) = other
    with pytest.raises(CheckpointError, match=f"another loader: {name} was"):
        SkeletonLoader(dataset, 4, Resample(4), **other).check_state(state)


@pytest.mark.parametrize("value", [-1, 1.0, True, "1", None, 2**53])
def test_a_place_that_is_no_count_is_refused(dataset, value):
    loader = SkeletonLoader(dataset, 4, Resample(4))
    with pytest.raises(CheckpointError, match=r"loader\.epoch: expected a count, found"):
        loader.check_state({**loader.state_dict(), "epoch": value})


def test_clips_of_several_lengths_need_resample(dataset):
    with pytest.raises(DataError, match=r"8 to 12 frames cannot stand in one batch: put Resample"):
        next(iter(SkeletonLoader(dataset, 8)))


def test_bad_settings(dataset):
    with pytest.raises(ConfigError, match="batch_size 0"):
        SkeletonLoader(dataset, 0)
    with pytest.raises(ConfigError, match="rank 2 of 2"):
        SkeletonLoader(dataset, 1, rank=2, world_size=2)
    with pytest.raises(DataError, match="drop_last leaves nothing: 3 clips, batches of 4"):
        SkeletonLoader(dataset[:3], 4, drop_last=True)


def test_workers_share_the_store_instead_of_getting_it(dataset):
    """A pickle holds the path of the store; what the copy reads is the file, mapped."""
    loader = SkeletonLoader(dataset, 4, Resample(4), shuffle=True, seed=3)
    sizes = [len(pickle.dumps(thing)) for thing in (dataset, dataset.store)]
    assert max(sizes) < 4000 < dataset.store.pos.numel()
    copied = pickle.loads(pickle.dumps(dataset))
    for batch, wanted in zip(
        SkeletonLoader(copied, 4, Resample(4), shuffle=True, seed=3), loader, strict=True
    ):
        assert_same(batch, wanted)


READ_A_BATCH = """
import sys, resource, torch
from pyg_skeletonmae.datasets import SkeletonDataset
from pyg_skeletonmae.loader import SkeletonLoader
from pyg_skeletonmae.transforms import Resample

def memory():
    with open("/proc/self/status") as status:
        lines = [line.split() for line in status if line.startswith(("RssAnon", "RssFile"))]
    return sum(int(line[1]) for line in lines)

SkeletonLoader(SkeletonDataset(sys.argv[1]), 8, Resample(8))  # imports and libraries are loaded
before = memory()
loader = SkeletonLoader(SkeletonDataset(sys.argv[2]), 8, Resample(8), shuffle=True)
batches = iter(loader)
for _ in range(8):
    next(batches)
print(memory() - before, loader.dataset.store.pos.numel() * 4 // 1024)
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs /proc")
def test_memory_does_not_grow_with_the_store(dataset, tmp_path):
    """A store of 200 MB, most of it a hole in the file: a second process reads 64 clips of it."""
    frames, V = 100, UIPRMD22.num_joints
    clips = np.broadcast_to(np.float32(1.0), (2, frames, V, 3))
    count = 4000
    small = SkeletonDataset.from_arrays([clips] * 2, None, UIPRMD22, root=tmp_path / "small")
    big = tmp_path / "big"
    shutil.copytree(small.store.root, big)
    np.lib.format.open_memmap(big / "pos.npy", "w+", np.float32, (2 * frames * count, V, 3))
    start = np.arange(2 * count) * frames
    columns = {
        "length": np.full(count, frames),
        "subject": np.full(count, -1),
        "clip_track": np.arange(count + 1) * 2,
        "track_start": start,
        "names": np.array([f"clip {number}" for number in range(count)]),
    }
    np.savez(big / "index.npz", **columns)
    script = [sys.executable, "-c", READ_A_BATCH, str(small.store.root), str(big)]
    done = subprocess.run(script, capture_output=True, text=True, check=True)
    grown, store = (int(number) for number in done.stdout.split())
    assert store > 200_000 and grown < 30_000, f"{grown} KB for a store of {store} KB"


def test_repr(dataset):
    loader = SkeletonLoader(dataset, 4, Resample(4))
    assert repr(loader) == "SkeletonLoader(SkeletonDataset(23), batch_size=4, batches=6, rank=0/1)"
