"""Locks on files and folders, which the system frees when the process that holds them dies."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

from pyg_skeletonmae.files.write import clear


@contextmanager
def locked(path: str | Path, busy: Callable[[], object]) -> Iterator[None]:
    """Holds the lock of a file or folder, a hidden file beside it, for the block.

    A process may take a lock that it holds once more; the lock of a killed process is free.

    Args:
        path: What is locked, by whichever link it is named; the folder above it is made if need be.
        busy: Called if another process holds it: raises, or returns to wait.

    Raises:
        OSError: Nothing can be written there.
    """
    path = Path(path).resolve()
    path.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(_lock_file(path), is_singleton=True)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        busy()
        lock.acquire()
    try:
        yield
    finally:
        if lock.lock_counter == 1:
            with suppress(OSError):  # where an open file cannot be removed, it stays
                Path(lock.lock_file).unlink()
        lock.release()


def sweep(path: Path, remove: Callable[[], object] = lambda: None) -> None:
    """Removes what a process left that wrote a file or folder and was killed before it was done.

    Its lock is there, and nobody holds it. Where there is none, where another process is at work,
    or where nothing can be removed, nothing is done.

    Args:
        path: What was written.
        remove: Removes what else such a process leaves, under the lock.
    """

    def busy() -> None:
        raise BlockingIOError

    if _lock_file(path.resolve()).exists():
        with suppress(OSError), locked(path, busy):
            clear(path)
            remove()


def _lock_file(path: Path) -> Path:
    return path.with_name(f".{path.name}.lock")
