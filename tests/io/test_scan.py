import pytest

from pyg_skeletonmae.io.scan import STORE_FILES, is_leftover, list_files, scan

LEFT = (
    ".ipynb_checkpoints", "._a.csv", ".DS_Store", "__MACOSX", "Thumbs.db", "desktop.ini", "a.csv~",
    "#a.csv#", ".a.csv.swp", "a.csv.bak", "~$a.csv", ".~lock.a.csv#", ".a.csv.Xy12Zq", "a.csv.part",
    "a.csv.crdownload", "a.csv.tmp", "@eaDir", "$RECYCLE.BIN", "a.csv.orig", "a.csv.filepart",
)  # fmt: skip
OWN = ("a.csv", "a (1).csv", "a - Kopie.csv", "~a.csv", "a~b.csv", "#1.csv", "a.b.csv", "bak", "ä")


@pytest.mark.parametrize("name", LEFT)
def test_leftovers(name):
    assert is_leftover(name)


@pytest.mark.parametrize("name", OWN)
def test_files_of_a_person(name):
    assert not is_leftover(name)


def test_scan(tmp_path):
    for name in (*LEFT, *OWN, "sub/B.CSV", "sub/notes.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    for name in STORE_FILES:
        (tmp_path / "store" / "deep").mkdir(parents=True, exist_ok=True)
        (tmp_path / "store" / name).touch()
        (tmp_path / "store" / "deep" / "x.csv").touch()
    found = scan(tmp_path, (".csv",))
    names = [path.relative_to(tmp_path).as_posix() for path in found.files]
    assert sorted(names) == sorted([*(n for n in OWN if n.endswith(".csv")), "sub/B.CSV"])
    stores, left, copies = found.notes
    assert stores == "not read, as no recordings (stores of this library): 1, store"
    assert "leftovers of programs): 13, #a.csv#, ._a.csv, .a.csv.Xy12Zq, ..." in left
    assert copies == "taken, but copies by their names: 2, a (1).csv, a - Kopie.csv"
    assert len(scan(tmp_path, (".csv",), deep=False).files) == len(found.files) - 1
    assert scan(tmp_path / "nothing", (".csv",)) == ([], [])
    assert [path.name for path in list_files(tmp_path, "*.txt")] == []


def test_a_folder_below_a_hidden_one_is_as_good_as_any(tmp_path):
    (tmp_path / ".cache" / "poses").mkdir(parents=True)
    (tmp_path / ".cache" / "poses" / "a.csv").touch()
    assert len(scan(tmp_path / ".cache" / "poses", (".csv",)).files) == 1
