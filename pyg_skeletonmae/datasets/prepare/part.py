"""One part of a store in preparation: some tasks are read, their clips written."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple

from pyg_skeletonmae.datasets.prepare.journal import Journal, Report
from pyg_skeletonmae.datasets.store import write_checked
from pyg_skeletonmae.datasets.store.clip_checks import Intake
from pyg_skeletonmae.datasets.store.clips import Clip, LeftOut, NanPolicy, Note
from pyg_skeletonmae.errors import DataError, SkeletonFormatError
from pyg_skeletonmae.files.manifest import file_hash
from pyg_skeletonmae.skeleton import Skeleton


class Job(NamedTuple):
    """A task, what the card calls it, and the files it reads."""

    name: str
    task: Any
    files: tuple[Path, ...]


@dataclass(frozen=True)
class PartWriter:
    """Reads tasks and writes their clips as a store of their own into a journal.

    Args:
        journal: The journal.
        read: Turns a task into its clips.
        skeleton: The skeleton of the clips.
        class_names: The names of the classes, if they are known beforehand.
        nan: What to do about NaN.
        max_label: See :func:`~pyg_skeletonmae.datasets.store.write_store`.
        all_tracks: See :class:`~pyg_skeletonmae.datasets.store.clip_checks.Intake`.
    """

    journal: Journal
    read: Callable[[Any], Iterable[Clip | LeftOut | Note]]
    skeleton: Skeleton
    class_names: tuple[str, ...] | None
    nan: NanPolicy
    max_label: int | None = None
    all_tracks: bool = False

    def __call__(self, number: int, jobs: Sequence[Job]) -> int:
        """Writes part ``number``; returns how many jobs it has.

        Raises:
            DataError: Clips of several tasks do not fit each other.
            OSError: A file cannot be read, or the disk is full.
        """
        intake = Intake(self.skeleton, self.class_names, self.nan, self.all_tracks)
        report = Report(dropped=intake.dropped)
        clips = self._clips(jobs, intake, report)
        first = next(clips, None)
        if first is not None:
            # Whoever else is at the same part, as a process that is about to end, writes elsewhere.
            report.store = f"{number:06}-{secrets.token_hex(4)}"
            write_checked(
                self.journal.folder / report.store,
                chain([first], clips),
                self.skeleton,
                self.class_names,
                dict,
                max_label=self.max_label,
            )
        report.nan_joints = intake.nan_joints
        report.write(self.journal.path(number))
        return len(jobs)

    def _clips(self, jobs: Sequence[Job], intake: Intake, report: Report) -> Iterator[Clip]:
        for job in jobs:
            try:
                clips = self._read(job, intake, report)
            except DataError as error:
                intake.dropped.append((job.name, str(error)))
            except SkeletonFormatError as error:  # that it is this file is said beside
                reason = f"{error.where}: expected {error.expected}, found {error.found}"
                intake.dropped.append((job.name, reason))
            except MemoryError:
                intake.dropped.append((job.name, "takes more memory than there is"))
            else:
                yield from clips

    def _read(self, job: Job, intake: Intake, report: Report) -> list[Clip]:
        """All clips of a job, so that it is dropped as a whole."""
        for path in job.files:
            if path.is_file():  # else reading says what is wrong
                size, digest = file_hash(path)
                report.files.append((path.name, digest))
                report.bytes += size
        found = list(self.read(job.task))
        named = (c if c.name else replace(c, name=job.name) for c in found if isinstance(c, Clip))
        kept = [clip for clip in map(intake, named) if clip is not None]
        intake.dropped += [(c.name, c.reason) for c in found if isinstance(c, LeftOut)]
        report.notes += [(c.name, c.text) for c in found if isinstance(c, Note)]
        return kept
