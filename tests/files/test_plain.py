import os
from pathlib import Path

import pytest

from pyg_skeletonmae.files.plain import not_plain, open_plain, read_plain


def test_plain_files_and_links_to_them(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"text")
    (tmp_path / "link").symlink_to(tmp_path / "file")
    assert not_plain(tmp_path / "link") is None and read_plain(tmp_path / "link", 4) == b"text"
    with pytest.raises(OSError, match="larger than"):
        read_plain(tmp_path / "file", 3)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="pipes are files on POSIX systems")
def test_everything_else_is_named_and_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to(tmp_path / "pipe")
    (tmp_path / "broken").symlink_to(tmp_path / "none")
    for name, kind in (("pipe", "a pipe"), ("link", "a pipe"), ("", "a folder")):
        assert not_plain(tmp_path / name) == kind
        with pytest.raises(OSError, match=r"not a plain file|Is a directory"):
            open_plain(tmp_path / name)
    assert str(not_plain(tmp_path / "broken")).startswith("a link to nothing")
    with pytest.raises(FileNotFoundError):
        open_plain(tmp_path / "none")
