"""Plain files: the only ones that are read, so that no pipe, device or socket is waited for."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path
from typing import BinaryIO

_KINDS = (
    (stat.S_ISDIR, "a folder"),
    (stat.S_ISFIFO, "a pipe"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
)
_FLAGS = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)


def not_plain(path: str | Path) -> str | None:
    """What a path is instead of a plain file, in a few words; None for a plain file.

    Links are followed, so that a link to a plain file is one.
    """
    path = Path(path)
    try:
        mode = path.stat().st_mode
    except OSError as error:
        broken = path.is_symlink()
        return f"a link to nothing ({error.strerror})" if broken else "nothing: no such file"
    except ValueError:  # a zero byte in the path
        return "nothing: no such file"
    if stat.S_ISREG(mode):
        return None
    return next((name for is_kind, name in _KINDS if is_kind(mode)), "no plain file")


def open_plain(path: str | Path) -> BinaryIO:
    """Opens a plain file for reading bytes, and never waits for one.

    Raises:
        OSError: It cannot be opened, or is a folder, a pipe, a socket or a device.
    """
    other = not_plain(path)
    if other is None:
        # Without waiting, if it is replaced between the look and the opening.
        descriptor = os.open(path, _FLAGS)
        if stat.S_ISREG(os.fstat(descriptor).st_mode):
            return os.fdopen(descriptor, "rb")
        os.close(descriptor)
        other = "no plain file"
    raise refusal(path, other)


def refusal(path: str | Path, other: str) -> OSError:
    """The error of a path that is, as :func:`not_plain` says, something else than a plain file."""
    kind = errno.ENOENT if other.startswith("nothing") else errno.EINVAL
    kind = errno.EISDIR if other == "a folder" else kind
    reason = f"{other}, not a plain file" if kind == errno.EINVAL else os.strerror(kind)
    return OSError(kind, reason, str(path))


def read_plain(path: str | Path, max_bytes: int) -> bytes:
    """The bytes of a plain file.

    Raises:
        OSError: As :func:`open_plain`; or there are more than ``max_bytes``.
    """
    with open_plain(path) as file:
        data = file.read(max_bytes + 1)
    if len(data) > max_bytes:
        raise OSError(errno.EFBIG, f"larger than {max_bytes >> 10} KiB", str(path))
    return data
