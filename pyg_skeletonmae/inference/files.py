"""Recordings in files and folders, read as ``prepare poses`` reads them."""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, cast

import numpy as np

from pyg_skeletonmae.datasets import SkeletonDataset
from pyg_skeletonmae.datasets.sets.ntu import POLICIES
from pyg_skeletonmae.datasets.sets.pose_formats import (
    FORMATS,
    PoseFormatName,
    ReadPoses,
    check_options,
    find_recordings,
    get_format,
    pose_skeleton,
)
from pyg_skeletonmae.datasets.sets.pose_plan import LABELS
from pyg_skeletonmae.datasets.sets.pyskl import PysklDataset
from pyg_skeletonmae.datasets.store import ClipStore
from pyg_skeletonmae.errors import ConfigError, DataError, SkeletonMAEError
from pyg_skeletonmae.files.plain import not_plain, open_plain
from pyg_skeletonmae.files.remote import remote_url
from pyg_skeletonmae.io.label_csv import read_label_csv
from pyg_skeletonmae.io.landmark_columns import NOTHING_SAID, TableOptions
from pyg_skeletonmae.io.npz import NpzFile
from pyg_skeletonmae.io.ntu import read_ntu
from pyg_skeletonmae.io.poses import AS_IS, PoseOptions, PoseTracks
from pyg_skeletonmae.io.scan import scan
from pyg_skeletonmae.skeleton import Skeleton
from pyg_skeletonmae.skeleton.layouts import NTU25, get_layout

_NTU, _PICKLES, _PACKED = ".skeleton", (".pkl", ".pickle"), frozenset({"joints", "offset"})
_log = logging.getLogger("pyg_skeletonmae")


class Recording(NamedTuple):
    """A recording: what it is called, the persons in it, and what it shows, if that is known."""

    name: str
    tracks: PoseTracks
    label: str = ""


@dataclass(frozen=True)
class Reading:
    """What is not said by clips and files themselves.

    Args:
        format: The format of files, see :class:`~pyg_skeletonmae.datasets.PoseFolder`; None: as
            their names end, where that says it.
        skeleton: Their joints; None: those of the format, else those of the model.
        options: What to do with scores and pixels.
        table: What tables do not say themselves.
        partial: Accept clips that lack some of the joints of the model.
        pipeline: Whose steps the model was trained with; which bodies of an NTU RGB+D file are
            persons follows it.
    """

    format: str | None = None
    skeleton: Skeleton | str | Path | None = None
    options: PoseOptions = AS_IS
    table: TableOptions = NOTHING_SAID
    partial: bool = False
    pipeline: str = "ours"


def read_path(path: Path, skeleton: Skeleton | None, reading: Reading) -> Iterator[Recording]:
    """The recordings of a file, of a folder of files, or of a store, which may be at an address.

    Of a folder, files that cannot be read are left out, with a note; so is the table of labels.

    Raises:
        DataError: There is nothing at the path, or no recording that can be read.
        SkeletonMAEError: The file is damaged, or could mean several things.
    """
    if remote_url(path) is not None or ClipStore.exists(path):
        yield from dataset_recordings(SkeletonDataset(path))
    elif path.is_dir():
        yield from _read_folder(path, skeleton, reading)
    elif (other := not_plain(path)) is not None:
        raise DataError(f"{path}: expected a file or a folder, found {other}")
    else:
        yield from _read_file(path, str(path), skeleton, reading)


def dataset_recordings(dataset: SkeletonDataset) -> Iterator[Recording]:
    """The clips of a view, as they lie in its store.

    Raises:
        SkeletonFormatError: They are not what the hash of the store says.
    """
    if not dataset.store.verified:
        dataset.store.verify("stamp")
    for number in dataset.indices():
        clip = dataset.store.clip(number)
        pos, valid = np.asarray(clip.pos), np.asarray(clip.valid)
        known = clip.label is not None and int(clip.label) >= 0
        label = dataset.class_names[int(clip.label or 0)] if known else ""
        yield Recording(clip.name, PoseTracks(pos, valid, dataset.skeleton, clip.fps), label)


def _read_folder(root: Path, skeleton: Skeleton | None, reading: Reading) -> Iterator[Recording]:
    if reading.format is not None:
        labels = LABELS if (root / LABELS).is_file() else None
        files, notes = find_recordings(root, reading.format, labels)
    else:
        suffixes = {suffix for form in FORMATS.values() for suffix in form.suffixes}
        found, notes = scan(root, (*sorted(suffixes), _NTU))
        files = {path.relative_to(root).as_posix(): path for path in found if path.name != LABELS}
    known = _known_labels(root)
    first: SkeletonMAEError | None = None
    read = 0
    for note in notes:
        _log.info("%s: %s", root, note)
    for name, path in files.items():
        try:
            recordings = list(
                _read_file(path, root.name if name == "." else name, skeleton, reading)
            )
        except ConfigError:
            raise  # holds for every file
        except SkeletonMAEError as error:
            first = first or error
            _log.warning("left out: %s", error)
            continue
        read += len(recordings)
        yield from (one._replace(label=one.label or known.get(name, "")) for one in recordings)
    if not read:
        wanted = "" if reading.format is None else f" of the format {reading.format!r}"
        why = "" if first is None else f"; the first: {first}"
        raise DataError(f"{root}: no recording{wanted} that can be read{why}")


def _read_file(
    path: Path, name: str, skeleton: Skeleton | None, reading: Reading
) -> Iterator[Recording]:
    suffix = path.suffix.lower()
    if reading.format is None and suffix == _NTU:
        policy = "pyskl" if reading.pipeline in ("skeleton2vec", "pyskl2d", "pyskl3d") else "ctrgcn"
        with _named(path):
            persons = POLICIES[policy](read_ntu(path))
            yield Recording(name, PoseTracks(persons.pos, persons.valid, NTU25, 30.0))
    elif reading.format is None and suffix in _PICKLES:
        yield from _in_store(lambda root: PysklDataset(path, root, processed_root=root))
    elif reading.format is None and suffix == ".npz" and _is_packed(path):
        yield from _in_store(lambda root: SkeletonDataset.from_npz(path, root / "store"))
    else:
        format = reading.format or guessed_format(path)
        check_options(format, reading.options, reading.table)
        with _named(path):
            layout = _layout(format, path, skeleton, reading)
            reader = ReadPoses(cast(PoseFormatName, format), layout, reading.options, reading.table)
            yield Recording(name, reader.read(path))


def _known_labels(root: Path) -> dict[str, str]:
    """What the table in a folder says of its files; a table that cannot be read says nothing."""
    if not (root / LABELS).is_file():
        return {}
    try:
        return {row.file: row.label for row in read_label_csv(root / LABELS)}
    except SkeletonMAEError as error:
        _log.warning("left out: %s", error)
        return {}


def guessed_format(path: Path) -> PoseFormatName:
    """The format of a file, if the end of its name says it, and of a table its first cell.

    Raises:
        ConfigError: Nothing says it; the message names the formats that it could be.
    """
    suffix = path.suffix.lower()
    if suffix in (".csv", ".tsv"):
        with open_plain(path) as file:
            start = file.read(64).lstrip(b"\xef\xbb\xbf\"'").lower()
        return "deeplabcut" if start.startswith(b"scorer") else "table"
    names = [name for name, form in FORMATS.items() if suffix in form.suffixes and not form.frames]
    names = ["arrays"] if "arrays" in names else names
    if len(names) == 1:
        return cast(PoseFormatName, names[0])
    known = ", ".join(names or FORMATS)
    raise ConfigError(f"{path}: say its format with format= (--format), one of {known}")


def _layout(format: str, path: Path, skeleton: Skeleton | None, reading: Reading) -> Skeleton:
    form = get_format(format)
    if reading.skeleton is not None:
        return get_layout(reading.skeleton)
    if form.has_skeleton:
        return pose_skeleton(format, None, [path])
    if form.layout is not None:
        return get_layout(form.layout)
    if skeleton is None:
        raise ConfigError(
            f"{path}: its joints are not known; name them with skeleton= (--skeleton), a layout or "
            "a skeleton file"
        )
    return skeleton


def _in_store(build: Callable[[Path], SkeletonDataset]) -> Iterator[Recording]:
    """The clips of a file that holds a whole data set, by way of a store that does not last."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        yield from dataset_recordings(build(Path(folder)))


def _is_packed(path: Path) -> bool:
    with NpzFile(path) as file:
        return set(file.keys) >= _PACKED


@contextmanager
def _named(path: Path) -> Iterator[None]:
    """Adds the name of the file to what is raised without it."""
    try:
        yield
    except ConfigError:
        raise
    except SkeletonMAEError as error:
        if str(error).startswith(str(path)):
            raise
        raise DataError(f"{path}: {error}") from None
