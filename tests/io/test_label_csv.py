import pytest

from pyg_skeletonmae.errors import SkeletonFormatError
from pyg_skeletonmae.io.label_csv import Labelled, read_label_csv


def write(folder, content: str | bytes):
    path = folder / "labels.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


@pytest.mark.parametrize("end", ["\n", "\r\n", "\n\n", " \n", "\t\n"])
def test_rows(tmp_path, end):
    lines = ["\ufeffFile, Label,subject", 'a/b.csv,"sit down, slowly",3', "x\\y.csv , wave,0"]
    found = read_label_csv(write(tmp_path, end.join(lines)))
    assert found == (Labelled("a/b.csv", "sit down, slowly", 3), Labelled("x/y.csv", "wave", 0))


def test_without_subjects(tmp_path):
    found = read_label_csv(write(tmp_path, "file,label\na.csv,winken äöü\n"))
    assert found == (Labelled("a.csv", "winken äöü", -1),)


@pytest.mark.parametrize(
    ("text", "line", "expected"),
    [
        ("", 1, "the columns"),
        ("a.csv,wave\n", 1, "the columns"),
        ("file,label,who\n", 1, "a recording"),
        ("file,label,File\n", 1, "the columns"),
        ("file,label,\n", 1, "the columns"),
        ("file,label\n", 1, "a recording"),
        ("file,label\na.csv\n", 2, "2 cells"),
        ("file,label\n\na.csv,\n", 3, "2 cells"),
        ("file,label\na.csv,b,c\n", 2, "2 cells"),
        ('file,label\na.csv,"b\n', 2, "double quotes"),
        ("file,label\n/etc/a.csv,b\n", 2, "inside the folder"),
        ("file,label\nx/../../a.csv,b\n", 2, "inside the folder"),
        ("file,label\nC:\\a.csv,b\n", 2, "inside the folder"),
        ("file,label\na.csv,b\n./a.csv,c\n", 3, "each file once"),
        ("file,label,subject\na.csv,b,-1\n", 2, "a whole number"),
        ("file,label,subject\na.csv,b,99999999999\n", 2, "a whole number"),
        ("file,label\na\x01.csv,b\n", 2, "printable"),
        ("file,label\na.csv," + "b" * 1001, 2, "at most 1000"),
        (b"file,label\na.csv,\xff\n", 2, "UTF-8"),
    ],
)
def test_refused(tmp_path, text, line, expected):
    path = write(tmp_path, text)
    with pytest.raises(SkeletonFormatError) as error:
        read_label_csv(path)
    assert error.value.where == f"line {line}" and expected in error.value.expected
    assert "\n" not in str(error.value)


def test_further_columns(tmp_path):
    text = "Age;file;camera\n20;a.csv;left, high\n;b.csv;\n"
    assert read_label_csv(write(tmp_path, text)) == (
        Labelled("a.csv", "", -1, "", (("Age", "20"), ("camera", "left, high"))),
        Labelled("b.csv", "", -1, "", (("Age", ""), ("camera", ""))),
    )


@pytest.mark.parametrize(
    ("names", "numbers"),
    [
        (["P01", "P12", "P01", ""], [1, 12, 1, -1]),
        (["ben", "anna", "P3"], [3, 2, 1]),
        (["P1", "P01"], [2, 1]),
        (["7", "", "0"], [7, -1, 0]),
        (["7", "anna"], [1, 2]),
    ],
)
def test_subjects(tmp_path, names, numbers):
    lines = ["file,label,subject", *(f"{i}.csv,x,{name}" for i, name in enumerate(names))]
    rows = read_label_csv(write(tmp_path, "\n".join(lines)))
    assert [row.subject for row in rows] == numbers
    told = [] if set(names) <= {"7", "", "0"} else names
    assert [row.performer for row in rows if row.performer] == [name for name in told if name]


def test_missing(tmp_path):
    with pytest.raises(SkeletonFormatError, match="a CSV file of labels"):
        read_label_csv(tmp_path / "labels.csv")
