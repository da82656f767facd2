import json
from pathlib import Path

import numpy as np
import pytest

from pyg_skeletonmae.errors import SkeletonFormatError
from pyg_skeletonmae.io.poses import PoseOptions
from pyg_skeletonmae.io.sleap import read_sleap
from pyg_skeletonmae.skeleton import Skeleton

h5py = pytest.importorskip("h5py")

FLY = Skeleton.from_parents("fly", ["thorax", "head"], [-1, 0], aliases={"caput": "head"})
NODES = ["head", "thorax", "left wing"]
ORDER = ("track", "frame", "node", "xy")
SLEAP, PLAIN = ("track", "xy", "node", "frame"), ("frame", "node", "xy", "track")


def some() -> tuple[np.ndarray, np.ndarray]:
    """Two flies, four frames: the second is absent in frame 1; a hand-placed node in frame 2."""
    rng = np.random.default_rng(0)
    pos, score = rng.uniform(0, 99, (2, 4, 3, 2)), rng.uniform(0.2, 1, (2, 4, 3))
    pos[1, 1], score[1, 1], score[0, 2, 1] = np.nan, np.nan, np.nan
    return pos, score


def write(folder: Path, axes=SLEAP, dims: bool = False, **replace: object) -> Path:
    pos, score = some()
    three = [axis for axis in axes if axis != "xy"]
    content = {
        "tracks": pos.transpose([ORDER.index(axis) for axis in axes]),
        "point_scores": score.transpose([ORDER.index(axis) for axis in three]),
        "node_names": NODES,
        "edge_inds": np.array([[1, 0], [1, 2]]),
        "track_names": ["a", "b"],
    } | replace
    with h5py.File(folder / "fly.h5", "w") as file:
        for key, value in content.items():
            if value is not None:
                file[key] = value
        if dims:
            file["tracks"].attrs["dims"] = np.bytes_(json.dumps(axes))
            file["point_scores"].attrs["dims"] = np.bytes_(json.dumps(three))
    return folder / "fly.h5"


@pytest.mark.parametrize(
    ("axes", "dims"),
    [(SLEAP, False), (SLEAP, True), (PLAIN, False), (("frame", "track", "node", "xy"), True)],
)
def test_the_axes_are_found(tmp_path, axes: tuple[str, ...], dims: bool):
    tracks = read_sleap(write(tmp_path, axes, dims), options=PoseOptions(with_scores=True, fps=99))
    assert repr(tracks) == "PoseTracks(sleap, tracks=2, frames=4, channels=3, fps=99)"
    pos, score = some()
    score[0, 2, 1] = 1
    np.testing.assert_array_equal(tracks.valid, ~np.isnan(pos).any(-1))
    np.testing.assert_array_equal(tracks.pos[..., :2], np.nan_to_num(pos).astype(np.float32))
    np.testing.assert_array_equal(tracks.pos[..., 2], np.nan_to_num(score).astype(np.float32))
    assert tracks.skeleton.joints == tuple(NODES) and tracks.skeleton.root == "thorax"


def test_a_layout_chooses_nodes_by_name(tmp_path):
    path = write(tmp_path, node_names=["caput", "thorax", "left wing"], edge_inds=None)
    tracks = read_sleap(path, FLY)
    wanted = np.nan_to_num(some()[0][:, :, [1, 0]]).astype(np.float32)
    np.testing.assert_array_equal(tracks.pos, wanted)
    assert tracks.skeleton == FLY


def test_scores_mask_and_may_be_absent(tmp_path):
    tracks = read_sleap(write(tmp_path), options=PoseOptions(min_score=0.6))
    score = some()[1]
    score[0, 2, 1] = 1
    np.testing.assert_array_equal(tracks.valid, np.nan_to_num(score) > 0.6)
    assert read_sleap(write(tmp_path, point_scores=None)).valid.sum() == 21


@pytest.mark.parametrize(
    ("replace", "message"),
    [
        ({"tracks": None}, "the dataset 'tracks'"),
        ({"node_names": None}, "the dataset 'node_names'"),
        ({"node_names": ["a", "a", "b"]}, "'a' stands 2 times"),
        ({"node_names": ["a", "b"]}, "1 pairs of node numbers"),
        ({"edge_inds": None}, "give a layout"),
        ({"edge_inds": np.array([[0, 1], [2, 1]])}, "two edges to 'thorax'"),
        ({"edge_inds": np.array([[0, 1], [1, 0]])}, "edge_inds"),
        ({"edge_inds": np.array([[0, 1], [1, 9]])}, "node numbers"),
        ({"edge_inds": np.zeros((2, 2))}, "integers"),
        ({"tracks": np.zeros((2, 2, 4, 4))}, "an axis of 3 nodes and one of 2"),
        ({"tracks": np.zeros((2, 3, 3, 4))}, "an axis of 3 nodes and one of 2"),
        ({"tracks": np.zeros((2, 2, 3, 0))}, "a track and a frame"),
        ({"tracks": np.zeros((2, 2, 3, 4), int)}, "floats"),
        ({"tracks": np.zeros((2, 3, 4))}, "tracks"),
        ({"tracks": np.full((2, 2, 3, 4), np.inf)}, "infinity"),
        ({"point_scores": np.zeros((2, 3, 5))}, r"scores of \[2, 4, 3\]"),
        ({"point_scores": np.full((2, 3, 4), 7.0)}, "a score of 0 to 1, found 7"),
    ],
)
def test_damage_is_refused(tmp_path, replace: dict[str, object], message: str):
    with pytest.raises(SkeletonFormatError, match=message) as caught:
        read_sleap(write(tmp_path, **replace))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("dims", ["[", '["track"]', "3", "[[]]", '["track","xy","node","node"]'])
def test_other_names_of_axes_are_refused(tmp_path, dims: str):
    path = write(tmp_path)
    with h5py.File(path, "a") as file:
        file["tracks"].attrs["dims"] = np.bytes_(dims)
    with pytest.raises(SkeletonFormatError, match="attribute 'dims'"):
        read_sleap(path)


def test_a_cut_file_is_refused(tmp_path):
    path = write(tmp_path)
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(SkeletonFormatError, match="a whole HDF5 file"):
        read_sleap(path)
