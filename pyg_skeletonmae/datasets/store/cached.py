"""Stores in object storage, copied to the local disk when they are opened, and kept there."""

from __future__ import annotations

import hashlib
import logging
import math
import os
import re
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO

from tqdm import tqdm

from pyg_skeletonmae.datasets.store.card import read_card, row_files
from pyg_skeletonmae.errors import ConfigError, DataError, SkeletonMAEError
from pyg_skeletonmae.files.lock import locked
from pyg_skeletonmae.files.remote import RemoteFolder
from pyg_skeletonmae.files.write import write_folder

FOLDER_VARIABLE, GIGABYTES_VARIABLE = "SKELETONMAE_STORE_CACHE", "SKELETONMAE_STORE_CACHE_GB"
USED = "used"  # in each copy: held by whoever reads it; its time is that of the last opening
_GIGABYTES = 100.0  # our choice
_CARD_BYTES = 64 * 2**20
_log = logging.getLogger("pyg_skeletonmae")


class StoreCache:
    """Copies of stores in object storage on the local disk, which together have a limit.

    A copy belongs to the card that the store has when it is opened: a store that was replaced is
    fetched anew. Those that were opened longest ago go first, and none that a process reads.

    Args:
        folder: Where they are; None: ``$SKELETONMAE_STORE_CACHE``, else
            ``.cache/pyg_skeletonmae/stores`` in the home folder.
        gigabytes: What they may take together; None: ``$SKELETONMAE_STORE_CACHE_GB``, else 100.

    Raises:
        ConfigError: The limit is no positive number.
    """

    def __init__(self, folder: str | Path | None = None, gigabytes: float | None = None) -> None:
        home = Path.home() / ".cache" / "pyg_skeletonmae" / "stores"
        self.folder = Path(folder or os.environ.get(FOLDER_VARIABLE) or home).absolute()
        said = os.environ.get(GIGABYTES_VARIABLE) or _GIGABYTES if gigabytes is None else gigabytes
        try:
            self.gigabytes = float(said)
        except ValueError:
            self.gigabytes = math.nan
        if not 0 < self.gigabytes < math.inf:
            raise ConfigError(f"{GIGABYTES_VARIABLE} {said!r:.40}: expected a number above 0")

    def fetch(self, url: str, check: Callable[[Path], object]) -> Copy:
        """The copy of a store, fetched unless it is there; one process fetches, others wait.

        Args:
            url: Its address.
            check: Reads all of a store and compares it with its hash, or raises
                :class:`SkeletonMAEError`.

        Raises:
            DataError: There is no store, it cannot be fetched, is not what its card says, or has no
                room in the cache or on the disk.
        """
        remote = RemoteFolder(url)
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            card, sizes = self._look(remote)
            root = self.folder / hashlib.sha256(card).hexdigest()[:32]
            while (copy := Copy.of(remote.url, root)) is None:
                with locked(self.folder / "fetch", lambda: _log.info("%s: waiting", remote.url)):
                    if Copy.of(remote.url, root) is None:
                        self._make_room(remote.url, sum(sizes.values()))
                        _download(remote, card, sizes, root, check)
            return copy
        except OSError as error:
            reason = error.strerror or str(error)
            raise DataError(
                f"{remote.url}: cannot be kept in {self.folder}: {reason}; name another folder by "
                f"{FOLDER_VARIABLE}"
            ) from None

    def _look(self, remote: RemoteFolder) -> tuple[bytes, dict[str, int]]:
        """The card of a store, and the sizes of its other files."""
        size = remote.size("card.json")
        if size is None:
            raise DataError(f"{remote.url}: no store is there: it has no card.json")
        if size > _CARD_BYTES:
            raise DataError(f"{remote.url}/card.json: {size} bytes are too many for a card")
        with tempfile.TemporaryDirectory(dir=self.folder, prefix=".card-") as folder:
            path = Path(folder) / "card.json"
            remote.fetch("card.json", path, size, lambda _: None)
            try:
                card = read_card(path.parent)
            except SkeletonMAEError as error:
                raise DataError(str(error).replace(folder, remote.url)) from None
            content = path.read_bytes()
        whole = card.get("missing_joints") == 0
        names = [name for pair in row_files(card) for name in pair if name]
        names = [*(n for n in names if n != "valid.npy" or not whole), "index.npz", "skeleton.yaml"]
        sizes = {name: remote.size(name) for name in names}
        for name, size in sizes.items():
            if size is None and name != "valid.npy":
                raise DataError(f"{remote.url}: no store is there: it has no {name}")
        return content, {name: size for name, size in sizes.items() if size is not None}

    def _make_room(self, url: str, size: int) -> None:
        """Removes the copies that were opened longest ago, as many as need be."""
        copies = sorted(self._copies())
        total, limit = sum(taken for _, taken, _ in copies), int(self.gigabytes * 1e9)
        free = shutil.disk_usage(self.folder).free
        if size > limit:
            raise DataError(
                f"{url}: {size / 1e9:.3g} GB, but {self.folder} may take {limit / 1e9:.3g}; raise "
                f"{GIGABYTES_VARIABLE}"
            )
        if size > free + total:
            raise DataError(
                f"{url}: {size / 1e9:.3g} GB, but the disk of {self.folder} has "
                f"{free / 1e9:.3g}; name another folder by {FOLDER_VARIABLE}"
            )
        for _, taken, root in copies:
            if total + size > limit or size > shutil.disk_usage(self.folder).free:
                total -= taken if _remove(root) else 0
        if total + size > limit or size > shutil.disk_usage(self.folder).free:
            raise DataError(
                f"{url}: {size / 1e9:.3g} GB, and {self.folder} holds {total / 1e9:.3g} that are "
                f"being read; raise {GIGABYTES_VARIABLE}, or name another folder by "
                f"{FOLDER_VARIABLE}"
            )

    def _copies(self) -> Iterator[tuple[float, int, Path]]:
        """When each was opened last, its bytes, its folder."""
        for marker in self.folder.glob(f"[!.]*/{USED}"):
            taken = sum(file.stat().st_size for file in marker.parent.rglob("*") if file.is_file())
            yield marker.stat().st_mtime, taken, marker.parent

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.folder}, gigabytes={self.gigabytes:g})"


class Copy:
    """A copy in the cache, which nobody removes while this object lives.

    Args:
        url: Where it comes from.
        root: Its folder.
        file: Its marker, open and locked.
    """

    def __init__(self, url: str, root: Path, file: IO[bytes]) -> None:
        self.url, self.root, self._file = url, root, file

    @classmethod
    def of(cls, url: str, root: Path) -> Copy | None:
        """Holds the copy in a folder; None if it is not there."""
        marker = root / USED
        try:
            file = marker.open("r+b")
            _lock(file, shared=True)
            if not os.path.samestat(os.fstat(file.fileno()), marker.stat()):
                return None  # it was removed, and fetched again, meanwhile
            (root / "card.json").stat()
            os.utime(marker)
        except FileNotFoundError:
            return None
        return cls(url, root, file)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.url}, {self.root})"


def _remove(root: Path) -> bool:
    """Removes a copy, unless somebody reads it."""
    try:
        with (root / USED).open("r+b") as file:
            _lock(file, shared=False)
            (root / "card.json").unlink(missing_ok=True)
            shutil.rmtree(root)
    except OSError:  # it is read; where systems have no such locks, they do not remove open files
        return False
    return True


def _lock(file: IO[bytes], shared: bool) -> None:
    if os.name == "posix":
        import fcntl

        fcntl.flock(file, fcntl.LOCK_SH if shared else fcntl.LOCK_EX | fcntl.LOCK_NB)


def _download(
    remote: RemoteFolder,
    card: bytes,
    sizes: dict[str, int],
    root: Path,
    check: Callable[[Path], object],
) -> None:
    """Copies a store, which has its place when it is whole."""
    shutil.rmtree(root, ignore_errors=True)  # what is left of one that was being removed
    with write_folder(root) as folder:
        total = sum(sizes.values())
        with tqdm(total=total, desc="fetch", unit="B", unit_scale=True, disable=None) as bar:
            for name, size in sizes.items():
                (folder / name).parent.mkdir(exist_ok=True)
                remote.fetch(name, folder / name, size, bar.update)
        (folder / "card.json").write_bytes(card)
        (folder / USED).touch()
        try:
            check(folder)
        except SkeletonMAEError as error:
            said = re.sub(re.escape(str(folder)), remote.url, str(error))
            raise DataError(
                f"{said}; it was changed while it was fetched, or is damaged: try again, and "
                "verify it where it was written"
            ) from None
