import pickle

import numpy as np
import pytest
from cli_helpers import write_packed
from pyskl_helpers import annotation, save_pyskl

from pyg_skeletonmae.datasets.catalog import Place, entry
from pyg_skeletonmae.datasets.openers import pose_settings
from pyg_skeletonmae.errors import ConfigError
from pyg_skeletonmae.io.poses import PoseOptions


def opened(name, root, **options):
    return entry(name).open(Place(root), **options)


def test_pyskl(tmp_path):
    clips = [annotation("a"), annotation("b", 1)]
    path = save_pyskl(tmp_path / "a.pkl", clips, {"x_train": ["a"], "x_val": ["b"]})
    data = opened("pyskl", path, protocol="x")
    assert [side.labels.tolist() for side in data.official_split()] == [[0], [1]]
    assert data.store.root.parent == tmp_path / "processed"


def test_arrays_of_stgcn(tmp_path):
    for side, count in (("train", 2), ("val", 1)):
        values = np.random.default_rng(0).uniform(0.1, 0.9, (count, 3, 5, 25, 1))
        np.save(tmp_path / f"{side}_data_joint.npy", values.astype("f4"))
        labels = [f"{side}{i}" for i in range(count)], list(range(count))
        (tmp_path / f"{side}_label.pkl").write_bytes(pickle.dumps(labels))
    data = opened("stgcn", tmp_path)
    assert [side.labels.tolist() for side in data.official_split()] == [[0, 1], [0]]
    assert opened("stgcn", tmp_path, skeleton="ntu25_ctrgcn").skeleton.name == "ntu25_ctrgcn"


def test_whole_recordings_of_pkummd(tmp_path):
    for folder, text in (
        ("skeleton", "\n".join([" ".join(["0.5"] * 150)] * 12)),
        ("label", "3,2,7,1"),
    ):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "0002-L.txt").write_text(text + "\n")
    data = opened("pkummd1", tmp_path, policy="untrimmed")
    assert data.untrimmed and data.annotations("0002-L") == [(2, 2, 7)]
    assert opened("pkummd1", tmp_path).labels.tolist() == [2]
    with pytest.raises(ConfigError, match="policy 'whole'"):
        opened("pkummd1", tmp_path, policy="whole")


def test_pickles_whose_third_channel_and_sizes_are_told(tmp_path):
    path = save_pyskl(tmp_path / "a.pkl", [annotation("a"), annotation("b", 1)], {})
    stores = {
        opened("pyskl", path, **told).store.root.name
        for told in ({}, {"third": "z"}, {"unit": "pixel"}, {"size_order": "wh"})
    }
    assert len(stores) == 4
    with pytest.raises(ConfigError, match="third 'depth': expected one of score, z"):
        opened("pyskl", path, third="depth")


def test_packed_files_are_read_again_on_demand(tmp_path):
    path = write_packed(tmp_path / "sticks.npz")
    first = entry("npz").open(Place(path))
    assert first.store.root.parent == tmp_path / "processed"
    marker = first.store.root / "marker"
    for force in (False, True):
        marker.touch()
        assert len(entry("npz").open(Place(path, force_reload=force))) == len(first) == 16
        assert marker.exists() == (not force)


def test_options_of_poses_have_one_level(tmp_path):
    assert pose_settings(tmp_path) == {"labels": None, "options": PoseOptions()}
    (tmp_path / "labels.csv").write_text("file,label\n")
    found = pose_settings(tmp_path, format="bvh", fps=25.0)
    assert found == {"labels": "labels.csv", "options": PoseOptions(fps=25.0), "format": "bvh"}
    assert pose_settings(tmp_path, "mine.csv")["labels"] == "mine.csv"
