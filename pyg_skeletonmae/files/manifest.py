"""Manifests: the size and the SHA-256 of every file in a folder, in a file of its own there."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from pyg_skeletonmae.errors import CheckpointError
from pyg_skeletonmae.files.plain import not_plain, open_plain, read_plain

MANIFEST = "manifest.json"
_FORMAT = 1
_MAX_BYTES = 2**20
_CHUNK = 2**20


def file_hash(path: Path) -> tuple[int, str]:
    """Size and SHA-256 of a file.

    Raises:
        OSError: It cannot be read, or is no plain file.
    """
    digest, size = hashlib.sha256(), 0
    with open_plain(path) as file:
        while data := file.read(_CHUNK):
            digest.update(data)
            size += len(data)
    return size, digest.hexdigest()


def write_manifest(folder: Path) -> None:
    """Writes the manifest of a folder that nobody reads yet: every file that is in it."""
    files = {}
    for path in sorted(folder.iterdir()):
        size, digest = file_hash(path)
        files[path.name] = {"size": size, "sha256": digest}
    text = json.dumps({"format": _FORMAT, "files": files}, indent=2) + "\n"
    (folder / MANIFEST).write_text(text, encoding="utf-8")


def read_manifest(folder: Path) -> dict[str, tuple[int, str]] | None:
    """Size and SHA-256 of the files of a folder, by their names; None where it has no manifest.

    Raises:
        CheckpointError: The manifest is damaged.
    """
    path = folder / MANIFEST
    try:
        content = json.loads(read_plain(path, _MAX_BYTES).decode())
        if set(content) != {"format", "files"} or content["format"] != _FORMAT:
            raise ValueError(f"expected format {_FORMAT}")
        for name in content["files"]:
            if Path(name).name != name or not name.isprintable():
                raise ValueError(f"{name!r:.60}: expected the name of a file in this folder")
        return {name: _entry(value) for name, value in content["files"].items()}
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, ValueError, TypeError, LookupError, AttributeError, RecursionError) as error:
        reason = getattr(error, "strerror", None) or " ".join(str(error).split())
        raise CheckpointError(f"{path}: damaged ({reason:.200})") from None


def changed_files(folder: Path, names: Iterable[str] | None = None) -> Iterator[str]:
    """What is not as the manifest of a folder says, a line for each file; none without a manifest.

    Args:
        folder: The folder.
        names: The files to look at, those that are there or should be; None: all in the manifest.

    Raises:
        CheckpointError: The manifest is damaged.
    """
    listed = read_manifest(folder)
    if listed is None:
        return
    for name in listed if names is None else names:
        path = folder / name
        other = not_plain(path)
        if name not in listed:
            if other is None:
                yield f"{path}: not in {MANIFEST}, so nobody knows whether it belongs here"
        elif other is not None:
            yield f"{path}: expected the file that {MANIFEST} lists, found {other}"
        elif file_hash(path) != listed[name]:
            yield f"{path}: not as it was written, its size or SHA-256 is not that in {MANIFEST}"


def check_files(folder: Path, names: Iterable[str]) -> None:
    """Raises :class:`CheckpointError` for the first of :func:`changed_files`."""
    for line in changed_files(folder, names):
        raise CheckpointError(
            f"{line}; copy the folder again, or delete {MANIFEST} if the change is meant"
        )


def _entry(value: Any) -> tuple[int, str]:
    size, digest = value["size"], value["sha256"]
    if len(value) != 2 or type(size) is not int or type(digest) is not str:
        raise ValueError("expected size and sha256 of each file")
    return size, digest
