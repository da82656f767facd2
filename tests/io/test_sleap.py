import json
from pathlib import Path

import numpy as np
import pytest

from pyg_skeletonmae.errors import SkeletonFormatError
from pyg_skeletonmae.io.poses import PoseOptions, PoseTracks
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


@pytest.mark.parametrize("axes", [SLEAP, PLAIN, ("frame", "track", "node", "xy")])
def test_dims_of_variable_length_leave_the_order_to_the_sizes(tmp_path, axes: tuple[str, ...]):
    path, wanted = write(tmp_path, axes), read_sleap(write(tmp_path)).pos
    three = [axis for axis in axes if axis != "xy"]
    write(tmp_path, axes)
    with h5py.File(path, "a") as file:
        file["tracks"].attrs["dims"] = json.dumps(axes)
        file["point_scores"].attrs["dims"] = json.dumps(three)
    np.testing.assert_array_equal(read_sleap(path).pos, wanted)


def test_an_order_that_the_sizes_leave_open_is_refused(tmp_path):
    shape = np.ones((2, 2, 3, 2))
    path = write(tmp_path, tracks=shape, point_scores=None)
    assert read_sleap(path).pos.shape == (2, 2, 3, 2)
    with h5py.File(path, "a") as file:
        file["tracks"].attrs["dims"] = json.dumps(SLEAP)
    with pytest.raises(SkeletonFormatError, match="one of the orders"):
        read_sleap(path)


@pytest.mark.parametrize(
    ("edges", "parents", "note"),
    [
        (None, [-1, 0, 0], "joins thorax, left wing to head"),
        (np.zeros(0), [-1, 0, 0], "joins thorax, left wing to head"),
        ([[1, 2]], [-1, 0, 1], "joins thorax to head"),
        ([[0, 1], [2, 1]], [-1, 0, 1], "the skeleton follows them"),
        ([[0, 1], [1, 2], [2, 0]], [-1, 0, 0], "the skeleton follows them"),
        ([[0, 1], [1, 0]], [2, 0, -1], "joins head to left wing"),
        ([[1, 0], [1, 2]], [1, -1, 1], None),
    ],
)
def test_edges_that_are_no_tree_are_made_one(tmp_path, edges, parents: list[int], note: str | None):
    edges = edges if edges is None else np.array(edges)
    tracks = read_sleap(write(tmp_path, edge_inds=edges))
    assert tracks.skeleton.parents.tolist() == parents
    assert tracks.notes == () if note is None else note in tracks.notes[0]


def test_other_files_of_these_tools_are_refused_with_what_to_do(tmp_path):
    for name, key, message in (
        ("a.slp", "instances", "Export Analysis HDF5.*found a project of SLEAP"),
        ("a.h5", "df_with_missing", "a table of DeepLabCut: read the CSV"),
    ):
        with h5py.File(tmp_path / name, "w") as file:
            file[key] = np.zeros(3)
        with pytest.raises(SkeletonFormatError, match=message):
            read_sleap(tmp_path / name)


@pytest.mark.parametrize("name", ["sleap_tree", "sleap_no_edges"])
def test_files_written_by_sleap_io(name: str):
    """Made by sleap-io 0.9.5, as ``write_by_sleap_io`` below writes them."""
    path = Path(__file__).parent / "files" / f"{name}.h5"
    check_written(read_sleap(path, options=PoseOptions(with_scores=True)), name == "sleap_tree")


def test_a_file_written_by_the_sleap_io_installed_here(tmp_path):
    pytest.importorskip(
        "sleap_io", reason="sleap-io is not installed: pip install 'pyg_skeletonmae[tools]'"
    )
    for tree in (True, False):
        write_by_sleap_io(tmp_path / "a.h5", tree)
        check_written(read_sleap(tmp_path / "a.h5", options=PoseOptions(with_scores=True)), tree)


def write_by_sleap_io(path: Path, tree: bool) -> None:
    import sleap_io

    edges = [("thorax", "head"), ("thorax", "left wing")] if tree else []
    skeleton = sleap_io.Skeleton(list(NODES), edges=edges, name="fly")
    video = sleap_io.Video(filename="fly.mp4", backend=None)
    tracks = [sleap_io.Track(name) for name in "ab"]
    pos, score = some()
    frames = []
    for frame in range(4):
        flies = [
            sleap_io.PredictedInstance.from_numpy(
                pos[m, frame], skeleton=skeleton, point_scores=score[m, frame], track=tracks[m]
            )
            for m in range(2)
            if not np.isnan(pos[m, frame]).all()
        ]
        frames.append(sleap_io.LabeledFrame(video=video, frame_idx=frame, instances=flies))
    sleap_io.save_analysis_h5(sleap_io.Labels(frames), str(path))


def check_written(tracks: PoseTracks, tree: bool) -> None:
    pos, score = some()
    score[0, 2, 1] = 1
    np.testing.assert_array_equal(tracks.valid, ~np.isnan(pos).any(-1))
    np.testing.assert_array_equal(tracks.pos[..., :2], np.nan_to_num(pos).astype(np.float32))
    np.testing.assert_array_equal(tracks.pos[..., 2], np.nan_to_num(score).astype(np.float32))
    assert tracks.skeleton.joints == tuple(NODES)
    assert tracks.skeleton.root == ("thorax" if tree else "head")
    assert bool(tracks.notes) is not tree


@pytest.mark.parametrize(
    ("replace", "message"),
    [
        ({"tracks": None}, "the dataset 'tracks'"),
        ({"node_names": None}, "the dataset 'node_names'"),
        ({"node_names": ["a", "a", "b"]}, "'a' stands 2 times"),
        ({"node_names": ["a", "b"]}, "pairs of node numbers"),
        ({"edge_inds": np.array([[0, 1], [1, 9]])}, "node numbers"),
        ({"edge_inds": np.zeros((2, 2))}, "integers"),
        ({"tracks": np.zeros((2, 2, 4, 4))}, "one of the orders .* with node 3, xy 2"),
        ({"tracks": np.zeros((2, 3, 3, 4))}, "one of the orders .* with node 3, xy 2"),
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
