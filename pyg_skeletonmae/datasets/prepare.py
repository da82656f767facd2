"""Turns many files into one store: the engine under the data sets that read raw files."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple, TypeVar

from pyg_skeletonmae.datasets.clips import Clip, NanPolicy
from pyg_skeletonmae.datasets.store import ClipStore, write_store
from pyg_skeletonmae.errors import DataError, SkeletonFormatError
from pyg_skeletonmae.skeleton import Skeleton

T = TypeVar("T")


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
    read: Callable[[T], Iterable[Clip]],
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
    workers: int = 0,
    progress: bool = False,
    overwrite: bool = False,
) -> ClipStore:
    """Reads tasks, typically one per file, and writes their clips into a store.

    A task whose reading raises ``DataError`` or ``SkeletonFormatError``, or one of whose clips does
    not fit, is left out and stands in the card with the reason.

    Args:
        folder: The folder of the store.
        tasks: What there is to read, in the order of the clips.
        read: Turns a task into its clips, in order. With workers it must be picklable: a function
            of a module, or a frozen dataclass with ``__call__``, whose ``repr`` says its settings.
        skeleton: The skeleton of all clips.
        class_names: The names of the classes; None = ``"0"``, ``"1"``, ... up to the largest label.
        name: What the card calls a task, and a clip of it without a name.
        source: Where the clips come from, for the card.
        policy: The policy, for the card.
        files: The files that a task reads, hashed for the card; default: the task, if it is a path.
        inputs: Files that all tasks share (labels, splits), hashed for the card.
        fps: Frames per second, for the card.
        unit: The unit of the coordinates, for the card.
        nan: See :func:`~pyg_skeletonmae.datasets.clips.resolve_nan`; with ``"error"``, a task with
            such a clip is dropped.
        dropped: ``(name, reason)`` of what was left out before reading, for the card.
        notes: Further sentences for the card.
        splits: The official splits: a name such as ``"xsub train"``, and whether a clip is in it;
            the card counts their clips.
        workers: How many processes read; 0 = this one.
        progress: Show a progress bar, if the standard error output is a terminal.
        overwrite: Replace a store that is there.

    Raises:
        DataError: Nothing is left, clips do not fit each other, or ``folder`` exists.
    """
    left_out = list(dropped)

    def clips() -> Iterator[Clip]:
        for task in tasks:
            try:
                found = list(read(task))
            except (DataError, SkeletonFormatError) as error:
                left_out.append((name(task), str(error)))
                continue
            for clip in found:
                yield clip if clip.name else replace(clip, name=name(task))

    return write_store(
        folder, clips(), skeleton, class_names, nan=nan, source=source, fps=fps, unit=unit,
        dropped=left_out, overwrite=overwrite,
    )  # fmt: skip
