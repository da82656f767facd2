"""``skeletonmae cache``."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from jsonargparse import ArgumentParser

from pyg_skeletonmae.datasets.store.reader import read_card
from pyg_skeletonmae.errors import ConfigError, SkeletonFormatError

DOWNLOADS = ("uiprmd/raw",)  # what commands fetch into data.cache
_DEPTH = 5  # folders below each other that are looked into


class Holding(NamedTuple):
    """A store or a download.

    Args:
        path: Its folder.
        size: Its files, in bytes.
        about: What it holds, in a few words.
    """

    path: Path
    size: int
    about: str


def add_cache_arguments(parser: ArgumentParser) -> None:
    """Adds the options of :func:`cache` to its parser."""
    parser.add_argument("folders", nargs="*", default=["data"], help="Where to look; data.")
    parser.add_argument("--remove", nargs="+", default=[], help="Remove these, as they are listed.")
    parser.add_argument("--all", action="store_true", help="Remove all that is listed.")


def cache(folders: Sequence[str], remove: Sequence[str] = (), all: bool = False) -> None:
    """Prints which stores and downloads lie in folders and how large they are, and removes them.

    Nothing but a store of this package, or what its commands fetched, is ever removed; links are
    not followed.

    Args:
        folders: Where to look: ``data.cache`` of runs, or the folder of a data set's files.
        remove: What to remove, by the paths that are printed.
        all: Remove all of it.

    Raises:
        ConfigError: There is no such folder, or something to remove is not listed.
    """
    for folder in folders:
        if not Path(folder).is_dir():
            raise ConfigError(f"{folder}: no such folder")
    listed = {
        str(holding.path): holding for folder in folders for holding in holdings(Path(folder))
    }
    chosen = list(listed) if all else [str(Path(path)) for path in remove]
    for path in chosen:
        if path not in listed:
            known = ", ".join(listed) or "nothing"
            raise ConfigError(f"{path}: no store and no download of ours; there is {known:.300}")
    for path, holding in listed.items():
        removed = path in chosen
        if removed:
            shutil.rmtree(path)
        print(f"{holding.size / 1e6:9.1f} MB  {path}  {holding.about}{'  removed' * removed}")
    print(f"{sum(holding.size for holding in listed.values()) / 1e6:9.1f} MB in all")


def holdings(folder: Path) -> Iterator[Holding]:
    """The stores and downloads in a folder, in the order of their names."""
    for place, below, files in os.walk(folder):
        path = Path(place)
        below[:] = sorted(below) if len(path.relative_to(folder).parts) < _DEPTH else []
        if path.relative_to(folder).as_posix() in DOWNLOADS:
            below.clear()
            yield Holding(path, _size(path), "a download")
        elif "card.json" in files:
            try:
                card = read_card(path)
            except SkeletonFormatError:  # somebody else's card
                continue
            below.clear()
            yield Holding(path, _size(path), f"{card.get('clips')} clips, {card.get('skeleton')}")


def _size(folder: Path) -> int:
    return sum(path.lstat().st_size for path in folder.rglob("*") if not path.is_dir())
