from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from pyg_skeletonmae.errors import CheckpointError
from pyg_skeletonmae.files.manifest import (
    MANIFEST,
    changed_files,
    check_files,
    file_hash,
    read_manifest,
    write_manifest,
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "a.txt").write_bytes(b"text")
    (tmp_path / "b.txt").write_bytes(b"")
    write_manifest(tmp_path)
    return tmp_path


def test_size_and_hash_of_every_file(folder: Path) -> None:
    digest = hashlib.sha256(b"text").hexdigest()
    assert file_hash(folder / "a.txt") == (4, digest)
    listed = read_manifest(folder)
    assert listed == {"a.txt": (4, digest), "b.txt": (0, hashlib.sha256().hexdigest())}
    assert list(changed_files(folder)) == []
    check_files(folder, ["a.txt", "c.txt"])  # neither there nor listed


def test_a_folder_without_one_has_nothing_to_compare_with(folder: Path) -> None:
    (folder / MANIFEST).unlink()
    assert read_manifest(folder) is None and list(changed_files(folder)) == []


def test_what_changed_is_named(folder: Path) -> None:
    (folder / "a.txt").write_bytes(b"test")
    (folder / "b.txt").unlink()
    (folder / "c.txt").write_bytes(b"new")
    first, second = changed_files(folder)
    assert first.startswith(f"{folder / 'a.txt'}: not as it was written")
    assert second.startswith(f"{folder / 'b.txt'}: expected the file") and "no such file" in second
    (third,) = changed_files(folder, ["c.txt"])
    assert third.startswith(f"{folder / 'c.txt'}: not in {MANIFEST}")
    with pytest.raises(CheckpointError, match=r"a\.txt: not as it was written.*copy the folder"):
        check_files(folder, ["a.txt"])


@pytest.mark.parametrize(
    "content",
    [
        b"", b"[]", b"7", b"\xff", b"[" * 10_000, b'{"format": 1}', b'{"format": 2, "files": {}}',
        b'{"format": 1, "files": []}', b'{"format": 1, "files": {"a.txt": 3}}',
        b'{"format": 1, "files": {"a.txt": {"size": "4", "sha256": ""}}}',
        b'{"format": 1, "files": {"a.txt": {"size": 4}}}', b" " * 2**21,
        b'{"format": 1, "files": {"../a.txt": {"size": 4, "sha256": ""}}}',
        b'{"format": 1, "files": {"a\\u0000": {"size": 4, "sha256": ""}}}',
    ],
)  # fmt: skip
def test_damaged_manifests(folder: Path, content: bytes) -> None:
    (folder / MANIFEST).write_bytes(content)
    with pytest.raises(CheckpointError, match=rf"{MANIFEST}: damaged \("):
        read_manifest(folder)


def test_a_manifest_keeps_its_form(folder: Path) -> None:
    content = json.loads((folder / MANIFEST).read_text())
    assert content["format"] == 1 and content["files"]["a.txt"]["size"] == 4


def test_large_files_are_hashed_in_pieces(tmp_path: Path) -> None:
    data = bytes(range(256)) * 9000
    (tmp_path / "f").write_bytes(data)
    assert file_hash(tmp_path / "f") == (len(data), hashlib.sha256(data).hexdigest())
