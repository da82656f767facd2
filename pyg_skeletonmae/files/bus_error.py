"""Maps of files that become shorter: the process ends, as it must, and says which file it was."""

from __future__ import annotations

import ctypes
import mmap
import os
import signal
import sys
from functools import cache
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

_CODE = 2  # of a process that ends so: input that cannot be used
_watched: WeakKeyDictionary[mmap.mmap, Path] = WeakKeyDictionary()


def watch(whole: mmap.mmap, path: Path) -> None:
    """Names a file if the process is to end because there is less of it than was mapped.

    Whoever reads looks at the length first (:func:`~pyg_skeletonmae.io.npz.check_mapped`); what is
    left is the moment between the look and the read. The system sends SIGBUS then, after which
    nothing can go on: the instruction that reads has no value. Not on Windows, which does not let a
    mapped file become shorter.

    Args:
        whole: The map.
        path: Its file.
    """
    _watched[whole] = path
    if sys.platform in ("linux", "darwin"):
        _install()


@cache
def _install() -> None:
    """Once in a process. In C, as Python's own handlers run when the instruction is over."""
    libc: Any = ctypes.CDLL(None)
    libc.signal.restype, libc.signal.argtypes = ctypes.c_void_p, (ctypes.c_int, ctypes.c_void_p)

    def end(number: int) -> None:
        for whole, path in list(_watched.items()):
            if whole.size() < len(whole):
                text = (
                    f"skeletonmae: error: {path}: the file became shorter while it was read, from "
                    f"{len(whole)} to {whole.size()} bytes: something else writes there; restore "
                    "it and go on with the last checkpoint\n"
                )
                os.write(2, text.encode(errors="backslashreplace"))
                os._exit(_CODE)
        libc.signal(number, _before[0])  # none of ours: it comes again, to whoever had it

    _handlers.append(ctypes.CFUNCTYPE(None, ctypes.c_int)(end))
    address = ctypes.cast(_handlers[0], ctypes.c_void_p)
    _before.append(libc.signal(int(signal.SIGBUS), address))


_handlers: list[Any] = []  # kept alive
_before: list[int | None] = []  # whose signal it was
