"""Command lines in processes that are forked from this one, which has PyTorch, and how they die."""

from __future__ import annotations

import json
import os
import signal
import sys
import time
import traceback
from importlib import import_module
from pathlib import Path
from typing import NamedTuple, NoReturn

from pyg_skeletonmae.commands.cli import main

# What command lines import is imported once, here, and is there in every child.
for _name in ("commands.prepare", "commands.settings_commands", "inference"):
    import_module(f"pyg_skeletonmae.{_name}")
import_module("torch.utils.tensorboard")

_WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT
_CHANGES = ("os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.truncate")
_TICK = 1 / os.sysconf("SC_CLK_TCK")


class Kill(NamedTuple):
    """When a process dies by SIGKILL.

    Args:
        boundary: Before it changes the disk for the n-th time; None: not so.
        cut: Where that is the flush of a file, the share of it that was written by then.
        seconds: After so many seconds; None: not so.
        clock: Whether they pass on the clock; else while it works.
    """

    boundary: int | None = None
    cut: float | None = None
    seconds: float | None = None
    clock: bool = False


ALIVE = Kill()


class Ended(NamedTuple):
    """How a process ended.

    Args:
        code: Its exit code, -9 if it was killed.
        seconds: How long it worked.
        clock: How long that took.
        boundaries: How often it changed the disk, if it was not killed.
        place: Where it was killed.
    """

    code: int
    seconds: float
    clock: float
    boundaries: int
    place: str


def run_line(arguments: tuple[str, ...], folder: Path, kill: Kill = ALIVE) -> Ended:
    """Runs a command line in a folder; what it says is added to ``said.txt`` above.

    Args:
        arguments: The command line.
        folder: The folder.
        kill: When it dies.
    """
    reader, writer = os.pipe()
    start = time.monotonic()
    if (child := os.fork()) == 0:
        os.close(reader)
        _child(arguments, folder, kill, writer)
    os.close(writer)
    seconds, place = 0.0, ""
    while True:
        ended, status, used = os.wait4(child, os.WNOHANG)
        if ended:
            break
        seconds = _seconds(child)
        passed = time.monotonic() - start if kill.clock else seconds
        if kill.seconds is not None and passed >= kill.seconds and not place:
            place = f"after {passed:.2f} s"
            os.kill(child, signal.SIGKILL)
        time.sleep(0.004)
    with os.fdopen(reader) as told:
        text = told.read()
    heard = json.loads(text) if text else {}
    return Ended(
        os.waitstatus_to_exitcode(status),
        used.ru_utime + used.ru_stime,
        time.monotonic() - start,
        heard.get("boundaries", 0),
        heard.get("place", place),
    )


def _seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) * _TICK


def _child(arguments: tuple[str, ...], folder: Path, kill: Kill, writer: int) -> NoReturn:
    code = 70
    try:
        os.chdir(folder)
        said = os.open(folder.parent / "said.txt", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        for stream in (1, 2):
            os.dup2(said, stream)
        count = _Boundaries(folder, kill, writer)
        sys.argv = ["skeletonmae", *arguments]
        code = main(arguments)
        os.write(writer, json.dumps({"boundaries": count.number}).encode())
    except BaseException:
        traceback.print_exc()
    finally:
        for output in (sys.stdout, sys.stderr):
            output.flush()
        os._exit(code)


class _Boundaries:
    """Counts the changes that this process makes on the disk, and ends it before one of them."""

    def __init__(self, folder: Path, kill: Kill, writer: int) -> None:
        self.number, self._folder, self._kill, self._writer = 0, str(folder), kill, writer
        self._fsync = os.fsync
        os.fsync = self._flush
        sys.addaudithook(self._audit)

    def _audit(self, event: str, args: tuple[object, ...]) -> None:
        writes = event == "open" and isinstance(args[2], int) and args[2] & _WRITES
        if not (writes or event in _CHANGES) or not isinstance(args[0], str | bytes | os.PathLike):
            return
        path = str(Path(os.fsdecode(args[0])).absolute())
        if path.startswith(self._folder):
            self._pass(f"{event} {path[len(self._folder) + 1 :]}")

    def _flush(self, file: int) -> None:
        path = str(Path(f"/proc/self/fd/{file}").readlink())
        self._pass(f"fsync {path[len(self._folder) + 1 :]}", file)
        self._fsync(file)

    def _pass(self, change: str, file: int | None = None) -> None:
        self.number += 1
        if self.number != self._kill.boundary:
            return
        size = 0 if file is None else os.fstat(file).st_size
        place = f"before change {self.number}, {change}"
        if (
            file is not None
            and self._kill.cut is not None
            and Path(f"/proc/self/fd/{file}").is_file()
        ):
            os.truncate(f"/proc/self/fd/{file}", int(size * self._kill.cut))
            place += f", {self._kill.cut:.0%} of {size} bytes written"
        os.write(self._writer, json.dumps({"place": place}).encode())
        os.kill(os.getpid(), signal.SIGKILL)
