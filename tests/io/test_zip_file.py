import os
import struct
import zipfile
from pathlib import Path

import pytest

from pyg_skeletonmae.io.zip_file import MAX_DIRECTORY, open_zip


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("one", b"1")
    return path


def test_an_archive_is_opened(archive: Path) -> None:
    with open_zip(archive) as file:
        assert file.namelist() == ["one"] and file.read("one") == b"1"


def test_a_table_of_contents_of_64_bits_is_looked_at(archive: Path) -> None:
    data = archive.read_bytes()
    end = data[-22:]
    start, size = struct.unpack("<L", end[16:20])[0], struct.unpack("<L", end[12:16])[0]
    for claim in (size, MAX_DIRECTORY + 1):
        end64 = struct.pack("<4sQ2H2L4Q", b"PK\6\6", 44, 45, 45, 0, 0, 1, 1, claim, start)
        locator = struct.pack("<4sLQL", b"PK\6\7", 0, len(data) - 22, 1)
        archive.write_bytes(data[:-22] + end64 + locator + end)
        if claim == size:
            open_zip(archive).close()
        else:
            with pytest.raises(zipfile.BadZipFile, match=f"contents of {claim} bytes"):
                open_zip(archive)


@pytest.mark.parametrize(
    "change",
    [
        lambda data: b"",
        lambda data: data[:-5],
        lambda data: data + b"more",
        lambda data: b"no archive" * 20,
        lambda data: data[:-10] + struct.pack("<L", MAX_DIRECTORY + 1) + data[-6:],
    ],
)
def test_what_is_no_archive_or_claims_too_much(archive: Path, change) -> None:
    archive.write_bytes(change(archive.read_bytes()))
    with pytest.raises(zipfile.BadZipFile):
        open_zip(archive)


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(OSError, match="pipe"):
        open_zip(tmp_path / "pipe")
    with pytest.raises(OSError, match="none"):
        open_zip(tmp_path / "none")
