"""What in a folder may be a recording: the one rule of all readers of folders."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

STORE_FILES = frozenset({"card.json", "index.npz", "pos.npy"})
_LEFTOVER = re.compile(
    r"\..*|.*~|~\$.*|#.*#|.*\.(?:bak|orig|sw[a-p]|te?mp|part|partial|filepart|crdownload|download)"
    r"|__macosx|__pycache__|thumbs\.db|ehthumbs\.db|desktop\.ini|@eadir|\$recycle\.bin"
    r"|system volume information|lost\+found|icon\r",
    re.IGNORECASE | re.DOTALL,
)
_COPY = re.compile(
    r"(.+?)(?:[ _]?\(\d+\)| copy(?: \d+)?| - (?:copy|kopie|copie|copia)(?: ?\(\d+\))?"
    r"| \(.*conflicted copy.*\)|\.sync-conflict-.*)",
    re.IGNORECASE | re.DOTALL,
)


class Scan(NamedTuple):
    """What lies below a folder.

    Args:
        files: The files with one of the suffixes, in order.
        notes: What looks like a recording and was not taken, or is taken and may be a copy, as
            sentences for a card.
    """

    files: list[Path]
    notes: list[str]


def is_leftover(name: str) -> bool:
    """Whether a file or folder is none of a person's, by its name.

    Such are hidden ones (``.ipynb_checkpoints``, ``._a.csv``), copies and locks of editors and
    office programs (``a.csv~``, ``#a.csv#``, ``a.csv.bak``, ``~$a.csv``), unfinished downloads, and
    what systems put into folders (``__MACOSX``, ``Thumbs.db``, ``@eaDir``).
    """
    return _LEFTOVER.fullmatch(name) is not None


def list_files(folder: Path, pattern: str) -> list[Path]:
    """The files of one folder that fit a pattern and are no leftovers, in order."""
    return sorted(path for path in folder.glob(pattern) if not is_leftover(path.name))


def scan(root: Path, suffixes: Sequence[str], deep: bool = True) -> Scan:
    """Looks for files below a folder; folders that are links are not followed.

    Leftovers (see :func:`is_leftover`) and stores of this library, finished or not, are no
    recordings; nor is anything in the folder ``processed``, where stores are by default. A copy
    that a person made (``a (1).csv`` beside ``a.csv``) is taken, with a note.

    Args:
        root: The folder.
        suffixes: What the names of the files end in, in small letters.
        deep: Also in the folders in it, at any depth.
    """
    files: list[Path] = []
    left: list[Path] = []
    stores: list[Path] = []
    for folder, folders, names in os.walk(root):
        here = Path(folder)
        if set(names) >= STORE_FILES:
            folders.clear()
            stores.append(here)
            continue
        if not deep:
            folders.clear()
        for name in sorted(folders):
            if is_leftover(name) or (here / name).is_symlink():
                folders.remove(name)
                left += _looking_alike(here / name, suffixes)
        for name in names:
            if is_leftover(name):
                left += [here / name] if _looks_alike(name, suffixes) else []
            elif name.lower().endswith(tuple(suffixes)) and (here / name).is_file():
                files.append(here / name)
    stores_of_ours, default = "stores of this library", root / "processed"
    old = [path for path in files if default in path.parents]
    files = [path for path in files if default not in path.parents]
    notes = [
        *_note(root, [path for path in stores if default not in path.parents], stores_of_ours),
        *_note(root, left, "hidden, linked folders, or leftovers of programs"),
        *_note(root, old, "in the folder 'processed'"),
    ]
    beside = set(files)
    copies = [
        path
        for path in files
        if (copy := _COPY.fullmatch(path.stem)) and path.with_name(copy[1] + path.suffix) in beside
    ]
    if copies:
        notes.append(f"taken, but copies by their names: {_shown(root, copies)}")
    return Scan(sorted(files), notes)


def _looks_alike(name: str, suffixes: Sequence[str]) -> bool:
    return any(suffix in name.lower() for suffix in suffixes)


def _looking_alike(folder: Path, suffixes: Sequence[str]) -> list[Path]:
    """A folder that is passed by, if there is anything in it that a person could miss."""
    try:
        names = [path.name for path in folder.iterdir()]
    except OSError:
        return []
    return [folder] if any(_looks_alike(name, suffixes) for name in names) else []


def _note(root: Path, paths: Sequence[Path], why: str) -> list[str]:
    return [f"not read, as no recordings ({why}): {_shown(root, paths)}"] if paths else []


def _shown(root: Path, paths: Sequence[Path]) -> str:
    names = sorted(path.relative_to(root).as_posix() for path in paths)
    return f"{len(names)}, {', '.join(names[:3])}" + (", ..." if names[3:] else "")
