from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from cli_helpers import write_packed
from ntu_helpers import person, write_skeleton

from pyg_skeletonmae.commands.data_clips import open_dataset, split
from pyg_skeletonmae.commands.data_section import DataConfig
from pyg_skeletonmae.datasets import SkeletonDataset
from pyg_skeletonmae.errors import ConfigError


@pytest.fixture
def config(tmp_path):
    path = write_packed(tmp_path / "sticks.npz")
    return DataConfig(name="npz", path=str(path), cache=str(tmp_path / "cache"), frames=6)


def test_clips_of_two_coordinates_are_not_turned(tmp_path, caplog):
    """The presets turn clips, and are to train on 2-D poses as they are."""
    path = str(tmp_path / "store")
    clips = list(np.random.default_rng(0).normal(size=(2, 1, 4, 22, 2)))
    flat = SkeletonDataset.from_arrays(clips, None, "uiprmd22", root=path)
    config = DataConfig("store", path, rotate=[10.0, 20.0, 10.0], crop=None, frames=4)
    with caplog.at_level("INFO", "pyg_skeletonmae"):
        train = config.transform(flat, train=True)(flat[0]).pos
    assert "clips of two coordinates are not turned" in caplog.text
    assert torch.equal(train, config.transform(flat, train=False)(flat[0]).pos)


def test_loaders(config):
    dataset = open_dataset(config)
    config.jitter, config.batch_size = 0.1, 4
    train = config.train_loader(dataset, seed=0)
    first, second = ([batch.pos for batch in train] for _ in range(2))
    assert len(first) == 4 and first[0].shape == (12, 6, 3)
    torch.testing.assert_close(first, second, rtol=0, atol=0)
    train.set_epoch(1)
    assert not torch.equal(next(iter(train)).pos, first[0])
    batches = list(config.eval_loader(dataset))
    assert [len(batch.y) for batch in batches] == [8, 8]
    assert torch.cat([batch.clip_id for batch in batches]).tolist() == list(range(16))


@pytest.mark.parametrize(
    ("clips", "batch", "sizes"),
    [
        (100, 32, [32, 32, 32]),  # not 4 more, whose statistics are noise
        (104, 32, [32, 32, 32, 8]),
        (33, 32, [32]),
        (5, 2, [2, 2]),
        (20, 32, [20]),
        (64, 32, [32, 32]),
    ],
)
def test_no_small_batch_at_the_end_if_unwanted(clips, batch, sizes):
    config = DataConfig("synthetic", num_clips=clips, num_classes=2, frames=4, batch_size=batch)
    dataset = open_dataset(config)
    loader = config.train_loader(dataset, 0, drop_small=True)
    assert [own.num_graphs for own in loader] == sizes
    kept = config.train_loader(dataset, 0)
    assert sum(own.num_graphs for own in kept) == clips
    with pytest.raises(ConfigError, match="batch_size 1"):
        DataConfig("synthetic", batch_size=1).train_loader(dataset, 0, drop_small=True)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"pipeline": "mamp", "center": "first"}, r"data\.center: the pipeline mamp has none"),
        ({"pipeline": "pyskl3d", "scale": "bones"}, r"data\.scale: the pipeline pyskl3d has none"),
        (
            {"pipeline": "skeleton2vec", "crop": [0.8, 1.0]},
            r"data\.crop: the pipeline skel",
        ),
        ({"pipeline": "mamp", "views": 10}, "views 10: the pipeline mamp has none"),
        ({"pipeline": "pyskl2d", "align": "pyskl"}, "align 'pyskl': the pipeline pyskl2d has none"),
        ({"fill": "zeros"}, "fill 'zeros': the pipeline ours has none"),
        ({"views": 2}, "views 2: the pipeline ours has none"),
    ],
)
def test_what_a_pipeline_does_not_have_is_refused(config, settings, message):
    dataset = open_dataset(config)
    for key, value in settings.items():
        setattr(config, key, value)
    with pytest.raises(ConfigError, match=message):
        config.transform(dataset, train=True)


def test_what_is_given_by_default_or_null_is_not_meant(config):
    dataset = open_dataset(config)
    for settings in ({}, {"center": None, "scale": None, "crop": None}, {"crop": [0.5, 1.0]}):
        other = replace(config, pipeline="skeleton2vec", **settings)
        assert other.fed().settings() == {
            "pipeline": "skeleton2vec", "frames": 6, "center": None, "scale": None,
            "stream": "joint", "views": None, "align": None, "fill": None,
        }  # fmt: skip
    turned = replace(config, pipeline="mamp").transform(dataset, train=True)
    still = replace(config, pipeline="mamp", rotate=[0.0, 0.0, 0.0]).transform(dataset, train=True)
    assert "RandomRotate3D" in repr(turned) and "RandomRotate3D" not in repr(still)


def test_data_sets_say_what_pipelines_leave_open():
    def fed(**settings):
        return DataConfig(frames=8, **settings).fed()

    assert fed(name="ntu120", pipeline="mamp").fill == "loop"
    assert fed(name="ntu120", pipeline="mamp", fill="zeros").fill == "zeros"
    assert fed(name="ntu60", pipeline="mamp").fill is None
    s2v = {"name": "ntu60", "pipeline": "skeleton2vec"}
    assert fed(**s2v, protocol="xview").align == "pyskl"
    assert fed(**s2v, protocol="xview", align="none").align == "none"
    assert fed(**s2v, protocol="xsub").align is None is fed(**s2v).align


def test_what_is_done_once_is_kept(tmp_path):
    tracks = {5: (0, person(20, 1)), 6: (0, person(20, 2))}
    for name in ("S001C001P001R001A001", "S001C001P003R001A002"):
        write_skeleton(tmp_path, tracks, 20, name)
    cache = tmp_path / "cache"
    config = DataConfig("ntu60", str(tmp_path), cache=str(cache), pipeline="mamp", frames=8)
    assert open_dataset(config).card["policy"] == "ctrgcn" and not cache.exists()
    config.pipeline = "skeleton2vec"
    first = open_dataset(config)
    (store,) = (cache / "pipelines").iterdir()
    before = (store / "pos.npy").stat().st_mtime_ns
    assert open_dataset(config).store.content_hash == first.store.content_hash
    assert (store / "pos.npy").stat().st_mtime_ns == before
    assert split(first, replace(config, train_subjects=[1])).test.subjects.tolist() == [3]
    assert "PreNormalize3D(ntu25, align='none'" in first.card["source"]
    assert (tmp_path / "processed/ntu60-pyskl").is_dir()
    config.policy, config.align = "ctrgcn", "upright"
    assert len(open_dataset(config)) == 2 and len(list((cache / "pipelines").iterdir())) == 2


def test_clips_of_several_views_come_in_smaller_batches(config):
    config.pipeline, config.center, config.scale = "skeleton2vec", None, None
    config.batch_size, config.views = 8, 3
    (config.frames, size) = (4, 5)
    batches = list(config.eval_loader(open_dataset(config)))
    assert [len(batch.clip_id) for batch in batches] == [size, size, size, 1]
    assert batches[0].num_tracks.tolist() == [6] * size  # two persons in each view


def test_a_model_is_told_which_way_is_up(tmp_path):
    write_skeleton(tmp_path, {5: (0, person(20, 1))}, 20, "S001C001P001R001A001")
    config = DataConfig("ntu60", str(tmp_path), cache=str(tmp_path / "cache"), frames=8)
    told = config.preprocessing(open_dataset(config))
    # Their feet are above their heads.
    assert (told.axes, told.unit, told.rate, told.skeleton) == ("y down", "m", 30.0, "ntu25")
    made = DataConfig("synthetic", num_clips=8, num_classes=2, num_subjects=2)
    assert made.preprocessing(open_dataset(made)).axes == "y up"
    turned = replace(config, pipeline="pyskl3d")
    assert turned.preprocessing(open_dataset(turned)).axes is None


def test_a_global_batch_is_divided_among_processes():
    config = DataConfig("synthetic", num_clips=12, num_classes=2, frames=8, global_batch_size=8)
    dataset = open_dataset(config)
    loaders = [config.train_loader(dataset, 0, world_size=size) for size in (1, 2, 4)]
    assert [loader.batch_size for loader in loaders] == [8, 4, 2]
    assert {tuple(loader.batch_sizes) for loader in loaders} == {(8, 4)}
    with pytest.raises(ConfigError, match="global_batch_size 8: expected a multiple of 3"):
        config.train_loader(dataset, 0, world_size=3)
