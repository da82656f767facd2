"""The files of a store, and the one that says that it is one; read without PyTorch."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pyg_skeletonmae.errors import SkeletonFormatError
from pyg_skeletonmae.io.json_file import read_json
from pyg_skeletonmae.io.npz import require_file

FORMAT = "pyg_skeletonmae clips 1"
IN_PARTS = "pyg_skeletonmae clips 1 in parts"
FILES = ("pos.npy", "valid.npy", "index.npz", "skeleton.yaml", "card.json")  # the card is last


def read_card(root: Path) -> dict[str, Any]:
    """Reads ``card.json``.

    Raises:
        SkeletonFormatError: It is missing, damaged, or of another format.
    """
    path = require_file(root / "card.json", "the card of a store")
    card = read_json(path)
    if not isinstance(card, dict) or card.get("format") not in (FORMAT, IN_PARTS):
        found = repr(card.get("format"))[:50] if isinstance(card, dict) else "another"
        raise SkeletonFormatError(path, "format", FORMAT, found)
    names = card.get("class_names")
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise SkeletonFormatError(path, "class_names", "a list of names", repr(names)[:50])
    if not isinstance(card.get("content_hash"), str):
        raise SkeletonFormatError(
            path, "content_hash", "a text", repr(card.get("content_hash"))[:50]
        )
    if not _has_parts(card) if card["format"] == IN_PARTS else "parts" in card:
        expected = f"folders, each once, in a card of format {IN_PARTS!r}"
        raise SkeletonFormatError(path, "parts", expected, repr(card.get("parts"))[:50])
    return card


def _has_parts(card: dict[str, Any]) -> bool:
    parts = card.get("parts")
    if not isinstance(parts, list) or not parts:
        return False
    for part in parts:
        if not isinstance(part, dict) or part.keys() != {"folder", "content_hash", "valid"}:
            return False
        name, texts = part["folder"], (part["folder"], part["content_hash"])
        if not all(isinstance(text, str) for text in texts) or not isinstance(part["valid"], bool):
            return False
        if not name.isprintable() or name in ("", ".", "..") or set(name) & set("/\\:"):
            return False
    return len({part["folder"] for part in parts}) == len(parts)


def row_files(card: dict[str, Any]) -> list[tuple[str, str | None]]:
    """Where the rows of a store are: names of files with ``pos`` and with ``valid``.

    Of a store in parts a pair for each, whose second is None where no joint of it is missing. Of
    any other one pair; whether its second file is there, the folder says.

    Args:
        card: What :func:`read_card` gave.
    """
    if card["format"] == FORMAT:
        return [("pos.npy", "valid.npy")]
    return [
        (f"{part['folder']}/pos.npy", f"{part['folder']}/valid.npy" if part["valid"] else None)
        for part in card["parts"]
    ]
