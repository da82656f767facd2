import pickle

import numpy as np
import pytest

from pyg_skeletonmae.datasets import StgcnDataset
from pyg_skeletonmae.errors import DataError, SkeletonFormatError

NAMES = {
    "train": ["S001C002P001R001A001.skeleton", "S001C003P001R001A002.skeleton"],
    "val": ["S001C001P003R001A001.skeleton"],
}


def write(root, joints=25, channels=3, names=NAMES, data="data_joint.npy"):
    rng = np.random.default_rng(0)
    for side, own in names.items():
        values = rng.uniform(0.1, 0.9, (len(own), channels, 5, joints, 2)).astype(np.float32)
        values[..., 1] = 0
        np.save(root / f"{side}_{data}", values)
        labels = own, list(range(len(own)))
        (root / f"{side}_label.pkl").write_bytes(pickle.dumps(labels))
    return root


def test_sides_labels_and_performers(tmp_path):
    data = StgcnDataset(write(tmp_path))
    assert repr(data) == "StgcnDataset(3)" and data.skeleton.name == "ntu25"
    assert data.labels.tolist() == [0, 1, 0] and data.subjects.tolist() == [1, 1, 3]
    assert data.store.names[2] == "val/S001C001P003R001A001.skeleton"
    assert [len(side) for side in data.official_split()] == [2, 1]
    assert [len(side) for side in data.split("camera", train=[2, 3])] == [2, 1]
    values = np.load(tmp_path / "val_data_joint.npy")
    np.testing.assert_array_equal(data.store.clip(2).pos, values[0].transpose(3, 1, 2, 0)[:1])
    assert data.card["splits"]["train"]["clips"] == 2 and len(data.card["inputs"]) == 4
    np.save(tmp_path / "train_data_joint.npy", values)
    assert len(StgcnDataset(tmp_path)) == 3  # the store is there


def test_kinetics_has_scores(tmp_path):
    data = StgcnDataset(write(tmp_path, 18, names={"train": ["a"], "val": ["b"]}, data="data.npy"))
    assert data.skeleton.name == "openpose18" and data.store.clip(0).pos.shape[-1] == 2
    assert "the third channel is a score" in str(data.card) and data.subjects.tolist() == [-1, -1]
    plain = StgcnDataset(tmp_path, scores=False)
    assert plain.store.clip(0).pos.shape[-1] == 3 and plain.store.root != data.store.root


def test_a_side_alone_and_no_labels(tmp_path):
    write(tmp_path, names={"train": ["a", "b"]})
    (tmp_path / "train_label.pkl").unlink()
    data = StgcnDataset(tmp_path)
    assert data.store.names == ("train/000000", "train/000001") and data.store.label is None
    with pytest.raises(DataError, match="test side is empty"):
        data.official_split()


def test_one_bad_clip_does_not_end_it(tmp_path):
    write(tmp_path)
    values = np.load(tmp_path / "train_data_joint.npy")
    values[0] = np.nan
    np.save(tmp_path / "train_data_joint.npy", values)
    data = StgcnDataset(tmp_path)
    assert len(data) == 2 and "train/S001C002P001R001A001" in str(data.card)
    assert "finite in float32" in str(data.card)


def test_errors(tmp_path):
    with pytest.raises(DataError, match="no such folder"):
        StgcnDataset(tmp_path / "none")
    with pytest.raises(DataError, match=r"expected train_data\.npy or train_data_joint\.npy"):
        StgcnDataset(tmp_path)
    write(tmp_path, 13)
    with pytest.raises(DataError, match="has 13 joints: skeleton= names"):
        StgcnDataset(tmp_path)
    write(tmp_path)
    (tmp_path / "val_label.pkl").unlink()
    with pytest.raises(SkeletonFormatError, match=r"val_label\.pkl: .*as of the other side"):
        StgcnDataset(tmp_path)
    write(tmp_path, data="data.npy")
    with pytest.raises(DataError, match="both there; move one of them away"):
        StgcnDataset(tmp_path)


def test_labels_that_are_no_classes(tmp_path):
    write(tmp_path)
    (tmp_path / "val_label.pkl").write_bytes(pickle.dumps((NAMES["val"], [20260101])))
    with pytest.raises(DataError, match="label 20260101 among 3 clips is no class"):
        StgcnDataset(tmp_path)
