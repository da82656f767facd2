from __future__ import annotations

import struct
import zipfile
from pathlib import Path

import pytest

from pyg_skeletonmae.io.zip_file import MAX_DIRECTORY, open_zip


def write(path: Path) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.txt", b"one")
    return path


def test_a_plain_archive(tmp_path: Path) -> None:
    with open_zip(write(tmp_path / "a.zip")) as archive:
        assert archive.read("a.txt") == b"one"


def test_a_table_of_contents_too_long_to_read(tmp_path: Path) -> None:
    path = write(tmp_path / "a.zip")
    data = bytearray(path.read_bytes())
    data[-10:-6] = struct.pack("<L", MAX_DIRECTORY + 1)
    path.write_bytes(data)
    with pytest.raises(zipfile.BadZipFile, match=f"table of contents of {MAX_DIRECTORY + 1} bytes"):
        open_zip(path)


def test_what_is_no_archive_or_has_something_behind_it(tmp_path: Path) -> None:
    path = write(tmp_path / "a.zip")
    whole = path.read_bytes()
    for data in (b"", b"PK", whole[:-1], whole + b"\0", whole[:-2] + b"\x01\0x"):
        path.write_bytes(data)
        with pytest.raises(zipfile.BadZipFile):
            open_zip(path)
    with pytest.raises(OSError, match="none"):
        open_zip(tmp_path / "none.zip")
    with pytest.raises(OSError, match=r"folder|directory"):
        open_zip(tmp_path)
