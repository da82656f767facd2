import time

import pytest
import torch

from pyg_skeletonmae.datasets import SyntheticActions
from pyg_skeletonmae.errors import ConfigError, DataError
from pyg_skeletonmae.evaluation import evaluate_classifier, knn, raw_features
from pyg_skeletonmae.layouts import UIPRMD22
from pyg_skeletonmae.loader import SkeletonLoader
from pyg_skeletonmae.models import STRL
from pyg_skeletonmae.transforms import Resample, standard_transform

ODD = [1, 3, 5, 7, 9]


def nearest_neighbour(dataset):
    """1-NN on coordinates, 32 frames, odd subjects against even ones."""
    train, test = (
        raw_features(SkeletonLoader(side, 128, transform=Resample(32)))
        for side in dataset.split("subject", train=ODD)
    )
    return knn(train, test, metric="euclidean")["top1"]


def train_strl(dataset, frames=24, epochs=18):
    """A small STRL from scratch; its accuracy on even subjects."""
    torch.manual_seed(0)
    train, test = dataset.split("subject", train=ODD)
    seen = standard_transform(
        UIPRMD22, frames, train=True, crop=(0.7, 1.0), center="frame", rotate=(0, 45.0, 0), flip=0.5
    )
    plain = standard_transform(UIPRMD22, frames, train=False, center="frame")
    loader = SkeletonLoader(train, 16, transform=seen, shuffle=True)
    model = STRL(
        UIPRMD22, 3, dataset.num_classes, frames, hidden_channels=32, num_layers=2, depth=1,
        head_hidden=64, label_smoothing=0.0,
    )  # fmt: skip
    optimizer = torch.optim.AdamW(model.parameters(), 1e-2)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, 1e-2, total_steps=epochs * len(loader)
    )
    for epoch in range(epochs):
        loader.set_epoch(epoch)
        for batch in loader:
            optimizer.zero_grad()
            model(batch)["loss"].backward()
            optimizer.step()
            schedule.step()
    return evaluate_classifier(model, SkeletonLoader(test, 128, transform=plain))["top1"]


def test_is_a_data_set_like_any_other(tmp_path):
    dataset = SyntheticActions(24, "ntu25", num_classes=6, num_subjects=2, root=tmp_path / "store")
    assert len(dataset) == 24
    assert dataset.num_classes == 6
    assert dataset.class_names == ("wave", "squat", "kick", "walk", "reach", "hand_over")
    assert dataset.subjects.tolist() == ([1] * 6 + [2] * 6) * 2
    assert repr(dataset) == "SyntheticActions(24)"
    two = dataset[5]
    assert two.num_tracks.tolist() == [2]
    assert two.pos.shape[::2] == (50, 3)
    assert two.valid.shape == two.pos.shape[:2]
    assert dataset.store.card["unit"] == "m"
    train, test = dataset.split("subject", train=[1])
    assert len(train) == len(test) == 12


def test_without_a_root_clips_are_in_memory():
    dataset = SyntheticActions(4, "coco17", num_channels=2, num_classes=4)
    assert dataset[3].pos.shape[::2] == (dataset.skeleton.num_joints, 2)
    assert dataset.store.in_memory


def test_a_root_is_opened_again_only_for_the_same_clips(tmp_path):
    root = tmp_path / "store"
    first = SyntheticActions(6, "h36m17", root=root)
    written = (root / "pos.npy").stat().st_mtime_ns
    again = SyntheticActions(6, "h36m17", root=root)
    assert (root / "pos.npy").stat().st_mtime_ns == written
    assert torch.equal(first[2].pos, again[2].pos)
    for changes in ({"seed": 1}, {"num_clips": 7}, {"noise": 0.5}, {"skeleton": "ntu25"}):
        with pytest.raises(DataError, match="choose another folder"):
            SyntheticActions(**{"num_clips": 6, "skeleton": "h36m17", "root": root, **changes})


def test_bad_settings_leave_no_folder(tmp_path):
    with pytest.raises(ConfigError, match="num_classes"):
        SyntheticActions(4, "ntu25", num_classes=99, root=tmp_path / "store")
    assert not (tmp_path / "store").exists()


def test_many_clips_take_seconds(tmp_path):
    start = time.process_time()
    SyntheticActions(200, "ntu25", root=tmp_path / "store")
    assert time.process_time() - start < 4.0


@pytest.mark.parametrize("skeleton", ["ntu25", "coco17", "h36m17"])
def test_nearest_neighbours_find_it_neither_trivial_nor_hopeless(skeleton, tmp_path):
    dataset = SyntheticActions(720, skeleton, root=tmp_path / "store")
    assert 0.5 < nearest_neighbour(dataset) < 0.85


@pytest.mark.slow
def test_strl_learns_clearly_more_than_nearest_neighbours(tmp_path):
    dataset = SyntheticActions(720, UIPRMD22, root=tmp_path / "store")
    bar = nearest_neighbour(dataset)
    assert 0.5 < bar < 0.85
    assert train_strl(dataset) >= bar + 0.10
