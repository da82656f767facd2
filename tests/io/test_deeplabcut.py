from pathlib import Path

import numpy as np
import pytest

from pyg_skeletonmae.errors import SkeletonFormatError
from pyg_skeletonmae.io.deeplabcut import read_deeplabcut
from pyg_skeletonmae.io.poses import PoseOptions
from pyg_skeletonmae.skeleton import Skeleton

MOUSE = Skeleton.from_parents("mouse", ["snout", "tail base"], [1, -1], aliases={"nose": "snout"})
ONE = """scorer,net,net,net,net,net,net,net,net,net
bodyparts,tail base,tail base,tail base,corner,corner,corner,nose,nose,nose
coords,x,y,likelihood,x,y,likelihood,x,y,likelihood
5,1,2,0.9,7,7,1,3,4,0.5
7,5,6,0.25,7,7,1,,,0.0
"""
TWO = """scorer,net,net,net,net,net,net,net,net,net,net
individuals,a,a,a,a,b,b,b,b,single,single
bodyparts,snout,snout,tail base,tail base,snout,snout,tail base,tail base,corner,corner
coords,x,y,x,y,x,y,x,y,x,y
0,1,2,3,4,5,6,7,8,0,0
1,,,,,9,10,11,12,0,0
"""


def test_names_in_two_forms_of_unicode(tmp_path):
    paw = Skeleton.from_parents("paw", ["F\u00fc\u00dfe", "nose"], [-1, 0])
    name = "Fu\u0308\u00dfe"
    text = f"scorer,n,n,n,n\nbodyparts,nose,nose,{name},{name}\ncoords,x,y,x,y\n0,1,2,3,4\n"
    (tmp_path / "paw.csv").write_text(text, encoding="utf-8")
    np.testing.assert_array_equal(read_deeplabcut(tmp_path / "paw.csv", paw).pos[0, 0, 0], [3, 4])


@pytest.fixture
def path(tmp_path) -> Path:
    path = tmp_path / "mouse.csv"
    path.write_text(ONE)
    return path


def test_body_parts_are_found_by_name_and_frames_by_number(path):
    tracks = read_deeplabcut(path, MOUSE)
    assert repr(tracks) == "PoseTracks(mouse, tracks=1, frames=3, channels=2, fps=None)"
    np.testing.assert_array_equal(tracks.valid[0], [[True, True], [False, False], [False, True]])
    np.testing.assert_array_equal(tracks.pos[0, 0], [[3, 4], [1, 2]])
    np.testing.assert_array_equal(tracks.pos[0, 2], [[0, 0], [5, 6]])


def test_options_apply(path):
    options = PoseOptions(min_score=0.3, with_scores=True, image_size=(2, 4), fps=100)
    tracks = read_deeplabcut(path, MOUSE, options)
    np.testing.assert_array_equal(tracks.pos[0, 0], [[2, 1, 0.5], [0, 0, np.float32(0.9)]])
    assert not tracks.valid[0, 2].any() and tracks.fps == 100


def test_individuals_are_tracks(path):
    path.write_text(TWO)
    tracks = read_deeplabcut(path, MOUSE)
    wanted = [[[[1, 2], [3, 4]], [[0, 0], [0, 0]]], [[[5, 6], [7, 8]], [[9, 10], [11, 12]]]]
    np.testing.assert_array_equal(tracks.pos, wanted)
    np.testing.assert_array_equal(tracks.valid.all(-1), [[True, False], [True, True]])


@pytest.mark.parametrize("columns", [1, 3])
@pytest.mark.parametrize("individuals", [False, True])
def test_labels_are_read_as_frames(path, columns: int, individuals: bool):
    """``CollectedData_<scorer>.csv``: an image a row, the path in one column or in three."""
    rows = [["scorer", *["me"] * 4], ["bodyparts", *["snout"] * 2, *["tail base"] * 2]]
    rows += [["coords", *"xyxy"]]
    numbers = [["1.5", "2", "3", "4"], ["", "", "5", "6"]]
    if individuals:
        rows = [[row[0], *row[1:] * 2] for row in rows]
        rows.insert(1, ["individuals", *["a"] * 4, *["b"] * 4])
        numbers = [numbers[0] + ["7", "8", "", ""], numbers[1] + [""] * 4]
    rows = [[row[0], *[""] * (columns - 1), *row[1:]] for row in rows]
    for image, cells in zip(("img0107.png", "img0020.png"), numbers, strict=True):
        name = ["labeled-data", "mouse", image]
        rows.append([*(name if columns == 3 else ["/".join(name)]), *cells])
    path.write_text("\n".join(",".join(row) for row in rows) + "\n")
    tracks = read_deeplabcut(path, MOUSE)
    wanted = [[[[1.5, 2], [3, 4]], [[0, 0], [5, 6]]], [[[7, 8], [0, 0]], [[0, 0], [0, 0]]]]
    np.testing.assert_array_equal(tracks.pos, wanted[: 1 + individuals])
    np.testing.assert_array_equal(tracks.valid, np.any(wanted, -1)[: 1 + individuals])
    assert tracks.notes == ("labelled images, each a frame: they do not follow each other in time",)


def test_odd_likelihoods_are_kept_and_noted(path):
    path.write_text(ONE.replace("0.9", "2.5").replace("0.25", ""))
    tracks = read_deeplabcut(path, MOUSE, PoseOptions(with_scores=True))
    np.testing.assert_array_equal(tracks.pos[0, :, 1, 2], [2.5, 0, 1])
    assert tracks.notes == (
        "body parts left out: corner",
        "1 likelihoods are empty and count as 1",
        "scores up to 2.5: no probabilities, kept as they are; they may be a coordinate z",
    )


def test_the_table_of_pandas_names_the_csv_file(tmp_path):
    (tmp_path / "a.h5").write_bytes(b"")
    with pytest.raises(SkeletonFormatError, match="the CSV file of it"):
        read_deeplabcut(tmp_path / "a.h5", MOUSE)


def test_three_coordinates(path):
    path.write_text("scorer,n,n,n\nbodyparts,a,a,a\ncoords,x,y,z\n0,1,2,3\n")
    tracks = read_deeplabcut(path, Skeleton("dot", ("a",), (), root="a"))
    np.testing.assert_array_equal(tracks.pos, [[[[1, 2, 3]]]])


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("scorer", "score", "line 1: expected a row that begins with 'scorer'"),
        ("bodyparts", "parts", "line 2: expected a row that begins with 'bodyparts'"),
        ("coords", "5", "line 3: expected a row that begins with 'coords'"),
        ("coords,x,y", "coords,y,x", "line 3: expected the columns x y likelihood or"),
        ("corner,corner,corner", "nose,nose,nose", "each body part once"),
        ("corner,corner,corner", "corner,nose,corner", "each body part once"),
        ("nose,nose,nose", "ear,ear,ear", "body part 'snout', found only tail base, corner, ear"),
        ("0.9", "-9", "track 0, frame 0, joint 'tail base': expected a score of 0 to 1, found -9"),
        ("5,1,2", "5,1,", "joint 'tail base': expected all coordinates or none"),
        ("5,1,2", "5,1,1e39", "infinity"),
        ("7,5,6", "4,5,6", "numbers that grow"),
        ("7,5,6", "img7.png,5,6", "frame numbers in all rows or names of images in all"),
        ("7,5,6", "7,5,six", "line 5: expected numbers"),
    ],
)
def test_damage_is_refused(path, old: str, new: str, message: str):
    assert old in ONE
    path.write_text(ONE.replace(old, new, 1))
    with pytest.raises(SkeletonFormatError) as caught:
        read_deeplabcut(path, MOUSE)
    assert message in str(caught.value)


def test_a_file_of_another_body_names_what_it_has(path):
    path.write_text(ONE.replace("nose", "ear").replace("tail base", "paw"))
    with pytest.raises(SkeletonFormatError, match="snout, tail base, found paw, corner, ear"):
        read_deeplabcut(path, MOUSE)
