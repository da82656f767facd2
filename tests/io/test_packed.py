import warnings
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest
from oracle_helpers import real_data

from pyg_skeletonmae.errors import DataError, SkeletonFormatError
from pyg_skeletonmae.io.npz import NpzFile, write_npz
from pyg_skeletonmae.io.packed import Packed, quantise, read_packed, write_packed


def packed(**changes: object) -> Packed:
    rng = np.random.default_rng(0)
    made = Packed(
        joints=rng.integers(-9000, 9000, (9, 2, 3), np.int16),
        scale=0.0002,
        offset=np.array([0, 5, 9]),
        subject=np.array([4, 7]),
        names=("first", "second"),
        joint_names=("hip", "head"),
        parents=(-1, 0),
        label=np.array([1, 0]),
        class_names=("sit", "stand"),
        fps=30.0,
        unit="m",
        extra={"camera": np.array([3, 1])},
    )
    return replace(made, **changes)


def arrays(path: Path) -> dict[str, np.ndarray]:
    with np.load(path) as file:
        return dict(file)


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"label": None, "class_names": ()},
        {"fps": None, "unit": None, "extra": {}},
        {"tracks": np.array([5, 2])},
        {"valid": np.arange(18).reshape(9, 2) % 3 > 0},
        {"joints": np.linspace(-1, 1, 36, dtype=np.float32).reshape(9, 2, 2), "scale": 1.0},
    ],
)
def test_round_trip(tmp_path, changes):
    wanted = packed(**changes)
    write_packed(tmp_path / "a.npz", wanted)
    found = read_packed(tmp_path / "a.npz")
    assert len(found) == 2
    for field in fields(Packed):
        np.testing.assert_equal(getattr(found, field.name), getattr(wanted, field.name))


def test_layout(tmp_path):
    write_packed(tmp_path / "a.npz", packed())
    found = arrays(tmp_path / "a.npz")
    kinds = {key: (value.dtype.str, value.shape) for key, value in found.items()}
    assert kinds == {
        "joints": ("<i2", (9, 2, 3)),
        "scale": ("<f4", ()),
        "offset": ("<i8", (3,)),
        "length": ("<i4", (2,)),
        "label": ("<i8", (2,)),
        "subject": ("<i8", (2,)),
        "camera": ("<i8", (2,)),
        "name": ("<U6", (2,)),
        "joint_names": ("<U4", (2,)),
        "parents": ("<i8", (2,)),
        "class_names": ("<U5", (2,)),
        "fps": ("<f4", ()),
        "unit": ("<U1", ()),
    }


def test_positions():
    data = packed(tracks=np.array([5, 2]), valid=np.ones((9, 2), bool))
    assert data.pos(0).shape == (5, 1, 2, 3) and data.pos(1).shape == (2, 2, 2, 3)
    assert data.present(1).shape == (2, 2, 2)
    assert data.pos(1).dtype == np.float32
    np.testing.assert_array_equal(data.pos(1)[1, 0], (data.joints[7] * 0.0002).astype(np.float32))
    assert packed().present(0) is None
    assert data.skeleton("pair").bones == (("head", "hip"),)


def test_quantise():
    pos = np.array([-6.5534, 0.00011, 0.00009, 6.5534])
    assert quantise(pos).tolist() == [-32767, 1, 0, 32767]
    for bad in (6.6, np.nan, -np.inf):
        with pytest.raises(DataError, match="16 bits"):
            quantise(np.array([0.0, bad]))


def test_column_with_a_taken_name(tmp_path):
    with pytest.raises(DataError, match="offset"):
        write_packed(tmp_path / "a.npz", packed(extra={"offset": np.zeros(2)}))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("joints", np.zeros((9, 2, 3), np.int32), "int16 or float32"),
        ("joints", np.zeros((9, 2, 3), np.float64), "int16 or float32"),
        ("joints", np.zeros((9, 6), np.int16), "3 axes"),
        ("joints", np.zeros((0, 2, 3), np.int16), "int16 or float32"),
        ("joints", np.zeros((8, 2, 3), np.int16), "array 'offset'"),
        ("joints", np.zeros((9, 3, 3), np.int16), "array 'joint_names'"),
        ("joints", None, "an array of that name"),
        ("offset", np.array([0, 5, 5, 9]), "grow from 0"),
        ("offset", np.array([0, 6, 5, 9]), "grow from 0"),
        ("offset", np.array([1, 5, 9]), "grow from 0"),
        ("offset", np.array([9]), "grow from 0"),
        ("offset", np.array([0.0, 5.0, 9.0]), "integers"),
        ("length", np.array([5, 5]), "differences"),
        ("length", None, "an array of that name"),
        ("label", np.array([1, 2]), "expected 0 to 1"),
        ("label", np.array([-1, 0]), "found -1 to 0"),
        ("label", np.array([0.0, 1.0]), "integers"),
        ("label", np.array([0]), "2 values"),
        ("class_names", None, "an array of that name"),
        ("subject", np.array([1, 2, 3]), "2 values"),
        ("scale", np.float32(np.nan), "above 0"),
        ("scale", np.float32(0), "above 0"),
        ("scale", np.float32(np.inf), "above 0"),
        ("parents", np.array([1, 0]), "array 'parents'"),
        ("parents", np.array([-1, 5]), "out of range"),
        ("joint_names", np.array(["hip", "hip"]), "hip"),
        ("joint_names", np.array([1, 2]), "text"),
        ("name", np.array(["a"]), "2 values"),
        ("tracks", np.array([2, 1]), "divisors"),
        ("tracks", np.array([0, 1]), "divisors"),
        ("valid", np.ones((9, 3), bool), "shape"),
        ("valid", np.ones((9, 2)), "booleans"),
    ],
)
def test_contradictions(tmp_path, key, value, message):
    write_packed(tmp_path / "good.npz", packed())
    changed = arrays(tmp_path / "good.npz") | {key: value}
    path = tmp_path / "bad.npz"
    write_npz(path, {name: array for name, array in changed.items() if array is not None})
    with pytest.raises(SkeletonFormatError, match=message) as error:
        read_packed(path)
    assert str(error.value).startswith(f"{path}: array") and "\n" not in str(error.value)


def test_pickled_objects(tmp_path):
    write_packed(tmp_path / "a.npz", packed())
    np.savez(tmp_path / "b.npz", **arrays(tmp_path / "a.npz") | {"name": np.array([{}, 1], object)})
    with pytest.raises(SkeletonFormatError, match=r"array 'name'.*pickled objects"):
        read_packed(tmp_path / "b.npz")


def test_unknown_arrays_are_no_columns(tmp_path):
    write_packed(tmp_path / "a.npz", packed())
    more = {"image": np.zeros((4, 4)), "words": np.array(["a", "b"])}
    write_npz(tmp_path / "b.npz", arrays(tmp_path / "a.npz") | more)
    assert list(read_packed(tmp_path / "b.npz").extra) == ["camera"]


def test_uiprmd():
    path = real_data() / "uiprmd" / "uiprmd_kinect.npz"
    data = read_packed(path)
    assert len(data) == 2000 and data.joints.shape == (151158, 22, 3)
    assert (data.scale, data.fps, data.unit) == (0.0002, 30.0, "m")
    assert np.bincount(data.label).tolist() == [200] * 10
    assert np.bincount(data.subject).tolist() == [0] + [200] * 10
    assert sorted(data.extra) == ["correct", "repetition"]
    with NpzFile(path) as file:
        joints = file.array("joints", "i", 3)
    np.testing.assert_allclose(data.pos(7)[0], joints[486:555] * 0.0002, atol=1e-6)


def test_values_that_are_not_finite_warn_nobody(tmp_path):
    joints = np.full((9, 2, 3), 3e38, np.float32)
    joints[0, 0] = np.nan
    write_packed(tmp_path / "a.npz", packed(joints=joints, scale=1e30))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        pos = read_packed(tmp_path / "a.npz").pos(0)
    assert np.isnan(pos[0, 0, 0]).all() and np.isinf(pos[0, 1:]).all()
