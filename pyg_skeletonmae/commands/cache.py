"""``skeletonmae cache``."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from jsonargparse import ArgumentParser

from pyg_skeletonmae.datasets.store.cached import USED
from pyg_skeletonmae.datasets.store.card import FILES, read_card
from pyg_skeletonmae.datasets.store.stamp import STAMP
from pyg_skeletonmae.errors import ConfigError, SkeletonFormatError
from pyg_skeletonmae.io.json_file import brief
from pyg_skeletonmae.io.uiprmd_files import all_paths

_DOWNLOAD = ("uiprmd", "raw")  # what commands fetch into data.cache
_DEPTH = 5  # folders below each other that are looked into


class Holding(NamedTuple):
    """A store or a download.

    Args:
        path: Its folder.
        files: Those of the files there that are its own, none of them a link.
        about: What it holds, in a few words.
    """

    path: Path
    files: list[Path]
    about: str

    def size(self) -> int:
        """Its files, in bytes."""
        return sum(file.stat().st_size for file in self.files)

    def remove(self) -> None:
        """Removes its files, the cards last, and the folders that are empty then.

        Raises:
            ConfigError: A file cannot be removed.
        """
        for file in self.files:
            try:
                file.unlink()
            except OSError as error:
                raise ConfigError(f"{file}: cannot be removed: {error.strerror}") from None
        above = {folder for file in self.files for folder in file.parents}
        for folder in sorted(above, reverse=True):
            if folder.is_relative_to(self.path) and not any(folder.iterdir()):
                folder.rmdir()


def add_cache_arguments(parser: ArgumentParser) -> None:
    """Adds the options of :func:`cache` to its parser."""
    parser.add_argument("folders", nargs="*", default=["data"], help="Where to look; data.")
    parser.add_argument("--remove", nargs="+", default=[], help="Remove these, as they are listed.")
    parser.add_argument("--all", action="store_true", help="Remove all that is listed.")


def cache(folders: Sequence[str], remove: Sequence[str] = (), all: bool = False) -> None:
    """Prints which stores and downloads lie in folders and how large they are, and removes them.

    Nothing but the files that this package wrote into a store, or that its commands fetched, is
    ever removed: what else lies beside them stays, and links are not followed.

    Args:
        folders: Where to look: ``data.cache`` of runs, or the folder of a data set's files.
        remove: What to remove, by the paths that are printed.
        all: Remove all of it.

    Raises:
        ConfigError: There is no such folder, it is a link, or something to remove is not listed.
    """
    for folder in map(Path, folders):
        if not folder.is_dir():
            raise ConfigError(f"{folder}: no such folder")
        if folder.is_symlink():
            raise ConfigError(f"{folder}: a link; name the folder itself, {folder.resolve()}")
    listed = {
        str(holding.path): holding for folder in folders for holding in holdings(Path(folder))
    }
    chosen = list(listed) if all else [str(Path(path)) for path in remove]
    for path in chosen:
        if path not in listed:
            known = ", ".join(listed) or "nothing"
            raise ConfigError(f"{path}: no store and no download of ours; there is {known:.300}")
    sizes = {path: holding.size() for path, holding in listed.items()}
    for path, holding in listed.items():
        said = ""
        if path in chosen:
            holding.remove()
            said = "  removed; other files there stay" if holding.path.exists() else "  removed"
        print(f"{sizes[path] / 1e6:9.1f} MB  {path}  {holding.about}{said}")
    print(f"{sum(sizes.values()) / 1e6:9.1f} MB in all")


def holdings(folder: Path) -> Iterator[Holding]:
    """The stores and downloads in a folder, in the order of their names."""
    for place, below, names in os.walk(folder):
        path = Path(place)
        parts = path.relative_to(folder).parts
        below[:] = sorted(below) if len(parts) < _DEPTH else []
        if parts == _DOWNLOAD:
            below.clear()
            fetched = {path / f"{name}{tail}" for name in all_paths() for tail in ("", ".gz")}
            there = (Path(at) / name for at, _, files in os.walk(path) for name in files)
            if own := sorted(file for file in there if file in fetched and _is_plain(file)):
                yield Holding(path, own, f"a download of {len(own)} files")
        elif "card.json" in names and _is_plain(path / "card.json"):
            try:
                card = read_card(path)
            except SkeletonFormatError:  # somebody else's card
                continue
            date = datetime.fromtimestamp((path / "card.json").stat().st_mtime).date()
            about = f"{brief(card.get('clips'))} clips, {brief(card.get('skeleton'))}, {date}"
            named = sorted(part["folder"] for part in card.get("parts", ()))
            within = [part for part in named if not (path / part).is_symlink()]
            below[:] = [name for name in below if name not in within]  # no stores beside it
            inner = [f"{part}/{name}" for part in within for name in (STAMP, *FILES)]
            own = [path / name for name in (STAMP, USED, *inner, *FILES) if _is_plain(path / name)]
            yield Holding(path, own, f"{card['format']}: {about}")


def _is_plain(file: Path) -> bool:
    return file.is_file() and not file.is_symlink()
