from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from cli_helpers import packed_arrays, write_packed
from ntu_helpers import person, write_skeleton
from pose_helpers import write_recordings
from pyskl_helpers import annotation, save_athletes, save_pyskl

from pyg_skeletonmae.commands.cli import main
from pyg_skeletonmae.commands.data_section import DataConfig, PoseSettings, open_dataset, split
from pyg_skeletonmae.datasets import PysklDataset, SkeletonDataset
from pyg_skeletonmae.errors import ArgumentError, ConfigError, DataError, SkeletonMAEError


@pytest.fixture
def config(tmp_path):
    path = write_packed(tmp_path / "sticks.npz")
    return DataConfig(name="npz", path=str(path), cache=str(tmp_path / "cache"), frames=6)


def test_a_packed_file_is_converted_once(config, tmp_path, monkeypatch):
    first = open_dataset(config)
    assert (len(first), first.num_classes, first.skeleton.num_joints) == (16, 2, 3)
    (store,) = (tmp_path / "cache").iterdir()
    before = (store / "pos.npy").stat().st_mtime_ns
    assert len(open_dataset(config)) == 16
    assert (store / "pos.npy").stat().st_mtime_ns == before


def test_a_changed_file_and_another_policy_are_converted_anew(config, tmp_path):
    open_dataset(config)
    joints = packed_arrays()["joints"]
    joints[3] = np.nan
    write_packed(tmp_path / "sticks.npz", joints=joints)
    with pytest.raises(DataError, match="clip_00: frame 3"):
        open_dataset(config)
    config.nan = "drop"
    assert len(open_dataset(config)) == 15
    config.nan = "interpolate"
    assert len(open_dataset(config)) == 16
    assert len(list((tmp_path / "cache").iterdir())) == 3


def test_a_store_and_synthetic_clips(config, tmp_path):
    open_dataset(config)
    (store,) = (tmp_path / "cache").iterdir()
    assert len(open_dataset(DataConfig(name="store", path=str(store)))) == 16
    made = DataConfig(name="synthetic", num_clips=24, num_classes=4, num_subjects=3)
    dataset = open_dataset(made, seed=1)
    assert (len(dataset), dataset.num_classes) == (24, 4)
    assert sorted(set(dataset.subjects.tolist())) == [1, 2, 3]


def test_missing_paths(monkeypatch):
    monkeypatch.delenv("SKELETONMAE_DATA", raising=False)
    with pytest.raises(DataError, match="SKELETONMAE_DATA"):
        open_dataset(DataConfig())
    with pytest.raises(DataError, match="nowhere: no such folder"):
        open_dataset(DataConfig(path="nowhere"))
    with pytest.raises(ConfigError, match=r"data\.path: expected the file of the npz data"):
        open_dataset(DataConfig(name="npz"))


def subjects(view):
    return sorted(set(view.subjects.tolist()))


def test_split_is_odd_against_even_by_default(config):
    train, labelled, val, test = split(open_dataset(config), config)
    assert (subjects(train), subjects(test), val) == ([1, 3], [2, 4], None)
    assert labelled is train


def test_clips_without_performers_cannot_be_divided(tmp_path):
    path = str(tmp_path / "store")
    SkeletonDataset.from_arrays([np.zeros((1, 4, 22, 3))], [0], "uiprmd22", root=path)
    config = DataConfig("store", path)
    with pytest.raises(DataError, match="store: names no performers, by whom the command line"):
        split(open_dataset(config), config)


def test_clips_without_performers_and_classes_all_train(tmp_path, caplog):
    path = str(tmp_path / "store")
    SkeletonDataset.from_arrays([np.zeros((1, 4, 22, 3))] * 3, None, "uiprmd22", root=path)
    config = DataConfig("store", path)
    with caplog.at_level("INFO", "pyg_skeletonmae"):
        train, labelled, val, test = split(open_dataset(config), config)
    assert (len(train), len(labelled), val, len(test)) == (3, 3, None, 0)
    assert "all 3 clips train, none is held out" in caplog.text
    config.train_subjects = [1]  # whoever names some means it
    with pytest.raises(DataError, match="names no performers"):
        split(open_dataset(config), config)


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


def test_split_by_named_subjects(config):
    config.train_subjects, config.test_subjects = [1, 2, 3], [4]
    config.label_subjects, config.val_subjects = [1], [3]
    train, labelled, val, test = split(open_dataset(config), config)
    assert [subjects(view) for view in (train, labelled, val, test)] == [[1, 2], [1], [3], [4]]
    config.label_subjects = [2, 1]
    assert subjects(split(open_dataset(config), config).labelled) == [1, 2]


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"label_subjects": [2]}, "2"),
        ({"label_subjects": []}, "empty"),
        ({"train_subjects": [1, 9]}, "no clip has 9"),
        ({"train_subjects": [1], "test_subjects": [1]}, "both train and test"),
        ({"train_subjects": [1, 2, 3, 4]}, "the test side is empty"),
        ({"val_subjects": [1, 3]}, "the test side is empty"),
    ],
)
def test_splits_that_cannot_be(config, settings, said):
    dataset = open_dataset(config)
    for name, value in settings.items():
        setattr(config, name, value)
    with pytest.raises(DataError, match=said):
        split(dataset, config)


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


@pytest.fixture
def gym(tmp_path):
    save_athletes(tmp_path / "finegym" / "gym_hrnet.pkl")
    return DataConfig(name="finegym", path=str(tmp_path / "finegym"), cache=str(tmp_path / "cache"))


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


def test_official_splits(gym):
    train, labelled, val, test = split(open_dataset(gym), gym)
    assert train.labels.tolist() == test.labels.tolist() == [98, 97, 96]
    assert labelled is train and val is None
    gym.joints = "openpose18"
    dataset = open_dataset(gym)
    assert dataset.skeleton.name == "openpose18"
    assert split(dataset, gym).test.labels.tolist() == [98, 97, 96]


def test_a_data_set_is_opened_once(gym, monkeypatch):
    """The sides are the data set's own, also where its clips have got other joints."""
    opened, init = [], PysklDataset.__init__
    monkeypatch.setattr(
        PysklDataset, "__init__", lambda s, *a, **k: opened.append(s) or init(s, *a, **k)
    )
    for joints in (None, "openpose18"):
        gym.joints = joints
        split(open_dataset(gym), gym)
    assert len(opened) == 2


def test_clips_of_ones_own_have_no_official_split(config):
    with pytest.raises(DataError, match="no official split; divide them by subject"):
        open_dataset(config).official_split()


def test_the_folder_of_an_official_data_set(gym, tmp_path, monkeypatch):
    monkeypatch.setenv("SKELETONMAE_DATA", str(tmp_path))
    assert len(open_dataset(DataConfig(name="finegym"))) == 6
    monkeypatch.delenv("SKELETONMAE_DATA")
    with pytest.raises(DataError, match="finegym was not found: set SKELETONMAE_DATA"):
        open_dataset(DataConfig(name="finegym"))
    with pytest.raises(ConfigError, match=r"data\.path: expected the file of the pyskl data"):
        open_dataset(DataConfig(name="pyskl"))


def test_protocols(tmp_path):
    clips = [annotation(name, frames=6) for name in ("a", "b", "c")]
    splits = {"x_train": ["a"], "x_val": ["b"], "y_train": ["b", "c"], "y_val": ["a"]}
    path = save_pyskl(tmp_path / "poses.pkl", clips, splits)
    config = DataConfig(name="pyskl", path=str(path), cache=str(tmp_path), protocol="y")
    sides = split(open_dataset(config), config)
    assert (len(sides.train), len(sides.test)) == (2, 1)
    with pytest.raises(ConfigError, match=r"data\.protocol: means nothing for synthetic"):
        open_dataset(DataConfig(name="synthetic", protocol="xsub"))
    with pytest.raises(ConfigError, match=r"data\.policy: means nothing for pyskl"):
        open_dataset(DataConfig(name="pyskl", path=str(path), policy="none"))


def test_split_by_a_column(tmp_path):
    rng, root = np.random.default_rng(0), str(tmp_path / "store")
    clips = [rng.normal(size=(4, 22, 3)) for _ in range(6)]
    SkeletonDataset.from_arrays(
        clips, ["sit", "turn"] * 3, "uiprmd22", root=root, columns={"camera": [1, 2, 3] * 2}
    )
    config = DataConfig("store", root, split_by="camera", train_values=[1, 3])
    sides = split(open_dataset(config), config)
    assert [list(side.indices()) for side in (sides.train, sides.test)] == [[0, 2, 3, 5], [1, 4]]
    config = DataConfig("store", root, split_by="label", train_values=["sit"], test_values=[1])
    assert list(split(open_dataset(config), config).test.indices()) == [1, 3, 5]
    config = DataConfig("store", root, split_by="name", train_values=["clip 0"])
    assert len(split(open_dataset(config), config).test) == 5
    for changes, message in (
        ({"train_values": None}, "give both"),
        ({"split_by": None}, "give both"),
        ({"train_subjects": [1]}, "one of the two"),
    ):
        config = DataConfig(
            "store", root, **{"split_by": "camera", "train_values": [1, 2], **changes}
        )
        with pytest.raises(ConfigError, match=message):
            split(open_dataset(config), config)


def test_how_a_folder_of_poses_is_read(tmp_path):
    root = write_recordings(tmp_path / "mine", 2, 1)
    config = DataConfig("poses", str(root), poses=PoseSettings(min_score=0.5, fps=25.0))
    data = open_dataset(config)
    assert data.card["fps"] == 25 and "min_score=0.5" in data.card["policy"]
    with pytest.raises(ConfigError, match=r"data\.poses\.zeros: means nothing for store"):
        open_dataset(DataConfig("store", str(root), poses=PoseSettings(zeros="keep")))
    with pytest.raises(ArgumentError, match=r"PoseSettings: zeroes: .* did you mean zeros"):
        PoseSettings(zeroes="keep")


def test_a_run_straight_from_a_folder_of_poses(tmp_path, capsys):
    root, out = write_recordings(tmp_path / "mine", 2, 2), tmp_path / "run"
    options = ["--data.name=poses", f"--data.path={root}", "--data.poses.min_score=0.1"]
    small = ["--data.frames=8", "--model.init_args.hidden_channels=8", "--trainer.max_steps=1"]
    assert main(["pretrain", *options, *small, f"--out={out}"]) == 0
    assert json.loads((out / "results.json").read_text())["clips"] == 4
    capsys.readouterr()
    known = [*options, "--data.frames=8", f"--pretrained={out}", "--protocol=knn"]
    assert main(["evaluate", *known]) == 0
    assert json.loads(capsys.readouterr().out)["test_clips"] == 4


def test_a_run_from_bare_tables_by_a_section_of_yaml(tmp_path):
    root, rng = tmp_path / "clips", np.random.default_rng(0)
    root.mkdir()
    head = ",".join(f"x{i},y{i},z{i}" for i in range(33))
    for name in "abcd":
        values = rng.uniform(0.1, 0.9, (12, 33, 3)).round(4)
        values[3, 5] = 0
        rows = [",".join(map(str, row)) + f",wave_{name}" for row in values.reshape(12, 99)]
        (root / f"{name}.csv").write_text("\n".join([f"{head},gesture", *rows]) + "\n")
    (tmp_path / "run.yaml").write_text(
        f"data: {{name: poses, path: {root}, frames: 8, split_by: name, train_values: [a.csv],"
        " poses: {zeros: missing, label_column: gesture, fps: 25, strict: true}}\n"
    )
    small = ["--model.init_args.hidden_channels=8", "--trainer.max_steps=1"]
    assert (
        main(["pretrain", f"--config={tmp_path / 'run.yaml'}", *small, f"--out={tmp_path}/o"]) == 0
    )
    assert json.loads((tmp_path / "o/results.json").read_text())["clips"] == 1
    (card,) = (json.loads(path.read_text()) for path in root.rglob("card.json"))
    assert card["class_names"] == [f"wave_{name}" for name in "abcd"]
    assert (card["fps"], card["missing_joints"], card["zero_joints"]) == (25, 4, 0)


def test_a_folder_of_poses(tmp_path):
    root = write_recordings(tmp_path / "mine", 2, 1)
    data = open_dataset(DataConfig(name="poses", path=str(root)))
    assert len(data) == 4 and data.class_names == ("squat", "wave")
    assert len(split(data, DataConfig(name="poses", path=str(root))).train) == 2
    (root / "labels.csv").unlink()
    config = DataConfig(name="poses", path=str(root), format="table", skeleton="coco17")
    data = open_dataset(config)
    assert data.skeleton.name == "coco17" and data.store.label is None
    for wrong, message in (
        (DataConfig(name="store", path=str(root), format="bvh"), "data.format: means nothing"),
        (DataConfig(name="poses", path=str(tmp_path / "no")), "no: no such folder"),
        (DataConfig(name="poses"), "data.path"),
    ):
        with pytest.raises(SkeletonMAEError, match=message):
            open_dataset(wrong)


# Pipelines ------------------------------------------------------------------------------------


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
