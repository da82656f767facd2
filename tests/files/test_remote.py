from pathlib import Path

import fsspec
import pytest

from pyg_skeletonmae.errors import DataError
from pyg_skeletonmae.files.remote import RemoteFolder, remote_url


@pytest.mark.parametrize(
    ("path", "url"),
    [
        ("s3://bucket/a/b", "s3://bucket/a/b"),
        ("s3://bucket/a/", "s3://bucket/a"),
        (Path("s3://bucket/a"), "s3://bucket/a"),
        ("HTTPS://host:8/a", "https://host:8/a"),
        (Path("https://host/a"), "https://host/a"),
        ("memory://a", "memory://a"),
        ("file:///mnt/a", "file:///mnt/a"),
        (Path("file:///mnt/a"), "file:///mnt/a"),
        ("data/mine", None),
        (Path("/data/mine"), None),
        ("c:/data", None),
        ("c:\\data", None),
        ("a:b/c", None),
        ("", None),
    ],
)
def test_an_address_is_told_from_a_path(path, url):
    assert remote_url(path) == url


def test_a_folder_that_is_there_is_no_address(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "s3:" / "a").mkdir(parents=True)
    assert remote_url("s3://a") is None and remote_url("s3://b") == "s3://b"


def test_files_by_any_protocol(tmp_path):
    fsspec.filesystem("memory").pipe_file("/remote/x", b"12345")
    folder, came = RemoteFolder("memory://remote"), []
    assert repr(folder) == "RemoteFolder(memory://remote)"
    assert folder.size("x") == 5 and folder.size("y") is None
    folder.fetch("x", tmp_path / "x", 5, came.append)
    assert (tmp_path / "x").read_bytes() == b"12345" and sum(came) == 5
    with pytest.raises(DataError, match="remote/x: more than the 4 bytes it should have"):
        folder.fetch("x", tmp_path / "x", 4, came.append)
    with pytest.raises(DataError, match="remote/x: 5 of 6 bytes came; try again"):
        folder.fetch("x", tmp_path / "x", 6, came.append)
    with pytest.raises(DataError, match="remote/y: has gone while it was fetched"):
        folder.fetch("y", tmp_path / "y", 6, came.append)
    with pytest.raises(DataError, match="expected a file and its size"):
        RemoteFolder("memory://").size("remote")
