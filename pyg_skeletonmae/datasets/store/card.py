"""The files of a store, and the one that says that it is one; read without PyTorch."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pyg_skeletonmae.errors import SkeletonFormatError
from pyg_skeletonmae.io.json_file import read_json
from pyg_skeletonmae.io.npz import require_file

FORMAT = "pyg_skeletonmae clips 1"
FILES = ("pos.npy", "valid.npy", "index.npz", "skeleton.yaml", "card.json")  # the card is last


def read_card(root: Path) -> dict[str, Any]:
    """Reads ``card.json``.

    Raises:
        SkeletonFormatError: It is missing, damaged, or of another format.
    """
    path = require_file(root / "card.json", "the card of a store")
    card = read_json(path)
    if not isinstance(card, dict) or card.get("format") != FORMAT:
        found = repr(card.get("format"))[:50] if isinstance(card, dict) else "another"
        raise SkeletonFormatError(path, "format", FORMAT, found)
    names = card.get("class_names")
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise SkeletonFormatError(path, "class_names", "a list of names", repr(names)[:50])
    if not isinstance(card.get("content_hash"), str):
        raise SkeletonFormatError(
            path, "content_hash", "a text", repr(card.get("content_hash"))[:50]
        )
    return card
