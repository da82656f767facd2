"""The store: clips of any length and any number of persons in a few memory-mapped files."""

from __future__ import annotations

import logging
import math
import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import closing, nullcontext
from functools import cached_property
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, from_numpy

from pyg_skeletonmae.batch import tracks_edge_index
from pyg_skeletonmae.datasets.store.cached import Copy, StoreCache
from pyg_skeletonmae.datasets.store.card import read_card, row_files
from pyg_skeletonmae.datasets.store.clip_checks import Intake
from pyg_skeletonmae.datasets.store.clips import Clip, NanPolicy
from pyg_skeletonmae.datasets.store.data_card import DataCard
from pyg_skeletonmae.datasets.store.reader import (
    read_column_names,
    read_index,
    read_rows,
    read_skeleton,
    rows_digest,
)
from pyg_skeletonmae.datasets.store.stamp import Verify, file_states, is_stamped, write_stamp
from pyg_skeletonmae.datasets.store.writer import StoreWriter, content_hash
from pyg_skeletonmae.errors import DataError, SkeletonFormatError, SkeletonMAEError
from pyg_skeletonmae.files.lock import locked, sweep
from pyg_skeletonmae.files.remote import RemoteFolder, remote_url
from pyg_skeletonmae.files.write import write_folder
from pyg_skeletonmae.io.npz import check_mapped
from pyg_skeletonmae.skeleton import Skeleton
from pyg_skeletonmae.transforms.stacked_rows import stacked, tensors

__all__ = ["Clip", "ClipStore", "write_store"]

_log = logging.getLogger("pyg_skeletonmae")
_OPENS = 100  # times that a store may be replaced while it is opened


class ClipStore:
    """Clips on disk: ragged, float32, memory-mapped, so that opening costs nothing.

    A folder with ``pos.npy [rows, V, C]`` (the frames of each track one after the other, the tracks
    of a clip one after the other), ``valid.npy [rows, V]`` if any joint is missing, ``index.npz``,
    ``skeleton.yaml`` and ``card.json``, which says what the clips are and what was left out. It is
    written by :func:`write_store`. Its rows may lie in several folders, each a store as well, see
    :func:`~pyg_skeletonmae.datasets.join_parts`. The tensors share the map: writing into them
    changes this process's copy only, never the file.

    Args:
        root: The folder; or the address of one in object storage, such as ``s3://bucket/store``,
            which is copied to the local disk first.
        cache: Where such copies are kept; None: see
            :class:`~pyg_skeletonmae.datasets.StoreCache`.

    Attributes:
        root: The folder on the local disk.
        url: The address that it was copied from, or None.
        in_memory: Whether there is no folder, see :class:`MemoryStore`.
        verified: Whether :meth:`verify` was asked.
        pos: ``[rows, V, C]``, float32.
        valid: ``[rows, V]``, bool, or None when no joint is missing.
        track_start: The first row of each track, ``[tracks]``, long.
        clip_track: The tracks of clip ``i`` are ``clip_track[i]:clip_track[i + 1]``, ``[N + 1]``.
        length: The frames of each clip (all its tracks have as many), ``[N]``, long.
        label: The class of each clip, ``[N]``, long, or None for unlabelled clips.
        subject: The performer of each clip, ``[N]``, long, -1 = unknown.
        extra: Further columns, ``[N]`` each.
        column_names: The texts that some of these columns number from 0.
        names: The name of each clip.
        card: The contents of ``card.json``, a :class:`~pyg_skeletonmae.datasets.DataCard`.

    Raises:
        SkeletonFormatError: There is no store, or its files are damaged or contradict each other.
        SkeletonError: ``skeleton.yaml`` is damaged.
        DataError: It cannot be fetched, see :meth:`StoreCache.fetch`.
    """

    in_memory = verified = False
    url: str | None = None
    _copy: Copy | None = None  # held as long as its files are mapped

    def __init__(self, root: str | Path, cache: StoreCache | None = None) -> None:
        self.root = Path(root)
        if (url := remote_url(root)) is not None:
            self._copy = (cache or StoreCache()).fetch(url, lambda copy: ClipStore(copy).verify())
            self.root, self.url = self._copy.root, self._copy.url
        for _ in range(_OPENS):
            self._states = file_states(self.root)
            try:
                self._open()
            except (SkeletonMAEError, OSError):
                if file_states(self.root) == self._states:
                    raise
            else:
                if file_states(self.root) == self._states:
                    return
        expected = "files that stay as they are while they are opened"
        raise SkeletonFormatError(self.root, "the store", expected, f"others {_OPENS} times")

    def _open(self) -> None:
        """Reads and maps the files, which may be another store's half-way: a new one takes the
        place of an old one at any moment."""
        self.card = DataCard(read_card(self.root))
        self.class_names: tuple[str, ...] = tuple(self.card["class_names"])
        self.content_hash: str = self.card["content_hash"]
        self.skeleton = read_skeleton(self.root / "skeleton.yaml")
        self.index = read_index(self.root / "index.npz", self.class_names)
        files = row_files(self.card)
        self._maps = read_rows(self.root, self.index, self.skeleton.num_joints, files)
        self.pos, self.valid = stacked(
            [
                (from_numpy(self._maps[name]), None if valid is None else from_numpy(valid))
                for name, other in files
                for valid in [self._maps.get(other or "")]
            ]
        )
        self.num_channels = self.pos.size(2)
        self.track_start, self.clip_track = self._long("track_start"), self._long("clip_track")
        self.length, self.subject = self._long("length"), self._long("subject")
        self.label = self._long("label") if "label" in self.index else None
        self.names: tuple[str, ...] = tuple(self.index["names"].tolist())
        self.extra: dict[str, Tensor] = {
            key.removeprefix("extra_"): torch.from_numpy(value)
            for key, value in self.index.items()
            if key.startswith("extra_")
        }

        self.column_names = read_column_names(self.root, self.card, self.index)
        self._edges: dict[int, Tensor] = {}

    @classmethod
    def open(cls, root: str | Path) -> ClipStore:
        """Opens the store in a folder, or at an address."""
        return cls(root)

    @staticmethod
    def exists(root: str | Path) -> bool:
        """Whether a store was written into a folder, or lies at an address; it may be damaged.

        Raises:
            DataError: Of an address, the service does not answer or refuses.
        """
        if (url := remote_url(root)) is not None:
            return RemoteFolder(url).size("card.json") is not None
        folder = Path(root)
        rest = ("index.npz", "pos.npy")  # of one whose card was lost
        return (folder / "card.json").exists() or all((folder / name).is_file() for name in rest)

    @property
    def place(self) -> str:
        """Where it can be opened again: its address, or its folder in full."""
        return self.url or str(self.root.absolute())

    @cached_property
    def num_tracks(self) -> Tensor:
        """The number of persons of each clip, ``[N]``, long."""
        return self.clip_track.diff()

    @cached_property
    def spans(self) -> list[tuple[int, int, int]]:
        """First row, persons and frames of each clip: its rows are all of its tracks."""
        columns = (self.track_start[self.clip_track[:-1]], self.num_tracks, self.length)
        return list(zip(*(column.tolist() for column in columns), strict=True))

    def edge_index(self, num_tracks: int) -> Tensor:
        """The bones of so many persons, ``[2, num_tracks * E]``; made once, not to be changed."""
        if num_tracks not in self._edges:
            self._edges[num_tracks] = tracks_edge_index(self.skeleton, num_tracks)
        return self._edges[num_tracks]

    def clip(self, number: int) -> Clip:
        """A clip, ``pos [M, T, V, C]`` and ``valid [M, T, V]`` as arrays that share the map."""
        self.check_files()
        start, tracks, frames = self.spans[number]
        rows = slice(start, start + tracks * frames)
        pos = self.pos[rows].reshape(tracks, frames, *self.pos.shape[1:]).numpy()
        valid = (
            np.ones(pos.shape[:3], bool)
            if self.valid is None
            else self.valid[rows].reshape(pos.shape[:3]).numpy()
        )
        label = None if self.label is None else int(self.label[number])
        extra = {key: values[number].item() for key, values in self.extra.items()}
        fps = extra.pop("fps", None) if self.card.get("rates") else self.card.get("fps")
        fps = fps if isinstance(fps, int | float) and not math.isnan(fps) else None
        name, subject = self.names[number], int(self.subject[number])
        return Clip(pos, label, subject, name, valid=valid, extra=extra, fps=fps)

    def check_files(self) -> None:
        """Looks whether the mapped files are as long as they were; readers ask before they read.

        Raises:
            SkeletonFormatError: One is shorter: to read on would end the process.
        """
        for name, rows in self._maps.items():
            check_mapped(rows, self.root / name)

    def verify(self, how: Verify = "full") -> None:
        """Reads all of the store and compares it with the hash in its card.

        Args:
            how: ``"stamp"``: unless this was done before and no file has changed since, by its
                size, times and inode, which a file in the folder says. ``"off"``: takes it as it
                is.

        Raises:
            SkeletonFormatError: The content has changed since it was written.
        """
        self.verified = True
        if how == "off" or (
            how == "stamp" and is_stamped(self.root, self.content_hash, self._states)
        ):
            return
        self.check_files()
        every = torch.ones((), dtype=torch.bool).expand(self.pos.shape[:2])
        digests = [
            rows_digest(part.numpy() for part in tensors(rows))
            for rows in (self.pos, every if self.valid is None else self.valid)
        ]
        found = content_hash(self.skeleton, self.class_names, self.index, digests)
        if found != self.content_hash:
            raise SkeletonFormatError(self.root, "the content", self.content_hash[:64], found)
        if self._states:
            write_stamp(self.root, self.content_hash, self._states)

    def _long(self, key: str) -> Tensor:
        return torch.from_numpy(self.index[key])

    def __len__(self) -> int:
        return len(self.names)

    def __reduce__(self) -> tuple[Any, ...]:
        # A worker opens the files itself instead of getting a copy of all clips.
        return _reopened, (type(self), self.root.absolute(), self.content_hash)

    def __repr__(self) -> str:
        return (
            f"{type(self).__name__}({self.root.name}, clips={len(self)}, "
            f"tracks={len(self.track_start)}, skeleton={self.skeleton.name})"
        )


def _reopened(kind: type[ClipStore], root: Path, content_hash: str) -> ClipStore:
    """A store in another process.

    Raises:
        SkeletonFormatError: Another one lies there by now.
    """
    store = kind(root)
    if store.content_hash != content_hash:
        expected = f"the store that was opened, {content_hash[:64]}"
        raise SkeletonFormatError(root, "content_hash", expected, store.content_hash[:64])
    return store


class MemoryStore(ClipStore):
    """Clips in memory, of which no file is kept.

    ``root`` is only what messages call them. A process that is sent the store gets a copy of it.

    Args:
        root: The folder of a store; all of it is read, and the folder may then be deleted.
    """

    in_memory = verified = True

    def __init__(self, root: str | Path) -> None:
        super().__init__(root)
        self.pos = torch.cat(tensors(self.pos))
        self.valid = None if self.valid is None else torch.cat(tensors(self.valid))
        self._maps, self._states, self._copy = {}, {}, None
        self.root = Path("clips in memory")

    def __reduce__(self) -> tuple[Any, ...]:
        return object.__new__, (type(self),), self.__dict__


def write_store(
    root: str | Path | None,
    clips: Iterable[Clip],
    skeleton: Skeleton,
    class_names: Sequence[str] | None = None,
    *,
    nan: NanPolicy = "error",
    source: str = "",
    fps: float | None = None,
    unit: str | None = None,
    dropped: Iterable[tuple[str, str]] = (),
    about: Mapping[str, Any] | None = None,
    max_label: int | None = None,
    all_tracks: bool = False,
    overwrite: bool = False,
) -> ClipStore:
    """Writes clips into a store, one at a time, and opens it.

    The files are written into a folder beside ``root`` that takes its name at the very end, so that
    a failed or killed write leaves nothing that opens.

    Args:
        root: The folder of the store; must not exist, unless ``overwrite`` replaces a store there.
            None: no file is kept, the clips are held in memory (and pass through a temporary
            folder).
        clips: The clips; a generator may make them one by one. All have the same channels.
        skeleton: Their skeleton.
        class_names: The names of the classes; None = ``"0"``, ``"1"``, ... up to the largest label.
        nan: What to do about NaN in coordinates, see
            :func:`~pyg_skeletonmae.datasets.store.clips.resolve_nan`; the card lists dropped clips.
        source: Where the clips come from, for the card.
        fps: Frames per second, for the card; None = as the clips say: where they differ, ``rates``
            of the card counts them, and ``fps`` is a further column (NaN = unknown).
        unit: The unit of the coordinates, for the card.
        dropped: ``(name, reason)`` of clips the caller left out, for the card; read at the end, so
            a generator of clips may still fill a list.
        about: Further entries of the card, read at the end.
        max_label: The largest label there may be without ``class_names``; None = ten times the
            number of clips, or 100 (our choice: larger ones are dates and the like).
        all_tracks: Keep persons who are nowhere, see
            :class:`~pyg_skeletonmae.datasets.store.clip_checks.Intake`.
        overwrite: Replace a store that is there.

    Raises:
        DataError: A clip does not fit the skeleton or the classes, holds NaN and ``nan="error"``,
            no clip is left, labels are too large, or ``root`` exists.
    """
    intake = Intake(skeleton, class_names, nan, all_tracks)
    if root is not None:
        check_free(Path(root), overwrite)
        make_parent(Path(root))

    def card() -> dict[str, Any]:
        left_out = [*dropped, *intake.dropped]
        said = {"source": source, "unit": unit, "nan": nan, "dropped": by_reason(left_out)}
        return {**said, "nan_joints": intake.nan_joints, **(about or {})}

    with tempfile.TemporaryDirectory() if root is None else nullcontext(root) as place:
        folder = Path(place) / "store" if root is None else Path(place)
        write_checked(
            folder,
            intake.checked(clips),
            skeleton,
            class_names,
            card,
            fps=fps,
            max_label=max_label,
            overwrite=overwrite,
        )
        return ClipStore(folder) if root is not None else MemoryStore(folder)


def write_checked(
    root: str | Path,
    clips: Iterable[Clip],
    skeleton: Skeleton,
    class_names: Sequence[str] | None,
    card: Callable[[], dict[str, Any]],
    *,
    fps: float | None = None,
    max_label: int | None = None,
    overwrite: bool = False,
) -> None:
    """Writes a store of clips that have passed an
    :class:`~pyg_skeletonmae.datasets.store.clip_checks.Intake`, and have names.

    Args:
        root: See :func:`write_store`, as for the rest.
        clips: The clips.
        skeleton: Their skeleton.
        class_names: The names of the classes.
        card: Called when all clips are written: further entries of the card.
        fps: Frames per second.
        max_label: The largest label.
        overwrite: Replace a store that is there.

    Raises:
        DataError: There is no clip, clips do not fit each other, or another store is there.
    """
    root, digest = Path(root), None
    try:
        with write_folder(root, overwrite and ClipStore.exists(root)) as folder:
            first = next(clips := iter(clips), None)
            if first is None:
                raise DataError("a store needs at least one clip, but none was given")
            with closing(StoreWriter(folder, skeleton, np.shape(first.pos)[-1])) as writer:
                for clip in chain([first], clips):
                    writer.add(clip)
                digest = writer.finish(class_names, card(), fps, max_label)
    except FileExistsError:
        # Processes that start together write the same store; the first one's will do.
        check_free(root, overwrite=True)
        if read_card(root)["content_hash"] != digest:
            raise DataError(f"{root}: another process wrote another store there") from None


def written_once(root: Path, write: Callable[[], object], again: bool = False) -> None:
    """Lets one process write a store that several want; the others wait until it is there.

    The lock is that of the folder; the system frees it when the process dies, and one of those
    that wait goes on.

    Args:
        root: The folder of the store.
        write: Writes it.
        again: Write it also where there is one.

    Raises:
        DataError: Nothing can be written there; and whatever ``write`` raises.
    """
    if ClipStore.exists(root) and not again:
        sweep(root)
        return
    make_parent(root)
    with locked(root, lambda: _log.info("%s: another process writes it; waiting", root)):
        if again or not ClipStore.exists(root):
            write()


def by_reason(dropped: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    """The names of what was left out, by the reasons."""
    names: dict[str, list[str]] = {}
    for name, reason in dropped:
        names.setdefault(reason, []).append(name)
    return names


def check_free(root: Path, overwrite: bool) -> None:
    """Raises :class:`DataError` unless a store may be written there."""
    if not root.exists() or (root.is_dir() and not any(root.iterdir())):
        return
    if not ClipStore.exists(root):
        raise DataError(f"{root}: exists and is no store; choose another folder")
    if not overwrite:
        raise DataError(f"{root}: a store exists already; open it, or ask for it to be overwritten")


def make_parent(root: Path) -> None:
    """Makes the folder above a store; raises :class:`DataError` if nothing can be written there."""
    try:
        root.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=root.parent):
            return
    except OSError as error:
        raise DataError(
            f"{root.parent}: no store can be written there ({error.strerror}); choose another "
            "folder (of a data set: processed_root)"
        ) from None
