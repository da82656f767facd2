import json
from pathlib import Path

import numpy as np
import pytest
from oracle_helpers import oracles

from pyg_skeletonmae.datasets.sets.xy import XYDataset
from pyg_skeletonmae.errors import DataError, SkeletonFormatError


@pytest.fixture
def path(tmp_path) -> Path:
    """Three clips train and two test; one body but in the first, 9 to 13 of 20 frames."""
    rng, arrays = np.random.default_rng(0), {}
    for side, number in (("train", 3), ("test", 2)):
        x = rng.normal(size=(number, 20, 150)).astype(np.float32)
        x[1:, :, 75:] = 0
        for clip in range(number):
            x[clip, 9 + 2 * clip :] = 0
        x[0, 2:4, 75:] = 0
        arrays |= {f"x_{side}": x, f"y_{side}": np.eye(4)[np.arange(number)]}
    np.savez(tmp_path / "NTU.npz", **arrays)
    return tmp_path / "NTU.npz"


def test_clips_and_sides(path, tmp_path):
    data = XYDataset(path, tmp_path)
    assert repr(data) == "XYDataset(5)" and data.num_classes == 4
    assert data.labels.tolist() == [0, 1, 2, 0, 1] and data.store.length.tolist()[:3] == [9, 11, 13]
    assert data.store.num_tracks.tolist() == [2, 1, 1, 2, 1]
    train, test = data.official_split()
    assert (len(train), len(test)) == (3, 2)
    clip = data.store.clip(0)
    with np.load(path) as arrays:
        rows = arrays["x_train"][0, :9].reshape(9, 2, 25, 3)
    np.testing.assert_array_equal(clip.pos, rows.transpose(1, 0, 2, 3))
    assert not clip.valid[1, 2:4].any() and clip.valid.sum() == 2 * 9 * 25 - 50
    card = data.store.card
    assert card["splits"]["train"]["clips"] == 3 and set(card["inputs"]) == {"NTU.npz"}
    path.unlink()
    assert len(XYDataset(path, tmp_path)) == 5


def test_settings(path, tmp_path):
    data = XYDataset(path, tmp_path, skeleton="ntu25_ctrgcn")
    assert data.store.root.name == "NTU-ntu25_ctrgcn"
    assert data.skeleton.name == "ntu25_ctrgcn"
    with np.load(path) as arrays:
        content = dict(arrays)
    content["x_train"][1, :, 75:] = content["x_train"][1, :, :75]
    np.savez(path, **content)
    assert XYDataset(path, tmp_path).store.num_tracks.tolist() == [2, 1, 1, 2, 1]
    copied = XYDataset(path, tmp_path, copies=True)
    assert copied.store.num_tracks.tolist() == [2, 2, 1, 2, 1]


def test_errors(path, tmp_path):
    with pytest.raises(DataError, match=r"has 25 joints, but .coco17. 17"):
        XYDataset(path, tmp_path, skeleton="coco17")
    with pytest.raises(SkeletonFormatError, match="no such file"):
        XYDataset(tmp_path / "none.npz", tmp_path)


def test_one_bad_clip_does_not_end_it(path, tmp_path):
    with np.load(path) as arrays:
        content = dict(arrays)
    content["x_test"][1], content["x_train"][0, 3, 4] = 0, np.nan
    content["y_train"][2] = 0
    np.savez(path, **content)
    data = XYDataset(path, tmp_path)
    assert data.store.names == ("train_000001", "test_000000")
    assert data.labels.tolist() == [1, 0] and [len(side) for side in data.official_split()] == [
        1,
        1,
    ]
    card = data.card
    left_out = {name: reason for reason, names in card["dropped"].items() for name in names}
    assert "shows somebody" in left_out["test_000001"] and "finite" in left_out["train_000000"]
    assert "single one" in left_out["train_000002"] and card["splits"]["train"]["clips"] == 1
    content["x_train"][:], content["x_test"][:] = 0, 0
    np.savez(path, **content)
    with pytest.raises(DataError, match="at least one clip"):
        XYDataset(path, tmp_path / "b")
    assert not any((tmp_path / "b/processed").iterdir())


@pytest.mark.oracle
@pytest.mark.parametrize("name", ["NTU60_CS", "NTU120_CSet"])
def test_recorded_arrays(tmp_path, name):
    root = oracles()
    oracle = root / "data/ntu"
    recorded = json.loads((oracle / "ctrgcn_mamp.json").read_text())["splits"][name]
    data = XYDataset(oracle / f"{name}.npz", tmp_path)
    with np.load(oracle / f"{name}.npz") as arrays:
        for side, view in zip(("train", "test"), data.official_split(), strict=True):
            assert len(view) == len(recorded[side])
            said = [int(clip[-3:]) - 1 for clip in recorded[side]]
            assert view.labels.tolist() == said == arrays[f"y_{side}"].argmax(1).tolist()
            for row, number in zip(arrays[f"x_{side}"], view.indices(), strict=True):
                clip = data.store.clip(number)
                joints = clip.pos.transpose(1, 0, 2, 3).reshape(clip.pos.shape[1], -1)
                np.testing.assert_array_equal(row[: len(joints), : joints.shape[1]], joints)
                assert not row[len(joints) :].any()
