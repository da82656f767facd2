"""Watches a call that reads a file nobody vouches for: time, memory, and what it does beside it.

Linux only: the limits are the kernel's, so that no loop in C escapes them. A call that passes
:data:`HARD_SECONDS` of processor time or :data:`WALL_SECONDS` kills its process; whoever started
the process knows then which call it was.
"""

from __future__ import annotations

import os
import resource
import signal
import sys
import sysconfig
import time
import types
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

MAX_SECONDS, HARD_SECONDS, WALL_SECONDS = 2.0, 5, 120
MAX_BYTES = 500 * 2**20
_PAGE = resource.getpagesize()
# Beginnings of the names of events that no reader has reason to raise.
_FORBIDDEN = (
    "os.system", "os.exec", "os.posix_spawn", "os.spawn", "os.fork", "os.startfile", "os.kill",
    "os.putenv", "os.remove", "os.rename", "os.rmdir", "os.mkdir", "os.link", "os.symlink",
    "os.truncate", "os.chmod", "os.chown", "shutil.", "subprocess.", "socket.", "ctypes.",
    "urllib.", "webbrowser.", "pty.", "signal.", "tempfile.",
)  # fmt: skip


class Watched(NamedTuple):
    """What became of a call.

    Args:
        value: What it gave, None if it raised.
        error: What it raised, if anything.
        problems: What it must not do and did.
    """

    value: object
    error: Exception | None
    problems: tuple[str, ...]


class Guard:
    """Watches calls in this process, which it changes for good: make one in a process of its own.

    Args:
        folder: Where the files to read are. It is the only folder to read from, but for those of
            Python and of this library, and nothing in it may change.
    """

    def __init__(self, folder: Path) -> None:
        self._folder, self._watching = folder, False
        self._problems: list[str] = []
        package = Path(__file__).parents[2]
        library = {Path(sysconfig.get_path(key)) for key in ("stdlib", "purelib", "platlib")}
        roots = {folder, package, *library, *map(Path, filter(None, sys.path))}
        self._readable = tuple({str(root.resolve()) for root in roots if root != Path("/")})
        # The signals of the timers kill, and the killed leave no core.
        resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))
        signal.signal(signal.SIGPROF, signal.SIG_DFL)
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        sys.addaudithook(self._audit)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._folder})"

    def watch(self, call: Callable[[], object]) -> Watched:
        """Makes the call, whose every exception but those that end a process is caught."""
        self._problems = []
        before = self._files()
        value, error = None, None
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            start = time.process_time()
            with _limits():
                self._watching = True
                try:
                    value = call()
                except Exception as caught_error:
                    error = caught_error
                finally:
                    self._watching = False
            seconds = time.process_time() - start
        if seconds > MAX_SECONDS:
            self._problems.append(f"took {seconds:.1f} s")
        if _ran_out_of_memory(error):
            self._problems.append(f"wanted more than {MAX_BYTES >> 20} MB")
        self._problems += [f"warned {str(warning.message)[:80]!r}" for warning in caught]
        if self._files() != before:
            self._problems.append("changed files")
        return Watched(value, error, tuple(dict.fromkeys(self._problems)))

    def _files(self) -> list[str]:
        return sorted(map(str, self._folder.rglob("*")))

    def _audit(self, event: str, args: tuple[object, ...]) -> None:
        if not self._watching:
            return
        if event.startswith(_FORBIDDEN):
            self._problems.append(f"did {event}")
        elif event == "exec" and isinstance(args[0], types.CodeType):
            name = args[0].co_filename
            if name.startswith("<") and not name.startswith("<frozen"):
                self._problems.append(f"executed {name}")
        elif event == "open" and isinstance(args[0], str | bytes):
            self._check_open(os.path.realpath(os.fsdecode(args[0])), args[1], args[2])

    def _check_open(self, path: str, mode: object, flags: object) -> None:
        writes = isinstance(mode, str) and set(mode) & set("wax+")
        if writes or (isinstance(flags, int) and flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT)):
            self._problems.append(f"wrote {path}")
        elif not path.startswith(self._readable):
            self._problems.append(f"read {path}")


@contextmanager
def _limits() -> Iterator[None]:
    """The limits of one call, counted from what the process has used until now."""
    used = int(Path("/proc/self/statm").read_text().split()[0]) * _PAGE
    before = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (used + MAX_BYTES, before[1]))
    signal.setitimer(signal.ITIMER_PROF, HARD_SECONDS)
    signal.setitimer(signal.ITIMER_REAL, WALL_SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.setitimer(signal.ITIMER_REAL, 0)
        resource.setrlimit(resource.RLIMIT_AS, before)


def _ran_out_of_memory(error: BaseException | None) -> bool:
    """Whether an error, or one that it was made of, is about memory, even if it was hidden."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        if isinstance(error, MemoryError):
            return True
        error = error.__cause__ or error.__context__
    return False
