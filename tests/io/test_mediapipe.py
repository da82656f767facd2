import itertools
from pathlib import Path

import numpy as np
import pytest

from pyg_skeletonmae.errors import ConfigError, SkeletonFormatError
from pyg_skeletonmae.io.mediapipe import read_mediapipe
from pyg_skeletonmae.io.poses import PoseOptions
from pyg_skeletonmae.layouts import MEDIAPIPE33
from pyg_skeletonmae.skeleton import Skeleton

ARM = Skeleton.from_parents("arm", ["shoulder", "hand"], [-1, 0], aliases={"PALM": "hand"})
NAMES = "shoulder_x,shoulder_y,shoulder_z,hand_x,hand_y,hand_z"
SCORED = (
    "frame,shoulder_x,shoulder_y,shoulder_z,shoulder_visibility,"
    "hand_x,hand_y,hand_z,hand_visibility\n"
    "3,1,2,3,0.9,4,5,6,0.2\n"
    "5,1.5,2,3,1,,,,\n"
)


def write(folder: Path, text: str) -> Path:
    path = folder / "arm.csv"
    path.write_text(text)
    return path


def test_one_row_a_frame(tmp_path):
    tracks = read_mediapipe(write(tmp_path, SCORED), ARM)
    assert repr(tracks) == "PoseTracks(arm, tracks=1, frames=3, channels=3, fps=None)"
    np.testing.assert_array_equal(tracks.valid[0], [[True, True], [False, False], [True, False]])
    np.testing.assert_array_equal(tracks.pos[0, 0], [[1, 2, 3], [4, 5, 6]])
    np.testing.assert_array_equal(tracks.pos[0, 2], [[1.5, 2, 3], [0, 0, 0]])


def test_options_apply(tmp_path):
    options = PoseOptions(min_score=0.5, with_scores=True, fps=30)
    tracks = read_mediapipe(write(tmp_path, SCORED), ARM, options)
    np.testing.assert_array_equal(tracks.pos[0, 0], [[1, 2, 3, np.float32(0.9)], [0] * 4])
    np.testing.assert_array_equal(tracks.valid.sum(), 2)
    assert tracks.fps == 30


@pytest.mark.parametrize(
    "names",
    [
        NAMES,
        NAMES.upper(),
        NAMES.replace("_", "."),
        NAMES.replace("_", " "),
        NAMES.replace("hand", "palm"),
        "x0,y0,z0,x1,y1,z1",
        "x1,y1,z1,x2,y2,z2",
        "x_1,y_1,z_1,x_2,y_2,z_2",
        "0_x,0_y,0_z,1_x,1_y,1_z",
        '"x01","y01","z01","x02","y02","z02"',
    ],
)
def test_names_of_columns(tmp_path, names: str):
    tracks = read_mediapipe(write(tmp_path, f"{names}\n1,2,3,4,5,6\n"), ARM)
    np.testing.assert_array_equal(tracks.pos, [[[[1, 2, 3], [4, 5, 6]]]])


def test_columns_in_any_order(tmp_path):
    text = "time,z1,z0,x1,x0,y0,y1\n0.5,6,3,4,1,2,5\n"
    tracks = read_mediapipe(write(tmp_path, text), ARM)
    np.testing.assert_array_equal(tracks.pos, [[[[1, 2, 3], [4, 5, 6]]]])


@pytest.mark.parametrize("owner", [False, True])
def test_the_whole_body(tmp_path, owner: bool):
    joints = tuple(MEDIAPIPE33.aliases) if owner else MEDIAPIPE33.joints
    names = [f"{j}_{axis}" for j, axis in itertools.product(joints, ["x", "y", "z", "visibility"])]
    values = np.random.default_rng(0).uniform(0.1, 1, (4, len(names))).astype(np.float32)
    rows = [",".join(names)] + [",".join(map(repr, row.tolist())) for row in values]
    tracks = read_mediapipe(write(tmp_path, "\n".join(rows)), options=PoseOptions(with_scores=True))
    assert tracks.skeleton == MEDIAPIPE33 and tracks.valid.all()
    np.testing.assert_array_equal(tracks.pos[0], values.reshape(4, -1, 4))


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("hand_z", "hand_w", "line 1: expected a column for z of 'hand' (or columns=, "),
        ("hand_z", "elbow_z", "a column for z of 'hand'"),
        ("frame", "hand_x", "each column once (ignore= leaves others out), found 'hand_x' and"),
        ("frame", "hand.x", "'hand.x' and 'hand_x'"),
        ("hand_z", "time", "a column for z of 'hand'"),
        ("hand_visibility", "time", "a column for visibility of 'hand'"),
        ("0.9", "1.9", "frame 0, joint 'shoulder': expected a score of 0 to 1, found 1.9"),
        ("4,5,6", "4,,6", "joint 'hand': expected all coordinates or none"),
        ("4,5,6", "4,1e39,6", "infinity"),
        ("4,5,6", "4,left,6", "line 2, column 'hand_y': expected numbers, or empty cells"),
        ("5,1.5", "3,1.5", "numbers that grow"),
        ("5,1.5", "1.5", "line 3: expected 9 cells, found 8"),
    ],
)
def test_damage_is_refused(tmp_path, old: str, new: str, message: str):
    assert old in SCORED
    with pytest.raises(SkeletonFormatError) as caught:
        read_mediapipe(write(tmp_path, SCORED.replace(old, new, 1)), ARM)
    assert message in str(caught.value)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize("channels", [3, 4])
def test_arrays(tmp_path, dtype: type, channels: int):
    array = np.random.default_rng(1).uniform(0.1, 1, (5, 2, channels)).astype(dtype)
    array[2, 1, :3] = np.nan
    np.save(tmp_path / "arm.npy", array)
    tracks = read_mediapipe(tmp_path / "arm.npy", ARM)
    assert tracks.pos.shape == (1, 5, 2, 3) and tracks.pos.dtype == np.float32
    np.testing.assert_array_equal(np.argwhere(~tracks.valid), [[0, 2, 1]])
    np.testing.assert_array_equal(tracks.pos[0], np.nan_to_num(array.astype(np.float32))[..., :3])


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (np.zeros((5, 3, 3)), r"floats \[T, 2, 3 or 4\], found float64 \[5, 3, 3\]"),
        (np.zeros((5, 2, 2)), "3 or 4 channels"),
        (np.zeros((5, 2, 3), int), "floats"),
        (np.zeros((2, 3)), "floats"),
        (np.full((1, 2, 3), 1e300), "infinity"),
        (np.full((1, 2, 4), 2.0), "a score of 0 to 1, found 2"),
        (np.zeros((0, 2, 3)), "header"),
        (np.full((1, 2, 3), None), "pickled"),
    ],
)
def test_other_arrays_are_refused(tmp_path, array: np.ndarray, message: str):
    np.save(tmp_path / "arm.npy", array)
    with pytest.raises(SkeletonFormatError, match=message):
        read_mediapipe(tmp_path / "arm.npy", ARM)


def test_arguments_of_tables(tmp_path):
    path = write(tmp_path, NAMES + ",kind\n1,2,3,4,5,6,left\n")
    tracks = read_mediapipe(path, ARM, label_column="kind", strict=True)
    assert tracks.labels == ("left",) and tracks.notes == ("x, y, z from shoulder_x ... hand_z",)
    with pytest.raises(SkeletonFormatError, match=r"\(strict=True\), or ignore=, found 'kind'"):
        read_mediapipe(path, ARM, strict=True)
    assert read_mediapipe(path, ARM, strict=True, ignore="kind").pos.shape == (1, 1, 2, 3)
    renamed = {"hand_x": "hand_y", "hand_y": "hand_x"}
    pos = read_mediapipe(path, ARM, columns=renamed).pos
    np.testing.assert_array_equal(pos[0, 0, 1], [5, 4, 6])
    np.save(tmp_path / "arm.npy", np.ones((1, 2, 3)))
    with pytest.raises(ConfigError, match="of tables only"):
        read_mediapipe(tmp_path / "arm.npy", ARM, first_index=1)


def test_other_files_are_refused(tmp_path):
    for name, message in [
        ("a.dat", "a .csv, .tsv or .npy"),
        ("a.csv", "no such"),
        ("a.npy", "no such"),
    ]:
        with pytest.raises(SkeletonFormatError, match=message):
            read_mediapipe(tmp_path / name, ARM)


def test_arrays_of_joints_before_frames_are_not_read_as_frames(tmp_path):
    steps = np.random.default_rng(0).normal(size=(33, 1, 3)) * 0.01
    body = np.random.default_rng(1).normal(size=(1, 33, 3)) + np.cumsum(steps, 0)
    np.save(tmp_path / "a.npy", body.transpose(1, 0, 2).astype("f4"))  # [V, T, C], as many of both
    with pytest.raises(ConfigError, match=r"a\.npy"):
        read_mediapipe(tmp_path / "a.npy")
    np.save(tmp_path / "b.npy", body.astype("f4"))
    assert read_mediapipe(tmp_path / "b.npy").pos.shape == (1, 33, 33, 3)
