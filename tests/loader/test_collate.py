import os

import pytest
import torch
from torch_geometric.data import Batch
from torch_geometric.transforms import Compose
from transforms_helpers import assert_same, make_clip
from wait_helpers import Waits

from pyg_skeletonmae.batch import on_device
from pyg_skeletonmae.datasets import SkeletonDataset
from pyg_skeletonmae.draws import clip_keys
from pyg_skeletonmae.errors import DataError, SkeletonFormatError
from pyg_skeletonmae.layouts import UIPRMD22
from pyg_skeletonmae.loader import collate as collate_module
from pyg_skeletonmae.loader.collate import StoreCollater, flatten_transforms, is_too_large
from pyg_skeletonmae.transforms import (
    CropResize,
    CropTime,
    JitterJoints,
    RandomRotate3D,
    Resample,
    UniformSample,
)

PERSONS = (1, 2, 5, 1, 2, 1)
FRAMES = (9, 4, 9, 1, 30, 12)


@pytest.fixture(params=["complete", "gaps", "unlabelled"])
def dataset(request, tmp_path):
    missing = 0.2 if request.param == "gaps" else 0.0
    sizes = enumerate(zip(PERSONS, FRAMES, strict=True))
    clips = [make_clip(p, t, number=i, missing=missing) for i, (p, t) in sizes]
    V = UIPRMD22.num_joints
    return SkeletonDataset.from_arrays(
        [clip.pos.view(-1, V, clip.pos.size(1), 3).transpose(1, 2) for clip in clips],
        None if request.param == "unlabelled" else [int(clip.y) for clip in clips],
        UIPRMD22,
        root=tmp_path / "store",
        subjects=[int(clip.subject) for clip in clips],
        valid=[clip.valid.view(-1, V, clip.pos.size(1)).transpose(1, 2) for clip in clips],
    )


@pytest.mark.parametrize(
    "steps",
    [
        [Resample(8)],
        [Resample(1), JitterJoints(0.1)],
        [Resample(8, "nearest"), Resample(5)],
        [CropTime(0.5, 1.0), Resample(8), RandomRotate3D(30)],
        [CropTime(0.5, 1.0), CropTime(0.9, random=False), Resample(20), CropTime(0.5)],
        [CropResize(8, 0.5, 1.0, least=3), RandomRotate3D(30)],
        [CropTime(0.5, 1.0), UniformSample(5, 3), RandomRotate3D(30)],
        [UniformSample(5, 2)],
    ],
    ids=str,
)
@pytest.mark.parametrize("clips", [[0, 1, 2, 3, 4, 5], [3], [5, 2, 2]], ids=str)
def test_equals_clips_collated_one_by_one(dataset, steps, clips):
    dataset.set_epoch(2, seed=3)
    dataset.transform = Compose(steps)
    expected = Batch.from_data_list([dataset[i] for i in clips])
    numbers = torch.tensor(clips)
    batch = StoreCollater(dataset.store, steps)(numbers, clip_keys(3, 2, numbers))
    assert type(batch) is type(expected)
    assert_same(batch, expected)
    assert batch.num_graphs == len(clips)
    for ours, theirs in zip(batch.to_data_list(), expected.to_data_list(), strict=True):
        assert_same(ours, theirs)


def test_fields_lie_in_memory_as_they_should(dataset):
    batch = StoreCollater(dataset.store, [Resample(8)])(torch.tensor([3]), torch.tensor([0]))
    assert all(value.is_contiguous() for value in batch.to_dict().values())


def test_clips_of_one_length_need_no_resampling(dataset):
    numbers = torch.tensor([0, 2])
    batch = StoreCollater(dataset.store, [])(numbers, clip_keys(0, 0, numbers))
    assert_same(batch, Batch.from_data_list([dataset[0], dataset[2]]))


def test_clips_of_several_lengths_do(dataset):
    numbers = torch.tensor([0, 1])
    for steps in ([], [CropTime(0.5)], [JitterJoints(0.1), Resample(4)]):
        with pytest.raises(DataError, match=r"cannot stand in one batch: put Resample\(frames\)"):
            StoreCollater(dataset.store, steps)(numbers, clip_keys(0, 0, numbers))


def test_the_store_stays_as_it_is(dataset):
    before = dataset.store.pos.clone()
    numbers = torch.tensor([0, 2])
    batch = StoreCollater(dataset.store, [])(numbers, clip_keys(0, 0, numbers))
    batch.pos.zero_()
    batch.edge_index.zero_()
    assert dataset.store.pos.equal(before)
    again = StoreCollater(dataset.store, [])(numbers, clip_keys(0, 0, numbers))
    assert again.edge_index.any()
    collate = StoreCollater(dataset.store, [])  # nor do batches of one loader share memory
    for _ in range(2):
        batch = collate(numbers[:1], clip_keys(0, 0, numbers[:1]))
        assert batch.clip_id.tolist() == [0] and batch.edge_index.max() < batch.num_nodes
        batch.clip_id += 2
        batch.edge_index += 100


def test_a_file_that_has_shrunk_is_named(dataset):
    numbers, store = torch.tensor([0, 2]), dataset.store
    collate = StoreCollater(store, [])
    os.truncate(store.root / "pos.npy", 200)
    for read in (lambda: collate(numbers, numbers), lambda: StoreCollater(store, [])):
        with pytest.raises(SkeletonFormatError, match=r"pos\.npy"):
            read()


def test_flatten_transforms():
    a, b, c = Resample(1), Resample(2), Resample(3)
    assert flatten_transforms([None, Compose([a, Compose([b])]), c]) == [a, b, c]


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_a_gpu_gives_the_same_batches(dataset):
    """The store is copied there once; draws are the same, coordinates but for rounding."""
    steps = [CropTime(0.5, 1.0), UniformSample(5, 2), RandomRotate3D(30)]
    numbers, keys = torch.tensor([5, 2, 2]), clip_keys(3, 2, torch.tensor([5, 2, 2]))
    collate = StoreCollater(dataset.store, steps, "cuda")
    wanted, found = StoreCollater(dataset.store, steps)(numbers, keys), collate(numbers, keys)
    for name, value in wanted.to_dict().items():
        assert found[name].is_cuda, name
        if value.is_floating_point():
            torch.testing.assert_close(found[name].cpu(), value, rtol=0, atol=1e-5)
        else:
            assert found[name].cpu().equal(value), name
    for ours, theirs in zip(found.to_data_list(), wanted.to_data_list(), strict=True):
        assert ours.edge_index.cpu().equal(theirs.edge_index)


def test_what_does_not_fit_a_gpu_is_gathered_where_it_is(dataset, monkeypatch):
    """On the device ``meta``, as on a GPU: frames are copied there, without waiting, not stores."""
    copies = []
    monkeypatch.setattr(
        collate_module, "on_device", lambda x, to: copies.append((x.device, to)) or on_device(x, to)
    )
    steps = [CropTime(0.5), Resample(8), RandomRotate3D(30)]
    numbers, keys = torch.tensor([0, 2]), clip_keys(0, 0, torch.tensor([0, 2]))
    here = StoreCollater(dataset.store, steps)
    expected = here(numbers, keys)
    staged = StoreCollater(dataset.store, steps, "meta", staged=True)
    assert staged.staged and not here.staged and staged._pos.is_cpu
    with Waits() as waits:
        batch = staged(numbers, keys)
    assert dict(waits.found) == {}
    for name, value in expected.to_dict().items():
        assert batch[name].is_meta and batch[name].shape == value.shape, name
    staged = StoreCollater(dataset.store, steps, "cpu", staged=True)
    for name, value in staged(numbers, keys).to_dict().items():
        assert value.equal(expected[name]), name
    assert (torch.device("cpu"), torch.device("meta")) in copies


def test_a_store_of_more_than_half_of_the_free_memory_is_too_large(dataset, monkeypatch):
    store, gpu = dataset.store, torch.device("cuda")
    size = store.pos.nbytes + (0 if store.valid is None else store.valid.nbytes)
    for free, too_large in ((2 * size, False), (2 * size - 1, True)):
        monkeypatch.setattr(torch.cuda, "mem_get_info", lambda _, free=free: (free, 10 * free))
        assert is_too_large(store, gpu) == too_large
        assert not is_too_large(store, torch.device("cpu"))


def test_batches_are_put_together_where_they_are_to_live(dataset):
    """As on a GPU, but for the numbers, which the device ``meta`` does not hold."""
    steps = [CropTime(0.5), Resample(8), RandomRotate3D(30)]
    numbers, keys = torch.tensor([0, 2]), clip_keys(0, 0, torch.tensor([0, 2]))
    here = StoreCollater(dataset.store, steps)(numbers, keys)
    there = StoreCollater(dataset.store, steps, "meta")(numbers, keys)
    for name, value in here.to_dict().items():
        assert there[name].is_meta, name
        assert (there[name].shape, there[name].dtype) == (value.shape, value.dtype), name
