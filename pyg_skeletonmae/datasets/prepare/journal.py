"""What is finished of a store that is being prepared, kept so that a killed run can go on."""

from __future__ import annotations

import json
import logging
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path

from pyg_skeletonmae.datasets.store import ClipStore
from pyg_skeletonmae.datasets.store.clips import Clip
from pyg_skeletonmae.files import lock
from pyg_skeletonmae.files.write import write_text

_DIGITS = 16  # of the plan, in the name of a journal


@dataclass
class Report:
    """What came of one part of the tasks; written last, so that a part with a report is whole.

    Args:
        store: The folder in the journal with its clips, empty if there are none.
        nan_joints: See :class:`~pyg_skeletonmae.datasets.store.clip_checks.Intake`.
        dropped: ``[name, reason]`` of what was left out.
        files: ``[name, sha256]`` of the files that were read, in order.
        bytes: Their size.
        notes: ``[name, sentence]`` about what was read.
    """

    store: str = ""
    nan_joints: int = 0
    dropped: list[tuple[str, str]] = field(default_factory=list)
    files: list[tuple[str, str]] = field(default_factory=list)
    bytes: int = 0
    notes: list[tuple[str, str]] = field(default_factory=list)

    def write(self, path: Path) -> None:
        """Writes the report, whole or not at all."""
        write_text(path, json.dumps(asdict(self)))


class Journal:
    """The parts of a store, in a hidden folder beside it.

    Args:
        root: The folder of the store.
        plan: A hash of what is to be done; parts of another plan are of no use.
        parts: Their number.
    """

    def __init__(self, root: Path, plan: str, parts: int) -> None:
        self.root, self.plan, self.parts = root, plan, parts
        self.folder = root.with_name(f".{root.name}.{plan[:_DIGITS]}.journal")

    def begin(self, alone: bool = True) -> list[int]:
        """Keeps what an earlier run finished under the same plan, and removes everything else.

        Args:
            alone: Whether no other process writes parts meanwhile; else nothing is removed.

        Returns:
            The parts that are missing.
        """
        for path in _journals(self.root) if alone else []:
            if path != self.folder:
                shutil.rmtree(path, ignore_errors=True)
        self.folder.mkdir(exist_ok=True)
        missing, keep = [], set[str]()
        for number in range(self.parts):
            if self._is_whole(number):
                keep |= {self.path(number).name, self.report(number).store}
            else:
                missing.append(number)
        for path in self.folder.iterdir() if alone else []:
            if path.name not in keep:
                shutil.rmtree(path) if path.is_dir() else path.unlink()
        return missing

    def path(self, number: int) -> Path:
        """The report of a part."""
        return self.folder / f"{number:06}.json"

    def report(self, number: int) -> Report:
        """Reads the report of a part.

        Raises:
            OSError: There is none.
            ValueError, TypeError: It is damaged.
        """
        return Report(**json.loads(self.path(number).read_text(encoding="utf-8")))

    def clips(self) -> Iterator[Clip]:
        """The clips of all parts in order; one part is mapped at a time."""
        for number in range(self.parts):
            folder = self.report(number).store
            if folder:
                store = ClipStore(self.folder / folder)
                yield from (store.clip(clip) for clip in range(len(store)))

    def remove(self) -> None:
        """Removes the journal."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def _is_whole(self, number: int) -> bool:
        try:
            folder = self.report(number).store
            if folder:
                ClipStore(self.folder / folder).verify()
        except (OSError, ValueError, TypeError):  # ValueError: no JSON, or a damaged store
            return False
        return True

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.folder.name}, parts={self.parts})"


@contextmanager
def locked(root: Path) -> Iterator[bool]:
    """Lets one process at a time prepare a store; the lock of a killed process is free.

    Args:
        root: The folder of the store.

    Yields:
        Whether another process had to be waited for.
    """
    waits: list[Path] = []

    def busy() -> None:
        waits.append(root)
        logging.getLogger("pyg_skeletonmae").warning(
            "%s: another process prepares it; waiting", root
        )

    with lock.locked(root, busy):
        yield bool(waits)


def prepared(root: Path) -> bool:
    """Whether a store is there; what a process left that was killed after it wrote it is removed.

    Args:
        root: The folder of the store.
    """

    def remove() -> None:
        for path in _journals(root):
            shutil.rmtree(path)

    if not ClipStore.exists(root):
        return False
    lock.sweep(root, remove)
    return True


def _journals(root: Path) -> list[Path]:
    name = re.compile(rf"\.{re.escape(root.name)}\.[0-9a-f]{{{_DIGITS}}}\.journal")
    return [path for path in root.parent.iterdir() if name.fullmatch(path.name)]
