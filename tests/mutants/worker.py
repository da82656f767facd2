"""Runs the tests of one file against a copy of the package, in a process that is forked for it.

The parent has imported what all tests need except the package itself, so that a mutant costs its
tests and little more. The package is never changed where it lies: each worker has a copy of it.
"""

from __future__ import annotations

import os
import resource
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import pytest

MEMORY = 12 << 30  # bytes of address space
SLOW = 1.5  # seconds of processor time of a test that is left out for its cost
ELSEWHERE = 99  # exit status: the package came from another folder


class Durations:
    """Writes down which tests take long; a plugin of pytest."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def pytest_runtest_protocol(self, item: pytest.Item) -> None:
        """Remembers when a test began."""
        self.begin = time.process_time()

    def pytest_runtest_logfinish(self, nodeid: str) -> None:
        """Writes its name if it was slow."""
        if time.process_time() - self.begin > SLOW:
            with self.path.open("a", encoding="utf-8") as file:
                file.write(f"{nodeid}\n")


class Worker:
    """A copy of the package, and a process at a time that tests it.

    Args:
        package: The folder of the package.
        tests: The folder of the tests.
        folder: An empty folder to work in.
    """

    def __init__(self, package: Path, tests: Path, folder: Path) -> None:
        self.package, self.tests, self.folder = package, tests, folder
        self.copy = folder / "copy" / package.name
        shutil.copytree(package, self.copy)  # with the times, so that what is compiled stays valid
        self._pid = 0

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.package.name})"

    def start(
        self,
        file: str,
        source: str,
        tests: Sequence[str],
        *,
        seconds: float,
        leave_out: Sequence[str] = (),
    ) -> None:
        """Begins to test the package with ``source`` in the place of ``file``."""
        self._file = file
        (self.copy / file).write_text(source, encoding="utf-8")
        cached = (self.copy / file).parent / "__pycache__"
        for path in cached.glob(f"{Path(file).stem}.*.pyc"):
            path.unlink()  # it is compared by its second and its size alone
        self._temporary = Path(tempfile.mkdtemp(dir=self.folder))
        self._begin, self._wall = time.monotonic(), 30 + 4 * seconds
        self._pid = os.fork()
        if self._pid == 0:
            try:
                self._test(tests, int(seconds) + 1, leave_out)
            finally:
                os._exit(1)

    def _test(self, tests: Sequence[str], seconds: int, leave_out: Sequence[str]) -> None:
        os.setsid()
        resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 5))
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        log = os.open(self.folder / "log", os.O_CREAT | os.O_TRUNC | os.O_WRONLY)
        os.dup2(log, 1)
        os.dup2(log, 2)
        os.chdir(self.copy.parent)
        os.environ["PYTHONPATH"] = os.pathsep.join([str(self.copy.parent), str(self.tests)])
        os.environ["PYTHONDONTWRITEBYTECODE"] = "1"
        sys.dont_write_bytecode = True
        sys.path[:0] = [str(self.copy.parent), str(self.tests)]
        tempfile.tempdir = os.environ["TMPDIR"] = str(self._temporary)
        options = ["-x", "-q", "-p", "no:cacheprovider", "-m", "not slow", "--tb=line"]
        options += ["--rootdir", str(self.tests.parent), "--import-mode=importlib"]
        options += [f"--deselect={name}" for name in leave_out]
        plugin = Durations(self.folder / "slow")
        code = int(pytest.main(options + [str(self.tests / name) for name in tests], [plugin]))
        package = sys.modules.get(self.package.name)
        if code == 0 and (package is None or self.copy != Path(package.__path__[0])):
            code = ELSEWHERE
        os._exit(code)

    def poll(self) -> str | None:
        """How the tests ended: ``passed``, or what noticed; None while they run."""
        pid, status, usage = os.wait4(self._pid, os.WNOHANG)
        late = time.monotonic() - self._begin > self._wall
        if not pid and not late:
            return None
        with suppress(ProcessLookupError):
            os.killpg(self._pid, signal.SIGKILL)
        if not pid:
            os.waitpid(self._pid, 0)
        self.seconds = usage.ru_utime + usage.ru_stime
        shutil.copy2(self.package / self._file, self.copy / self._file)
        shutil.rmtree(self._temporary, ignore_errors=True)
        if not pid or os.WIFSIGNALED(status):
            return "time" if not pid or os.WTERMSIG(status) == signal.SIGXCPU else "died"
        code = os.WEXITSTATUS(status)
        if code == ELSEWHERE:
            raise RuntimeError(f"the tests imported {self.package.name} from elsewhere")
        return {0: "passed", 1: "test", 2: "import"}.get(code, f"pytest ended with {code}")
