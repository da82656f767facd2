"""Files and folders written beside their place, flushed to the disk, and renamed into it.

Whoever looks, at any moment and after any crash, finds the old one or the new one, whole.
"""

from __future__ import annotations

import ctypes
import errno
import itertools
import os
import re
import shutil
import socket
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from pyg_skeletonmae.files.plain import not_plain, refusal

_LETTERS = 40  # of a name, so that the longest that a disk takes can be written, too
_HERE, _EXCHANGE = -100, 2  # of Linux's fcntl.h; RENAME_EXCHANGE, and RENAME_SWAP of macOS
_ABANDONED = 3600.0  # seconds
_numbers = itertools.count()
_in_use: set[int] = set()  # the numbers of what this process is writing


def write_file(
    path: str | Path, write: Callable[[IO[bytes]], object], previous: str | Path | None = None
) -> None:
    """Writes a file whole or not at all.

    Args:
        path: The file; its folder is made if need be.
        write: Writes the content into an open file.
        previous: The name, in the same folder, that what was there keeps; None: it is replaced. A
            process that is killed between the two renames leaves it under this name alone.

    Raises:
        OSError: It cannot be written, or a folder, a pipe, a socket or a device has the name.
            Whatever is raised, what was there is untouched.
    """
    path = Path(path)
    for place in (path, Path(previous or path)):
        other = not_plain(place)
        if other is not None and "nothing" not in other:
            raise refusal(place, other)
    with _beside(path) as beside, naming(path):
        with beside.open("wb") as file:
            write(file)
            file.flush()
            os.fsync(file.fileno())
        if previous is not None and path.exists():
            path.replace(previous)
        beside.replace(path)
    _flush(path.parent)


def write_text(path: str | Path, text: str) -> None:
    """Writes a text in UTF-8, as :func:`write_file` does."""
    write_file(path, lambda file: file.write(text.encode()))


@contextmanager
def write_folder(path: str | Path, overwrite: bool = False) -> Iterator[Path]:
    """Gives an empty folder to write into, which becomes ``path`` at the end of the block.

    What ``overwrite`` replaces keeps its name until the new folder is whole and on the disk, and is
    deleted only when the new one has that name: at no moment has neither of them, on Linux and
    macOS, whose file systems exchange two names at once. Where they do not, it is renamed first; a
    process that is killed between the two renames leaves it beside, and the next one that writes
    there puts it back.

    Args:
        path: The folder; the one above it is made if need be.
        overwrite: Replace a folder there that is not empty.

    Raises:
        FileExistsError: Such a folder is there, by the end of the block, and is not to be replaced,
            or another process put it there at the same moment.
        OSError: It cannot be written. Whatever is raised, what was there is untouched.
    """
    path = Path(path)
    with _beside(path) as beside, naming(path):
        beside.mkdir()
        yield beside
        for above, _, names in os.walk(beside):
            for name in (*names, ""):
                _flush(Path(above) / name)
        old = beside.with_suffix(".old")
        try:
            if not (overwrite and path.exists() and exchange(beside, path)):
                if overwrite and path.exists():
                    path.rename(old)
                beside.rename(path)
        except OSError as error:
            if error.errno in (errno.ENOTEMPTY, errno.EEXIST):
                raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(path)) from None
            raise
        finally:
            _settle(old, path)
    _flush(path.parent)


@contextmanager
def naming(path: str | Path) -> Iterator[None]:
    """Errors of the system that name no file, such as that of a full disk, name this one."""
    try:
        yield
    except OSError as error:
        if error.filename is not None or error.errno is None:
            raise
        raise OSError(error.errno, error.strerror, str(path)) from error


def exchange(one: Path, other: Path) -> bool:
    """Gives each of two files or folders the name of the other, both at the same moment.

    Returns:
        False where the system or the file system cannot: nothing is done then.
    """
    names = os.fsencode(one), os.fsencode(other)
    libc: Any = ctypes.CDLL(None) if sys.platform in ("linux", "darwin") else None
    if sys.platform == "linux" and hasattr(libc, "renameat2"):
        done = libc.renameat2(_HERE, names[0], _HERE, names[1], _EXCHANGE)
    elif sys.platform == "darwin" and hasattr(libc, "renamex_np"):
        done = libc.renamex_np(*names, _EXCHANGE)
    else:
        return False
    return bool(done == 0)


@contextmanager
def _beside(path: Path) -> Iterator[Path]:
    """A free name beside ``path``; what has it at the end is removed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    clear(path)
    number = next(_numbers)
    beside = path.with_name(f"{_stem(path)}.{os.getpid()}.{number}.partial")
    _in_use.add(number)
    try:
        yield beside
    finally:
        _settle(beside, path)
        _in_use.discard(number)


def _stem(path: Path) -> str:
    return f".{path.name[:_LETTERS]}.{socket.gethostname()[:_LETTERS]}"


def clear(path: Path) -> None:
    """Removes what killed processes of this machine began to write beside a file or folder.

    Also under other names, which nobody may ever write again, if nothing was written there for an
    hour: a container may have the same name of a machine and other numbers of processes. What had
    the name of ``path`` while it was replaced gets it back; of other names, such things stay.
    """
    host = re.escape(socket.gethostname()[:_LETTERS])
    leftover = re.compile(rf"(\..+\.{host})\.(\d+)\.(\d+)\.(partial|old)", re.DOTALL)
    for other in path.parent.iterdir():
        match = leftover.fullmatch(other.name)
        if match is None or _is_written(int(match[2]), int(match[3])):
            continue
        if match[1] == _stem(path) or (match[4] == "partial" and _age(other) > _ABANDONED):
            _settle(other, path)


def _age(path: Path) -> float:
    """Seconds since anything was written there."""
    try:
        return time.time() - max(part.stat().st_mtime for part in (path, *path.rglob("*")))
    except OSError:  # somebody else removes it
        return 0.0


def _settle(beside: Path, path: Path) -> None:
    """Removes what is beside ``path``; what had this name, which is free again, gets it back."""
    if beside.suffix == ".old" and beside.exists() and not path.exists():
        beside.rename(path)
    elif beside.is_dir() and not beside.is_symlink():
        shutil.rmtree(beside, ignore_errors=True)
    else:
        beside.unlink(missing_ok=True)


def _is_written(process: int, number: int) -> bool:
    if process == os.getpid():  # or that of an earlier one, which had the same number
        return number in _in_use
    if os.name != "posix":  # where the question would end it
        return True
    try:
        os.kill(process, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except OSError:  # another user's
        return True
    return True


def _flush(path: Path) -> None:
    """Waits until a file's content or a folder's names are on the disk."""
    if os.name != "posix":  # where neither is opened for reading and flushed
        return
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno != errno.EINVAL:  # a file system that does so without being asked
            raise
    finally:
        os.close(descriptor)
