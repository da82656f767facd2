from pathlib import Path

import numpy as np
import pytest

from pyg_skeletonmae.errors import SkeletonFormatError
from pyg_skeletonmae.io import json_file
from pyg_skeletonmae.io.json_file import entry, points, read_json

FILE = Path("frame.json")


def write(folder: Path, text: str | bytes) -> Path:
    path = folder / "file.json"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def test_plain_json_is_read(tmp_path):
    path = write(tmp_path, '{"a": [1, -2.5, true, null, "\u00e9"], "b": {}}')
    assert read_json(path) == {"a": [1, -2.5, True, None, "\u00e9"], "b": {}}
    assert read_json(write(tmp_path, b"\xef\xbb\xbf[1]")) == [1]  # as some editors begin a file


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "line 1, column 1: expected JSON"),
        ('{"a": [1,\n 2', "line 2"),
        ('{"a": 1, "a": 2}', "the key 'a' twice"),
        ("[NaN]", "NaN, which is not JSON"),
        ("[-Infinity]", "-Infinity"),
        ("[" * 100_000, "nested too deeply"),
        ('{"a":' * 100_000, "nested too deeply"),
        ("[" + "9" * 100_000 + "]", "integer of 100000 digits"),
        (b"\xff\xfe[", "utf-8"),
        ("[1] [2]", "Extra data"),
    ],
)
def test_what_is_not_json_is_refused(tmp_path, text: str | bytes, message: str):
    with pytest.raises(SkeletonFormatError, match=message) as caught:
        read_json(write(tmp_path, text))
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 400


def test_missing_and_large_files_are_refused(tmp_path, monkeypatch):
    with pytest.raises(SkeletonFormatError, match="no such file"):
        read_json(tmp_path / "nothing.json")
    path = write(tmp_path, "[1, 2, 3]")
    assert read_json(path, 9) == [1, 2, 3]
    with pytest.raises(SkeletonFormatError, match="at most 8 bytes"):
        read_json(path, 8)
    monkeypatch.setattr(json_file, "MAX_VALUES", 2)
    with pytest.raises(SkeletonFormatError, match="at most 2 values"):
        read_json(path)


def test_entries_have_a_key_and_a_type():
    assert entry(FILE, "person 0", {"id": 3}, "id", int) == 3
    for value, message in [
        ([1], "person 0: expected an object, found a list of 1"),
        ({"b": 1}, "expected the key 'id', found only"),
        ({"id": True}, "key 'id': expected an integer, found True"),
        ({"id": {}}, "found an object of 0"),
    ]:
        with pytest.raises(SkeletonFormatError, match=message):
            entry(FILE, "person 0", value, "id", int)


def test_points_are_finite_numbers():
    wanted = np.array([[1, 2.5, 0], [3, 4, 1]], np.float32)
    np.testing.assert_array_equal(points(FILE, "p", [1, 2.5, 0, 3, 4, 1], 2), wanted)
    with pytest.raises(SkeletonFormatError, match="expected 6 numbers"):
        points(FILE, "p", [1.0] * 5, 2)
    for wrong in (True, "1", None, [1], float("inf"), 1e39):
        with pytest.raises(SkeletonFormatError, match="p, number 2: expected a finite number"):
            points(FILE, "p", [0, 0, wrong], 1)
