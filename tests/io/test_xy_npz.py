import zipfile
from pathlib import Path

import numpy as np
import pytest
from oracle_helpers import oracles

from pyg_skeletonmae.errors import ConfigError, SkeletonFormatError
from pyg_skeletonmae.io.npz import NpzFile, write_npz
from pyg_skeletonmae.io.ntu import read_ntu
from pyg_skeletonmae.io.ntu_policies import ctrgcn
from pyg_skeletonmae.io.xy_npz import XYFile


@pytest.fixture
def oracle() -> Path:
    root = oracles()
    return root / "data"


def arrays() -> dict[str, np.ndarray]:
    """Train: one body of 5 frames, two bodies of 6; test: a body beside its copy."""
    x = np.random.default_rng(0).normal(size=(3, 8, 150)).astype(np.float32)
    x[0, :, 75:] = x[0, 5:] = x[1, 6:] = x[1, 2, :75] = 0
    x[2, :, 75:] = x[2, :, :75]
    y = np.eye(4)[[2, 0, 3]]
    return {"x_train": x[:2], "y_train": y[:2], "x_test": x[2:], "y_test": y[2:]}


def write(folder: Path, **changes: np.ndarray | None) -> Path:
    content = {key: value for key, value in (arrays() | changes).items() if value is not None}
    write_npz(folder / "a.npz", content)
    return folder / "a.npz"


def read(path: Path) -> list:
    with XYFile(path) as file:
        return [clip for side in ("train", "test") for clip in file.clips(side)]


def refused(path: Path) -> SkeletonFormatError:
    with pytest.raises(SkeletonFormatError) as error:
        read(path)
    assert str(error.value).startswith(f"{path}: ") and "\n" not in str(error.value)
    return error.value


def test_clips(tmp_path):
    path, x = write(tmp_path), arrays()["x_train"]
    with XYFile(path) as file:
        assert repr(file) == "XYFile(a.npz, train=2, test=1, classes=4)"
        assert file.labels["train"].tolist() == [2, 0] and file.num_classes == 4
        first, second = file.clips("train")
        (third,) = file.clips("test")
        with pytest.raises(ConfigError, match="train, test"):
            next(file.clips("val"))
    assert (first.label, second.label, third.label) == (2, 0, 3)
    assert first.pos.shape == (1, 5, 25, 3) and first.pos.dtype == np.float32
    np.testing.assert_array_equal(first.pos[0].reshape(5, 75), x[0, :5, :75])
    np.testing.assert_array_equal(second.pos[1].reshape(6, 75), x[1, :6, 75:])
    assert first.valid.all() and not second.valid[0, 2].any() and second.valid.sum() == 11 * 25
    assert third.pos.shape == (1, 8, 25, 3)
    with XYFile(path, copies=True) as file:
        assert next(file.clips("test")).pos.shape == (2, 8, 25, 3)


@pytest.mark.parametrize("change", [np.asfortranarray, lambda x: x.astype(">f8")])
def test_other_orders_and_types(tmp_path, change):
    wanted = read(write(tmp_path))
    found = read(write(tmp_path, x_train=change(arrays()["x_train"]), names=np.zeros(3)))
    for a, b in zip(found, wanted, strict=True):
        np.testing.assert_array_equal(a.pos, b.pos)
        assert a.pos.dtype == np.float32


def test_a_side_may_be_empty(tmp_path):
    path = write(tmp_path, x_train=np.zeros((0, 8, 150)), y_train=np.zeros((0, 4)))
    assert len(read(path)) == 1


X, Y = arrays()["x_train"], arrays()["y_train"]


@pytest.mark.parametrize(
    ("changes", "where"),
    [
        ({"x_test": None}, "array 'x_test'"),
        ({"x_train": X[0]}, "array 'x_train'"),
        ({"x_train": X[..., :75]}, "array 'x_train'"),
        ({"x_train": X[:, :0]}, "array 'x_train'"),
        ({"x_train": X.astype(int)}, "array 'x_train'"),
        ({"x_train": np.full_like(X, np.inf)}, "array 'x_train', clip 0"),
        ({"x_train": X.astype(float) * 1e39}, "array 'x_train', clip 0"),
        ({"x_train": X * np.array([1, 0])[:, None, None]}, "array 'x_train', clip 1"),
        ({"y_train": Y[[0, 1, 1]]}, "array 'y_train'"),
        ({"y_train": np.array([2, 0])}, "array 'y_train'"),
        ({"y_train": Y[:, :3]}, "array 'y_test'"),
        ({"y_train": Y * 2}, "array 'y_train', row 0"),
        ({"y_train": Y * np.array([[1], [0]])}, "array 'y_train', row 1"),
        ({"y_train": Y + np.array([[0], [1]])}, "array 'y_train', row 1"),
    ],
)
def test_another_layout(tmp_path, changes, where):
    assert refused(write(tmp_path, **changes)).where == where


def test_object_arrays(tmp_path):
    path = write(tmp_path)
    with zipfile.ZipFile(path, "a") as archive, archive.open("names.npy", "w") as file:
        np.lib.format.write_array(file, np.array([{}], object))
    assert len(read(path)) == 3  # nobody asks for it


@pytest.mark.oracle
def test_hostile_files(oracle):
    accepted = {
        "ok_reference", "x_float64", "x_float16", "x_big_endian", "x_fortran_order",
        "extra_arrays", "empty_train",
    }  # fmt: skip
    wanted = read(oracle / "hostile/npz/ok_reference.npz")
    paths = sorted((oracle / "hostile/npz").glob("*.npz"))
    assert len(paths) == 31
    for path in paths:
        if path.stem not in accepted:
            refused(path)
        elif path.stem != "empty_train":
            for a, b in zip(read(path), wanted, strict=True):
                np.testing.assert_allclose(a.pos, b.pos, atol=2e-3)
                assert a.label == b.label


@pytest.mark.oracle
@pytest.mark.parametrize("name", ["ntu/NTU60_CS", "ntu/NTU120_CSet", "pku/PKUv1_XSub"])
def test_recorded_arrays(oracle, name):
    with XYFile(oracle / f"{name}.npz") as file, np.load(oracle / f"{name}.npz") as wanted:
        for side in ("train", "test"):
            for number, clip in enumerate(file.clips(side)):
                row = wanted[f"x_{side}"][number]
                body, frames = clip.pos.transpose(1, 0, 2, 3), clip.pos.shape[1]
                np.testing.assert_array_equal(
                    body.reshape(frames, -1), row[:frames, : 75 * len(clip.pos)]
                )
                assert not row[frames:].any()
                assert clip.label == wanted[f"y_{side}"][number].argmax()


@pytest.mark.oracle
def test_what_the_policy_makes_of_the_recordings_is_in_the_file(oracle):
    persons = ctrgcn(read_ntu(oracle / "ntu/skeleton/S001C001P001R001A001.skeleton"))
    with XYFile(oracle / "ntu/NTU60_CS.npz") as file:
        first = next(file.clips("train"))
    np.testing.assert_array_equal(first.pos, persons.pos)
    np.testing.assert_array_equal(first.valid, persons.valid)


def test_a_refused_clip_leaves_no_file_open(tmp_path, monkeypatch):
    closed, rows = [], NpzFile.rows

    def watched(self, *arguments):
        try:
            yield from rows(self, *arguments)
        finally:
            closed.append(arguments[0])

    monkeypatch.setattr(NpzFile, "rows", watched)
    error = refused(write(tmp_path, x_train=np.full_like(X, np.nan)))
    assert error.__traceback__ is not None  # it keeps all frames alive
    assert closed == ["x_train"]
