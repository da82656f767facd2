"""Turns many files into one store: the engine under the data sets that read raw files."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from tqdm import tqdm

from pyg_skeletonmae.__about__ import __version__
from pyg_skeletonmae.datasets.labels import max_label
from pyg_skeletonmae.datasets.parts import join_parts
from pyg_skeletonmae.datasets.prepare.journal import Journal, locked
from pyg_skeletonmae.datasets.prepare.part import Job, PartWriter
from pyg_skeletonmae.datasets.prepare.shards import OthersAtWork, Shard, this_shard
from pyg_skeletonmae.datasets.prepare.workers import run_calls
from pyg_skeletonmae.datasets.store import ClipStore, check_free, make_parent, write_checked
from pyg_skeletonmae.datasets.store.card import FORMAT, read_card
from pyg_skeletonmae.datasets.store.clips import Clip, LeftOut, NanPolicy, Note, check_nan_policy
from pyg_skeletonmae.datasets.store.data_card import grouped_notes
from pyg_skeletonmae.datasets.store.store import by_reason
from pyg_skeletonmae.errors import ConfigError, DataError
from pyg_skeletonmae.files.manifest import file_hash
from pyg_skeletonmae.skeleton import Skeleton

T = TypeVar("T")
_PART = 64  # tasks: seconds of work, lost when a run is killed


class ClipInfo(NamedTuple):
    """What a split may look at."""

    name: str
    label: int | None
    subject: int
    extra: Mapping[str, float]


Side = Callable[[ClipInfo], bool]


def own_file(task: object) -> Sequence[Path]:
    """The files behind a task that is itself a path; of any other task none."""
    return [task] if isinstance(task, Path) else []


def prepare_store(
    folder: str | Path,
    tasks: Sequence[T],
    read: Callable[[T], Iterable[Clip | LeftOut | Note]],
    skeleton: Skeleton,
    class_names: Sequence[str] | None,
    *,
    name: Callable[[T], str],
    source: str,
    policy: str = "",
    files: Callable[[T], Sequence[Path]] = own_file,
    inputs: Sequence[Path] = (),
    fps: float | None = None,
    unit: str | None = None,
    nan: NanPolicy = "error",
    dropped: Iterable[tuple[str, str]] = (),
    notes: Sequence[str] = (),
    splits: Mapping[str, Side] | None = None,
    all_tracks: bool = False,
    workers: int = 0,
    progress: bool = False,
    overwrite: bool = False,
) -> ClipStore:
    """Reads tasks, typically one per file, and writes their clips into a store.

    A task whose reading raises ``DataError``, ``SkeletonFormatError`` or ``MemoryError``, or one of
    whose clips does not fit, is left out and stands in the card with the reason.

    What is read goes into a journal beside the folder, part by part, and then into the store. If
    the run ends early, however hard, the next one goes on with the finished parts, provided that
    tasks, files (by size and time), settings and library are the same. The content does not depend
    on that, nor on the number of workers. Meanwhile the disk holds it twice, the memory one part.
    Within :func:`~pyg_skeletonmae.datasets.prepare.shards.one_shard` each of several jobs reads
    some of the parts; the one that finds all of them there writes the store. Or each writes a store
    of its own, and the one that finds all of those there joins them, see
    :func:`~pyg_skeletonmae.datasets.join_parts`.

    Args:
        folder: The folder of the store.
        tasks: What there is to read, in the order of the clips.
        read: Turns a task into its clips, in order; a
            :class:`~pyg_skeletonmae.datasets.store.clips.LeftOut` or
            :class:`~pyg_skeletonmae.datasets.store.clips.Note` among them is for the card. With
            workers it must be picklable: a function of a module, or a frozen dataclass with
            ``__call__``, whose ``repr`` says its settings.
        skeleton: The skeleton of all clips.
        class_names: The names of the classes; None = ``"0"``, ``"1"``, ... up to the largest label.
        name: What the card calls a task, and a clip of it without a name.
        source: Where the clips come from, for the card.
        policy: The policy, for the card.
        files: The files that a task reads, hashed for the card; default: the task, if it is a path.
        inputs: Files that all tasks share (labels, splits), hashed for the card.
        fps: Frames per second, for the card; None = as the clips say.
        unit: The unit of the coordinates, for the card.
        nan: See :func:`~pyg_skeletonmae.datasets.store.clips.resolve_nan`; with ``"error"``, a
            task with such a clip is dropped.
        dropped: ``(name, reason)`` of what was left out before reading, for the card.
        notes: Further sentences for the card.
        splits: The official splits: a name such as ``"xsub train"``, and whether a clip is in it;
            the card counts their clips.
        all_tracks: Keep persons who are nowhere, see
            :class:`~pyg_skeletonmae.datasets.store.clip_checks.Intake`.
        workers: How many processes read; 0 = this one.
        progress: Show a progress bar, if the standard error output is a terminal.
        overwrite: Replace a store that is there.

    Raises:
        DataError: Nothing is left, clips do not fit each other, a worker died, or ``folder``
            exists.
        OthersAtWork: This is one of several shards, and others are not done.
        OSError: A file cannot be read, or the disk is full.
    """
    root, names = Path(folder), None if class_names is None else tuple(class_names)
    check_nan_policy(nan)
    shard = this_shard()
    if shard.among == 1:  # else another one may have written it
        check_free(root, overwrite)
    make_parent(root)
    jobs = [Job(name(task), task, tuple(files(task))) for task in tasks]
    everything, whole = jobs, root
    if shard.apart:
        jobs, root = list(shard.own(jobs)), root / shard.folder
        dropped = dropped if shard.number == 0 else ()
        if len(everything) < shard.among:
            raise ConfigError(f"--shards {shard.among}: there are only {len(everything)} to read")
    size = min(_PART, 1 + len(jobs) // 128)  # of a part, whatever the number of workers
    parts = [jobs[start : start + size] for start in range(0, len(jobs), size)]
    hashes = {path.name: file_hash(path)[1] for path in inputs}
    settings = (
        # The address of a function differs from run to run and says nothing.
        re.sub(r" at 0x[0-9a-f]+", "", repr(read)),
        policy,
        skeleton.joints,
        skeleton.bones,
        names,
        nan,
        all_tracks,
        hashes,
    )
    journal = Journal(root, _plan(settings, parts), len(parts))
    write = PartWriter(
        journal, read, skeleton, names, nan, max_label=max_label(len(tasks)), all_tracks=all_tracks
    )
    card = {
        "source": source, "policy": policy, "unit": unit, "nan": nan, "inputs": hashes,
        "notes": list(notes), "plan": journal.plan,
    }  # fmt: skip
    plan = _plan((settings, shard.among), [everything]) if shard.apart else ""
    if shard.apart:
        card["whole"] = plan
    if shard.among > 1 and overwrite:
        raise ConfigError(f"{root}: shards go on with what is there; remove it, or leave force")
    if shard.among > 1 and not shard.apart and not _is_done(journal):
        _read_parts(write, parts, workers, progress)
        there = sum(journal.path(number).exists() for number in range(len(parts)))
        if there < len(parts) and not _is_done(journal):
            raise OthersAtWork(
                f"shard {shard.number} of {shard.among} is done; {there} of {len(parts)} parts are "
                f"there; the shard that does the last one writes {root}"
            )
    with locked(root) as waited:
        if not ((waited or shard.among > 1) and _is_done(journal)):
            check_free(root, overwrite)
            _read_parts(write, parts, workers, progress)
            _join_parts(write, card, fps, list(dropped), splits or {}, overwrite)
            journal.remove()
    if shard.apart:
        return _joined(whole, shard, plan, names, fps)
    return ClipStore(root)


def _joined(
    root: Path, shard: Shard, plan: str, class_names: Sequence[str] | None, fps: float | None
) -> ClipStore:
    """The store of all shares that are stores of their own.

    Raises:
        DataError: One is of other files, settings or numbers of shares.
        OthersAtWork: Some are not there yet.
    """
    folders = [root / shard._replace(number=number).folder for number in range(shard.among)]
    there = [folder for folder in folders if ClipStore.exists(folder)]
    if len(there) < shard.among:
        raise OthersAtWork(
            f"shard {shard.number} of {shard.among} is done; {len(there)} of {shard.among} are "
            f"there; the one that is done last makes {root} of them"
        )
    if ClipStore.exists(root):
        return ClipStore(root)
    for folder in folders:
        if read_card(folder).get("whole") != plan:
            raise DataError(f"{folder}: of other files, settings or shards; remove it")
    return join_parts(root, class_names, {"plan": plan}, fps)


def _is_done(journal: Journal) -> bool:
    """Whether another process has written the store."""
    there = ClipStore.exists(journal.root)
    return there and ClipStore(journal.root).card.get("plan") == journal.plan


def _plan(settings: tuple[object, ...], parts: Iterable[Sequence[Job]]) -> str:
    """What the contents of the parts follow from."""
    head = (FORMAT, __version__, *settings)
    digest = hashlib.sha256(repr(head).encode())
    for jobs in parts:
        for job in jobs:
            stats = [path.stat() if path.exists() else None for path in job.files]
            told = [(stat.st_size, stat.st_mtime_ns) for stat in stats if stat is not None]
            digest.update(repr((job.name, [str(path) for path in job.files], told)).encode())
        digest.update(b"part")
    return digest.hexdigest()


def _read_parts(
    write: PartWriter, parts: Sequence[Sequence[Job]], workers: int, progress: bool
) -> None:
    shard = this_shard()
    missing = [part for part in write.journal.begin(shard.among == 1) if shard.has(part)]
    total = sum(len(jobs) for number, jobs in enumerate(parts) if shard.has(number))
    left = sum(len(parts[number]) for number in missing)
    quiet = None if progress else True  # None: unless it is a terminal
    with tqdm(total=total, initial=total - left, desc="prepare", disable=quiet) as bar:
        run_calls(write, [(number, parts[number]) for number in missing], workers, bar.update)


def _join_parts(
    write: PartWriter,
    card: dict[str, Any],
    fps: float | None,
    dropped: list[tuple[str, str]],
    splits: Mapping[str, Side],
    overwrite: bool,
) -> None:
    """Writes the clips of all parts into one store: once more, so that what is finished is safe.

    Raises:
        DataError: There are none, or they do not fit each other: the journal is of no use then.
    """
    journal = write.journal
    try:
        _add_reports(journal, card, dropped)
        card["dropped"] = by_reason(dropped)
        clips = _counted(journal.clips(), card, splits, write.class_names)
        write_checked(
            journal.root, clips, write.skeleton, write.class_names, lambda: card,
            fps=fps, overwrite=overwrite,
        )  # fmt: skip
    except DataError:
        journal.remove()
        raise


def _add_reports(journal: Journal, card: dict[str, Any], dropped: list[tuple[str, str]]) -> None:
    """Adds to card and list what the parts say."""
    stores = nan_joints = count = size = 0
    notes: list[tuple[str, str]] = []
    digest = hashlib.sha256()  # of what `sha256sum` prints about the files
    for number in range(journal.parts):
        report = journal.report(number)
        dropped += [(name, reason) for name, reason in report.dropped]
        notes += [(name, text) for name, text in report.notes]
        for name, sha256 in report.files:
            digest.update(f"{sha256}  {name}\n".encode())
        stores, nan_joints = stores + bool(report.store), nan_joints + report.nan_joints
        count, size = count + len(report.files), size + report.bytes
    if not stores:
        first = "".join(f"; the first, {name}: {reason}" for name, reason in dropped[:1])
        raise DataError(f"{card['source']}: no clip is left, {len(dropped)} were dropped{first}")
    card["nan_joints"] = nan_joints
    card["notes"] += grouped_notes(notes)
    card["files"] = {"count": count, "bytes": size, "sha256": digest.hexdigest()}


def _counted(
    clips: Iterable[Clip],
    card: dict[str, Any],
    splits: Mapping[str, Side],
    classes: Sequence[str] | None,
) -> Iterator[Clip]:
    """The clips; the card counts those of each split, and of each class in it."""
    counts = {name: dict.fromkeys(classes or (), 0) for name in splits}
    card["splits"] = {name: {"clips": 0, "per_class": counts[name]} for name in splits}
    for clip in clips:
        label = None if clip.label is None else int(clip.label)
        info = ClipInfo(clip.name, label, int(clip.subject), clip.extra)
        for name, side in splits.items():
            if side(info):
                card["splits"][name]["clips"] += 1
                if label is not None:
                    key = str(label) if classes is None else classes[label]
                    counts[name][key] = counts[name].get(key, 0) + 1
        yield clip
