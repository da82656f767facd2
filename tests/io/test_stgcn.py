import pickle

import numpy as np
import pytest

from pyg_skeletonmae.errors import SkeletonFormatError
from pyg_skeletonmae.io.stgcn import StgcnFile
from pyg_skeletonmae.layouts import NTU25, get_layout


@pytest.fixture
def values() -> np.ndarray:
    """Four clips of six frames and two persons: both, one, the second late, nobody."""
    values = np.random.default_rng(0).normal(size=(4, 3, 6, 25, 2)).astype(np.float32)
    values[1, ..., 1], values[1, :, 4:] = 0, 0
    values[2, :, :2, :, 1], values[3] = 0, 0
    return values


def _write(folder, values, labels):
    np.save(folder / "a.npy", values)
    (folder / "a.pkl").write_bytes(pickle.dumps(labels, 2))
    return folder / "a.npy", folder / "a.pkl"


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.float16])
@pytest.mark.parametrize("kind", [list, tuple, np.array])
def test_clips(tmp_path, values, dtype, kind):
    values = values.astype(dtype)
    paths = _write(tmp_path, values, (kind(["a", "b", "c", "d"]), kind([3, 0, 1, 2])))
    file = StgcnFile(*paths, NTU25)
    assert repr(file) == "StgcnFile(a.npy, [4, 3, 6, 25, 2], ntu25)" and len(file) == 4
    first, second, third = file.clips()
    np.testing.assert_array_equal(first.pos, values[0].transpose(3, 1, 2, 0).astype(np.float32))
    assert first.pos.dtype == np.float32 and first.valid.all()
    np.testing.assert_array_equal(
        second.pos, first.pos.dtype.type(values[1, ..., 0].transpose(1, 2, 0))[None, :4]
    )
    assert third.valid[0].all() and third.valid[1, :, 0].tolist() == [False] * 2 + [True] * 4
    assert [(clip.name, clip.label) for clip in (first, second, third)] == [
        ("a", 3),
        ("b", 0),
        ("c", 1),
    ]
    assert file.dropped == [(3, "expected a frame that shows somebody, found zeros only")]


def test_scores_say_what_is_missing(tmp_path):
    values = np.random.default_rng(0).uniform(0.1, 0.9, (1, 3, 4, 18, 2))
    values[0, 2, 1, 5, 0], values[0, 2, :, :, 1] = 0, 0
    file = StgcnFile(*_write(tmp_path, values, (["a"], [0])), get_layout("openpose18"), True)
    (clip,) = file.clips()
    assert clip.pos.shape == (1, 4, 18, 2) and not clip.valid[0, 1, 5] and clip.valid.sum() == 71
    assert not clip.pos[0, 1, 5].any()
    values[0, 2, 0, 0, 0] = 7
    file = StgcnFile(*_write(tmp_path, values, (["a"], [0])), get_layout("openpose18"), True)
    assert not list(file.clips()) and "scores of 0 to 1" in file.dropped[0][1]


def test_no_pickle_and_bad_numbers(tmp_path, values):
    values[0, 0, 0, 0, 0] = np.inf
    np.save(tmp_path / "a.npy", values)
    file = StgcnFile(tmp_path / "a.npy", None, NTU25)
    assert [(clip.number, clip.name, clip.label) for clip in file.clips()] == [
        (1, None, None),
        (2, None, None),
    ]
    assert "finite in float32" in file.dropped[0][1]


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ({"a": 1}, "a pair of names and labels, found dict"),
        ((["a"], [0]), "4 as clips in a.npy, found 1"),
        ((["a"] * 4, [0, 1, 2]), "a label for each name, found 4 names and 3 labels"),
        ((["a"] * 4, [0, 1, 2, -1]), "label 3: expected a class from 0, found -1"),
        ((["a"] * 4, [0, 1, 2, True]), "label 3: expected a class from 0, found True"),
        ((["a"] * 4, [0.0] * 4), "label 0: expected a class from 0, found 0.0"),
        ((["a"] * 4, np.zeros(4)), "the labels: expected a list of classes"),
        ((["a", "b", "c", 4], [0] * 4), "name 3: expected a text, found 4"),
        (("abcd", [0] * 4), "the names: expected a list of texts"),
        ((np.arange(4), [0] * 4), "the names: expected texts"),
    ],
)
def test_labels_are_checked(tmp_path, values, labels, message):
    with pytest.raises(SkeletonFormatError, match=message):
        StgcnFile(*_write(tmp_path, values, labels), NTU25)


@pytest.mark.parametrize(
    ("shape", "dtype"),
    [
        ((4, 3, 6, 24, 2), "f4"),
        ((4, 6, 25, 2), "f4"),
        ((4, 4, 6, 25, 2), "f4"),
        ((4, 3, 6, 25, 2), "i4"),
    ],
)
def test_arrays_are_checked(tmp_path, shape, dtype):
    with pytest.raises(SkeletonFormatError, match=r"header: expected floats \[N, C, T, V, M\]"):
        StgcnFile(*_write(tmp_path, np.ones(shape, dtype), ([""] * 4, [0] * 4)), NTU25)
    with pytest.raises(SkeletonFormatError, match="two coordinates and a score, found 2"):
        StgcnFile(*_write(tmp_path, np.ones((4, 2, 6, 25, 2)), ([""] * 4, [0] * 4)), NTU25, True)


def test_a_pickle_that_would_run_is_refused(tmp_path, values):
    paths = _write(tmp_path, values, (print, [0] * 4))
    with pytest.raises(SkeletonFormatError, match="forbidden name"):
        StgcnFile(*paths, NTU25)
