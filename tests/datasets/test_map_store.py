from __future__ import annotations

import pytest
import torch
from data_helpers import STICK, some_clips

from pyg_skeletonmae.datasets import SkeletonDataset, write_store
from pyg_skeletonmae.datasets.map_store import with_joints
from pyg_skeletonmae.loader import SkeletonLoader
from pyg_skeletonmae.skeleton import Skeleton
from pyg_skeletonmae.transforms import Resample

OTHER = Skeleton("bust", ("head", "neck", "horn"), (("neck", "head"), ("horn", "head")), "head")


@pytest.fixture
def dataset(tmp_path):
    write_store(tmp_path / "store", some_clips(), STICK)
    return SkeletonDataset(tmp_path / "store")


def test_clips_get_the_joints_once(dataset, tmp_path):
    mapped = with_joints(dataset, OTHER, tmp_path / "joints")
    assert mapped.skeleton == OTHER and len(mapped) == len(dataset)
    assert dataset.skeleton == STICK
    assert torch.equal(mapped.labels, dataset.labels)
    assert mapped.store.names == dataset.store.names
    old, new = dataset[1], mapped[1]  # two persons
    head = old.pos.view(2, 4, 3, 3)[:, STICK.index("head")]
    assert torch.equal(new.pos.view(2, 3, 3, 3)[:, 0], head)
    assert not new.valid.view(2, 3, 3)[:, 2].any()
    (store,) = (tmp_path / "joints").iterdir()
    before = (store / "pos.npy").stat().st_mtime_ns
    with_joints(dataset, OTHER, tmp_path / "joints")
    assert (store / "pos.npy").stat().st_mtime_ns == before


def test_views_and_loaders_work(dataset, tmp_path):
    mapped = with_joints(dataset, OTHER, tmp_path / "joints")
    train, _ = mapped.split(train=[1])
    (batch,) = SkeletonLoader(train, 8, Resample(4))
    assert batch.pos.shape == (3 * int(batch.num_tracks.sum()), 4, 3)


def test_equal_joints_need_nothing(dataset, tmp_path):
    assert with_joints(dataset, STICK, tmp_path / "joints") is dataset
    assert not (tmp_path / "joints").exists()
