from pathlib import Path

import numpy as np
import pytest

from pyg_skeletonmae.errors import SkeletonFormatError
from pyg_skeletonmae.io.csv_file import CsvFile, frame_rows


def write(folder: Path, text: str | bytes) -> Path:
    path = folder / "table.csv"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def read(path: Path) -> tuple[list[str], np.ndarray]:
    file = CsvFile(path)
    return file.names(), file.numbers()


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_names_and_numbers(tmp_path, newline: str):
    text = '\ufeff"a", b ,c\n1, -2.5e1,\n nan,.5,3\n\n \n'.replace("\n", newline)
    names, numbers = read(write(tmp_path, text))
    assert names == ["a", "b", "c"]
    np.testing.assert_array_equal(numbers, [[1, -25, np.nan], [np.nan, 0.5, 3]])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "line 0: expected a row of names"),
        ("a,b\n", "line 1: expected a row of numbers"),
        ("a,b\n1,2\n1\n", "line 3: expected 2 cells, found 1"),
        ("a,b\n1,2\n\n1,2\n", "line 3: expected numbers, found an empty line"),
        ("a,b\n1,x\n", "line 2: expected numbers"),
        ("a,b\n1,inf\n", "expected numbers"),
        ("a,b\n1,1e999\n", "finite"),
        ("a,b\n1,1_0\n", "expected numbers"),
        ("a,b\n1,1 0\n", "expected numbers"),
        ("a,b\n1,--1\n", "expected numbers"),
        (b"a,\xff\n1,2\n", "UTF-8"),
        ("a," * 30_000, "columns"),
        ("a" * 2**21, "bytes in a line"),
    ],
)
def test_damage_is_refused_with_its_line(tmp_path, text: str | bytes, message: str):
    with pytest.raises(SkeletonFormatError, match=message) as caught:
        read(write(tmp_path, text))
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 400


def test_rows_of_names_have_one_length(tmp_path):
    file = CsvFile(write(tmp_path, "a,b\nc\n"))
    assert file.names() == ["a", "b"]
    with pytest.raises(SkeletonFormatError, match="line 2: expected 2 names as above, found 1"):
        file.names()


def test_frames_without_a_row(tmp_path):
    file = CsvFile(write(tmp_path, "a"))
    np.testing.assert_array_equal(frame_rows(file, np.array([3.0, 4, 7])), [0, 1, -1, -1, 2])
    for wrong, message in [
        ([1, 1], "grow"),
        ([2, 1], "1 after a larger"),
        ([0, 0.5], "0.5 in row 1"),
        ([-1, 0], "whole numbers from 0"),
        ([np.nan, 0], "whole numbers from 0"),
        ([0, 9e8], "cut long"),
        ([0, 1e300], "whole numbers"),
    ]:
        with pytest.raises(SkeletonFormatError, match=message):
            frame_rows(file, np.array(wrong, float))
