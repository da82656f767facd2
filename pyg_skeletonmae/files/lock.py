"""Locks on files and folders, which the system frees when the process that holds them dies."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout


@contextmanager
def locked(path: str | Path, busy: Callable[[], object]) -> Iterator[None]:
    """Holds the lock of a file or folder, a hidden file beside it, for the block.

    A process may take a lock that it holds once more; the lock of a killed process is free.

    Args:
        path: What is locked; the folder above it is made if need be.
        busy: Called if another process holds it: raises, or returns to wait.

    Raises:
        OSError: Nothing can be written there.
    """
    path = Path(path).absolute()
    path.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(path.with_name(f".{path.name}.lock"), is_singleton=True)
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
