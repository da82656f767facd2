from __future__ import annotations

import json

import numpy as np
import pytest
from cli_helpers import packed_arrays, write_packed
from pose_helpers import write_recordings
from pyskl_helpers import annotation, save_athletes, save_pyskl

from pyg_skeletonmae.commands.cli import main
from pyg_skeletonmae.commands.data_clips import open_dataset, split
from pyg_skeletonmae.commands.data_section import DataConfig, PoseSettings
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


@pytest.fixture
def gym(tmp_path):
    save_athletes(tmp_path / "finegym" / "gym_hrnet.pkl")
    return DataConfig(name="finegym", path=str(tmp_path / "finegym"), cache=str(tmp_path / "cache"))


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
