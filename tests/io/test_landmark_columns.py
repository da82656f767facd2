from typing import NoReturn

import pytest

from pyg_skeletonmae.errors import DataError
from pyg_skeletonmae.io.landmark_columns import ColumnFinder, Columns, TableOptions
from pyg_skeletonmae.skeleton import Skeleton

ARM = Skeleton.from_parents("arm", ["shoulder", "hand"], [-1, 0], aliases={"PALM": "hand"})
NAMES = ["shoulder_x", "shoulder_y", "palm_y", "palm_x"]


def refuse(expected: str, found: str) -> NoReturn:
    raise DataError(f"expected {expected}, found {found}")


def find(names: list[str], unnamed: tuple[int, ...] = (), **options: object) -> Columns:
    return ColumnFinder(ARM, TableOptions(**options), refuse).find(names, unnamed)


def test_by_name() -> None:
    found = find(["Frame", *NAMES, "file"])
    assert found.place.tolist() == [[[1, 2], [4, 3]]] and found.channels == ("x", "y")
    assert found.roles == {"frame": 0} and found.ignored == ("file",)
    assert found.notes == ("x, y from shoulder_x ... palm_y",)


def test_numbers_from_1_are_said() -> None:
    names = ["x1", "y1", "x2", "y2"]
    assert (
        find(names).notes[1] == find(names, first_index=1).notes[1] == "landmarks numbered from 1"
    )
    with pytest.raises(DataError, match="first_index="):
        find(names, first_index=0)
    with pytest.raises(DataError, match=r"not for 3 from 0 to 2"):
        find([*names, "x0", "y0"])


def test_persons_are_sets_that_differ_in_a_number() -> None:
    found = find([f"p{p}_{name}" for p in (2, 10, 1) for name in NAMES])
    assert found.place[:, 0, 0].tolist() == [8, 0, 4]
    with pytest.raises(DataError, match="one set of columns"):
        find([f"{p}_{name}" for p in ("left", "right") for name in NAMES])
    assert find([f"{p}_{n}" for p in "ab" for n in NAMES], ignore="b_*").place.shape == (1, 2, 2)


def test_columns_without_names() -> None:
    names = [f"column {i + 1}" for i in range(7)]
    with pytest.raises(DataError, match="columns= to say which of the 2 joints of arm"):
        find(names, tuple(range(7)))
    found = find(names, tuple(range(7)), columns=["frame", "score", "y", "x"])
    assert found.place.tolist() == [[[3, 2, 1], [6, 5, 4]]] and found.roles == {"frame": 0}
    for wrong in (["x", "y"], ["frame", "x", "frame", "y"], ["x", "x", "y", "frame"]):
        with pytest.raises(DataError, match="columns"):
            find(names, tuple(range(7)), columns=wrong)
    found = find(
        names, tuple(range(7)), columns={"column 7": "person"}, ignore=["column 1", "column 2"]
    )
    assert found.roles == {"person": 6} and found.place.tolist() == [[[2, 3], [4, 5]]]


def test_visibility_before_presence() -> None:
    names = [f"{axis}{i}" for i in range(2) for axis in ("x", "y", "presence", "visibility")]
    found = find(names)
    assert found.channels[-1] == "visibility" and found.ignored == ("presence0", "presence1")


def test_long_tables() -> None:
    found = find(["frame", "keypoint_id", "keypoint_name", "y", "x", "score"])
    assert found.place.tolist() == [[[4, 3, 5]]] and found.roles["landmark"] == 2
    assert find(["id", "x", "y"]).roles == {"landmark": 0}
    with pytest.raises(DataError, match="columns as shoulder_x, or x0"):
        find(["frame", "x", "y"])


def test_strict() -> None:
    with pytest.raises(DataError, match=r"strict=True\), or ignore=, found 'file'"):
        find([*NAMES, "file"], strict=True)
    assert find([*NAMES, "file"], strict=True, ignore="file").ignored == ("file",)
    assert find([*NAMES, "id"], strict=True).roles == {"id": 4}
