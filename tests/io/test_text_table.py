from pathlib import Path

import numpy as np
import pytest

from pyg_skeletonmae.errors import SkeletonFormatError
from pyg_skeletonmae.io.text_table import TextTable


def read(folder: Path, text: str | bytes) -> list[list[str]]:
    path = folder / "a.csv"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return list(TextTable(path).rows())


@pytest.mark.parametrize(
    "text",
    [
        "a,b c\n1,2\n",
        "\ufeffa;b c\r\n1;2\r\n\r\n \r\n",
        "a\tb c\n1\t2",
        "a|b c\n1|2\n",
        'a,"b c"\r\r\n"1", 2 \n',
        "sep=;\na;b c\n1;2\n",
        "a,b c\n1,2\n".encode("utf-16"),
        "\ufeffa;b c\n1;2\n".encode("utf-16-be"),
    ],
)
def test_cells(tmp_path: Path, text: str | bytes) -> None:
    assert read(tmp_path, text) == [["a", "b c"], ["1", "2"]]


def test_the_separator_is_what_cuts_all_lines_alike(tmp_path: Path) -> None:
    assert read(tmp_path, "a;b\n0,1;0,2\n") == [["a", "b"], ["0,1", "0,2"]]
    assert read(tmp_path, "n|x,n|y\n1,2\n") == [["n|x", "n|y"], ["1", "2"]]
    assert read(tmp_path, "a  b\n 1 2\n") == [["a", "b"], ["1", "2"]]
    assert read(tmp_path, '"a;1","b"\n') == [["a;1", "b"]]
    assert read(tmp_path, "a\n1\n") == [["a"], ["1"]]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a,b\n\n1,2\n", "line 2: expected cells, found an empty line"),
        ("a,b\n1,2\n" * 9 + '"1,2\n', "line 19: expected cells, in double quotes"),
        (b"a,b\n\xff,1\n", "line 2: expected UTF-8 text"),
        (b"\xff\xfea", "UTF-8 text"),
        ("a," * 30_000, "at most 20000 columns"),
        ("a" * 2**21, "bytes in a line"),
    ],
)
def test_damage(tmp_path: Path, text: str | bytes, message: str) -> None:
    with pytest.raises(SkeletonFormatError, match=message):
        read(tmp_path, text)


def numbers(folder: Path, *rows: list[str]) -> list[list[float]]:
    (folder / "a.csv").write_text("a;b\n")
    table = TextTable(folder / "a.csv")
    values = [table.numbers(row, ["a", "b"]) for row in rows]
    table.finish()
    return values


def test_numbers(tmp_path: Path) -> None:
    assert numbers(tmp_path, ["1", "-2.5e1"], [".5", "+3"]) == [[1, -25], [0.5, 3]]
    assert numbers(tmp_path, ["1,5", "2"], ["1,234", "3"]) == [[1.5, 2], [1.234, 3]]
    np.testing.assert_array_equal(numbers(tmp_path, ["", "NaN"]), [[np.nan, np.nan]])


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([["1", "x"]], "column 'b': expected numbers, or empty cells, found 'x'"),
        ([["inf", "1"]], "column 'a': expected finite numbers"),
        ([["1", "1e999"]], "column 'b': expected finite numbers"),
        ([["1_0", "1"]], "column 'a': expected finite numbers"),
        ([["1,0", "1.0"]], "one decimal mark"),
        ([["1.0", "1"], ["2", "1,0"]], "column 'b': expected one decimal mark"),
        ([["1,000,000", "1"]], "expected numbers"),
        ([["1,024", "2"], ["3", "12,048"]], "such as '1,024', that may be thousands"),
    ],
)
def test_other_numbers(tmp_path: Path, rows: list[list[str]], message: str) -> None:
    with pytest.raises(SkeletonFormatError, match=message):
        numbers(tmp_path, *rows)


def test_missing(tmp_path: Path) -> None:
    with pytest.raises(SkeletonFormatError, match="a table of text"):
        TextTable(tmp_path / "a.csv")
