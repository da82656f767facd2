import numpy as np
import pytest

from pyg_skeletonmae.errors import ConfigError, SkeletonFormatError
from pyg_skeletonmae.io.arrays import read_arrays
from pyg_skeletonmae.io.poses import PoseOptions


def joints(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).normal(size=shape)


@pytest.mark.parametrize("dtype", ["f2", "f4", "f8", ">f4"])
def test_npy(tmp_path, dtype):
    pos = joints(5, 17, 3).astype(dtype)
    pos[2, 3] = np.nan
    np.save(tmp_path / "a.npy", pos)
    found = read_arrays(tmp_path / "a.npy", "coco17", PoseOptions(fps=20))
    assert repr(found) == "PoseTracks(coco17, tracks=1, frames=5, channels=3, fps=20)"
    assert not found.valid[0, 2, 3] and found.valid.sum() == 5 * 17 - 1
    np.testing.assert_array_equal(found.pos[0], np.nan_to_num(pos.astype(np.float32)))


def test_several_persons_and_two_coordinates(tmp_path):
    np.save(tmp_path / "a.npy", joints(3, 5, 17, 2) * 100)
    options = PoseOptions(image_size=(640, 480), axes="MTVC")
    found = read_arrays(tmp_path / "a.npy", "coco17", options)
    wanted = joints(3, 5, 17, 2) * 100 / (320, 240) - 1
    np.testing.assert_allclose(found.pos, wanted, atol=1e-6)


def test_npz(tmp_path):
    pos, score = joints(5, 17, 2), np.random.default_rng(1).uniform(size=(5, 17))
    np.savez(tmp_path / "a.npz", pos=pos, score=score, other=np.arange(3))
    options = PoseOptions(min_score=0.5, with_scores=True)
    found = read_arrays(tmp_path / "a.npz", "coco17", options)
    np.testing.assert_array_equal(found.valid[0], score.astype(np.float32) > 0.5)
    assert found.pos.shape == (1, 5, 17, 3)
    np.savez(tmp_path / "b.npz", any_name=pos)
    found = read_arrays(tmp_path / "b.npz", "coco17")
    np.testing.assert_array_equal(found.pos[0], pos.astype(np.float32))
    with pytest.raises(ConfigError, match="no scores"):
        read_arrays(tmp_path / "b.npz", "coco17", PoseOptions(with_scores=True))


def test_scores_that_float32_cannot_hold(tmp_path):
    np.savez(tmp_path / "a.npz", pos=joints(5, 17, 2), score=np.full((5, 17), 1e300))
    with pytest.raises(SkeletonFormatError, match="a score of 0 to 1"):
        read_arrays(tmp_path / "a.npz", "coco17")


@pytest.mark.parametrize(
    ("pos", "expected", "found"),
    [
        (joints(5, 17), "floats", "shape .5, 17."),
        (joints(5, 16, 3), "17 joints", "16"),
        (np.ones((5, 17, 3), int), "floats", "int64"),
        (np.array([{}, []], object), "plain numbers", "pickled"),
        (joints(0, 17, 3), "whole npy", "damage"),
        (np.full((5, 17, 3), np.inf), "float32", "infinity"),
        (np.full((5, 17, 3), 1e300), "float32", "infinity"),
        (np.where(np.arange(3) == 0, np.nan, joints(5, 17, 3)), "all coordinates", "some"),
    ],
)
def test_refused(tmp_path, pos, expected, found):
    np.save(tmp_path / "a.npy", pos)
    with pytest.raises(SkeletonFormatError, match=rf"a\.npy: .*{expected}.*{found}"):
        read_arrays(tmp_path / "a.npy", "coco17")


def test_refused_archives(tmp_path):
    path = tmp_path / "a.npz"
    for arrays, expected in (
        ({"a": joints(5, 17, 2), "b": joints(5, 17, 2)}, "'pos'"),
        ({"pos": joints(5, 17)}, "floats"),
        ({"pos": joints(5, 17, 2), "score": joints(5, 16)}, "a score for each joint"),
        ({"pos": joints(5, 17, 2), "score": joints(1, 5, 17)}, "2 axes"),
        ({"pos": joints(5, 17, 2), "score": np.full((5, 17), 2.0)}, "a score of 0 to 1"),
        ({"pos": np.ones((5, 17, 2), int)}, "floats"),
        ({"pos": joints(0, 17, 2)}, "persons, frames"),
    ):
        np.savez(path, **arrays)
        with pytest.raises(SkeletonFormatError, match=expected):
            read_arrays(path, "coco17")
    np.savez(path, pos=joints(5, 17, 1))
    with pytest.raises(SkeletonFormatError, match="two coordinates"):
        read_arrays(path, "coco17", PoseOptions(image_size=(2, 2)))
    with pytest.raises(SkeletonFormatError, match=r"a \.npy or \.npz file"):
        read_arrays(tmp_path / "a.txt", "coco17")
    with pytest.raises(SkeletonFormatError, match="no such file"):
        read_arrays(tmp_path / "b.npy", "coco17")


@pytest.mark.parametrize("persons", [2, 3])
def test_axes(tmp_path, persons):
    pos, score = joints(persons, 9, 17, 2) * 100, np.full((persons, 9, 17), 0.5)
    wanted = read_arrays_of(tmp_path, pos, score, axes="MTVC")
    found = read_arrays_of(
        tmp_path, pos.transpose(3, 1, 2, 0), score.transpose(1, 2, 0), axes="CTVM"
    )
    np.testing.assert_array_equal(found.pos, wanted.pos)
    assert found.notes == wanted.notes == () and found.pos.shape == pos.shape
    options = PoseOptions(axes="CTVM")
    np.save(tmp_path / "b.npy", pos.transpose(3, 1, 2, 0))
    np.testing.assert_array_equal(
        read_arrays(tmp_path / "b.npy", "coco17", options).pos, wanted.pos
    )
    np.save(tmp_path / "c.npy", pos)
    with pytest.warns(UserWarning, match=r"c\.npy: the shape also fits"):
        found = read_arrays(tmp_path / "c.npy", "coco17")
    assert "axes='MTVC' or axes='CTVM'" in found.notes[0]


def read_arrays_of(folder, pos, score, axes):
    np.savez(folder / "a.npz", pos=pos, score=score)
    return read_arrays(folder / "a.npz", "coco17", axes=axes)


def test_axes_that_are_others(tmp_path):
    pos = joints(3, 9, 17, 2)
    pos[..., 1] = np.nan
    np.save(tmp_path / "a.npy", pos)
    with pytest.raises(ConfigError, match=r"a\.npy: shape .*absent; pass axes='CTVM'"):
        read_arrays(tmp_path / "a.npy", "coco17")
    for shape, said in (((3, 9, 17), "CTVM"), ((9, 3, 17), "MTCV"), ((4, 3, 9, 17, 2), "several")):
        np.save(tmp_path / "a.npy", joints(*shape))
        with pytest.raises(SkeletonFormatError, match=said):
            read_arrays(tmp_path / "a.npy", "coco17")
    with pytest.raises(ConfigError, match="expected the order of M"):
        read_arrays(tmp_path / "a.npy", "coco17", axes="xyz")


def test_a_person_of_zeros_is_nowhere(tmp_path):
    pos = joints(2, 5, 17, 3)
    pos[1] = 0
    np.save(tmp_path / "a.npy", pos)
    found = read_arrays(tmp_path / "a.npy", "coco17", PoseOptions(image_size=(9, 9)))
    assert found.pos.shape == (1, 5, 17, 3) and found.valid.all()
