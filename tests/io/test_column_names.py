import unicodedata

import pytest

from pyg_skeletonmae.io.column_names import JointNames, readings, role, words
from pyg_skeletonmae.layouts import MEDIAPIPE33, OPENPOSE18
from pyg_skeletonmae.skeleton import Skeleton

JOINTS = JointNames(MEDIAPIPE33)
ELBOW = MEDIAPIPE33.index("left_elbow")


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("LEFT_ELBOW_X", ("left", "elbow", "x")),
        ("leftElbow.x", ("left", "elbow", "x")),
        ("LElbow x", ("left", "elbow", "x")),
        ("pose[07].y", ("pose", "07", "y")),
        ("L", ("l",)),
        ("\uff38\uff11", ("x", "1")),
        ("", ()),
    ],
)
def test_words(name: str, expected: tuple[str, ...]) -> None:
    assert words(name) == expected


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Frame ID", "frame"), ("frame_number", "frame"), ("image_id", "frame"), ("image", None),
        ("time", "time"), ("Timestamp (ms)", "time"), ("t", "time"), ("time_of_day", None),
        ("person_id", "person"), ("track", "person"), ("id", "id"), ("landmark_name", "landmark"),
        ("bodypart", "landmark"), ("class", None), ("frame_x", None), ("", None),
    ],
)  # fmt: skip
def test_roles(name: str, expected: str | None) -> None:
    assert role(name) == expected


@pytest.mark.parametrize(
    "name",
    ["left_elbow", "LEFT_ELBOW", "leftElbow", "elbow left", "L elbow", "Elbow.L", "leftelbow"],
)
def test_joints(name: str) -> None:
    assert JOINTS.find(name) == ELBOW


def test_joints_of_an_own_skeleton() -> None:
    skeleton = Skeleton.from_parents("s", ["a", "A", "\u00fcber"], [-1, 0, 0], aliases={"R2": "a"})
    joints = JointNames(skeleton)
    assert joints.find("a") == 0 and joints.find("A") == 1 and joints.find("r 2") == 0
    assert joints.find(unicodedata.normalize("NFD", "\u00dcber")) == 2
    assert joints.find("b") is None and JointNames(skeleton).of_words(("a",)) is None
    assert JointNames(OPENPOSE18).find("RShoulder") == JointNames(OPENPOSE18).find("right shoulder")


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("left_elbow_x", [("name", ("*",), ELBOW, "x")]),
        ("vis left elbow", [("name", ("*",), ELBOW, "visibility")]),
        ("world_LElbow_z", [("name", ("world", "*"), ELBOW, "z")]),
        ("leftelbowx", [("name", ("*",), ELBOW, "x")]),
        ("x7", [("number", ("*",), 7, "x")]),
        ("p1_y_07", [("number", ("p", "1", "*"), 7, "y"), ("first", ("p", "*", "07"), 1, "y")]),
        ("score", [("bare", (), 0, "score")]),
        ("bbox_x", [("bare", ("bbox",), 0, "x")]),
        ("class", []),
        ("x_" * 20, []),
        ("x" + "9" * 5000, []),
    ],
)
def test_readings(name: str, expected: list[tuple[object, ...]]) -> None:
    assert [tuple(reading) for reading in readings(name, JOINTS)] == expected
