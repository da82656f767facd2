from pathlib import Path

import pytest

from pyg_skeletonmae.datasets.sets.pkummd_files import (
    PkuName,
    PkuRecording,
    check_split_sizes,
    find_recordings,
    parse_pku_name,
)
from pyg_skeletonmae.errors import DataError, SkeletonFormatError


@pytest.mark.parametrize(
    ("name", "part", "found"),
    [
        ("0002-L", 1, PkuName("L", -1)),
        ("A01N13-M", 2, PkuName("M", 13)),
        ("A01N13-M", 1, None),
        ("0002-L", 2, None),
        ("0002-X", 1, None),
        ("A01N13-M2", 2, None),
    ],
)
def test_names(name, part, found):
    assert parse_pku_name(name, part) == found


def touch(*paths: Path) -> None:
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


def test_recordings_and_sides(tmp_path):
    base = tmp_path / "PKUMMD"
    touch(*(base / f"Data/PKU_Skeleton_Renew/{name}.txt" for name in ("0003-L", "0002-M")))
    touch(base / "Label/Train_Label_PKU_final/0002-M.txt")
    split = base / "Split/cross-view.txt"
    touch(split)
    split.write_text("Training videos:\n0003-L\nValidation videos:\n0002-M\n")
    recordings, files = find_recordings(tmp_path, 1)
    assert [recording.name for recording in recordings] == ["0002-M", "0003-L"]
    assert recordings[1] == PkuRecording(
        base / "Data/PKU_Skeleton_Renew/0003-L.txt",
        base / "Label/Train_Label_PKU_final/0003-L.txt",
        (("xview", 1),),
    )
    assert files == [split] and recordings[0].sides == (("xview", 0),)
    split.write_text("nothing")
    with pytest.raises(SkeletonFormatError, match="line 1"):
        find_recordings(tmp_path, 1)


def test_nothing_there(tmp_path):
    touch(tmp_path / "skeleton/0002-L.txt")
    with pytest.raises(DataError, match=r"no recording of PKU-MMD 1.*with labels in label"):
        find_recordings(tmp_path, 1)


def test_split_sizes():
    check_split_sizes(1, "xsub", 944, 132)
    check_split_sizes(1, "xsub", 3, 2)
    check_split_sizes(2, "xview", 600, 409)
    with pytest.raises(DataError, match=r"943 and 133 recordings, not \(944, 132\)"):
        check_split_sizes(1, "xsub", 943, 133)
