"""Runs lists of command lines, and keeps what they found in a table.

A run is a call of ``skeletonmae`` with its own folder. A finished folder is skipped, one with a
checkpoint is resumed, one without is begun anew; so a list may be interrupted, killed, and started
again, and several processes may work through it together.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Executor, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, TypeVar

import torch

from pyg_skeletonmae.commands.cli import main
from tables.rows import Row, measured, write_rows

T = TypeVar("T")
# Where the data lie, which may move.
_PLACES = ("--data.path=", "--data.cache=", "--data.label_file=")
PROGRAM = [sys.executable, "-m", "pyg_skeletonmae"]


@dataclass(frozen=True)
class Run:
    """One call of ``skeletonmae``.

    Args:
        folder: Its run folder, relative to the folder of the list.
        command: The subcommand and its options, without ``--out``.
        row: The columns of the table that describe it: data, split, protocol, method, config, seed.
        metrics: The keys of ``results.json`` that enter the table, by their name there.
        pretrained: The folder of the pre-training that it starts from; it runs afterwards.
        budget: The folder whose clips seen, seconds and memory enter the table (default: its own).
    """

    folder: str
    command: Sequence[str]
    row: Row = field(default_factory=dict)
    metrics: dict[str, str] = field(default_factory=dict)
    pretrained: str | None = None
    budget: str | None = None


def execute(runs: Sequence[Run], root: Path, jobs: int, table: Path | None = None) -> list[str]:
    """Runs everything that is not finished, ``jobs`` at a time, each on one thread.

    Another number of threads adds in another order, and ends in other rows: by up to ten points for
    a single seed of the graph SkeletonMAE (``docs/results.md``). With one thread a row is the same
    bit for bit, however many runs are made at a time.

    Runs start in the order of the list; one that needs a pre-training waits for it while others go
    ahead. Those that share a folder are made once, for all of their rows. Rows enter the table as
    their runs finish. With no ``jobs``, runs are made in this process, one after the other: for
    lists of runs that take less time than to start a process.

    Returns:
        The folders that have no result of today's settings: failed, stopped, left out.
    """
    listed = {run.folder: run for run in runs}
    left, failed = list(listed.values()), []
    active: dict[Future[None], Run] = {}
    with ThreadPoolExecutor(jobs) if jobs else _Here() as pool:
        while left or active:
            for run in _ready(left, active)[: max(1, jobs) - len(active)]:
                left.remove(run)
                active[pool.submit(_execute, run, root, not jobs, listed)] = run
            for future in wait(active, return_when=FIRST_COMPLETED).done:
                run = active.pop(future)
                future.result()
                if not (finished(root / run.folder) and current(run, root, listed)):
                    failed.append(run.folder)
                elif table is not None:
                    _keep(table, [own for own in runs if own.folder == run.folder], root, listed)
    return failed


def end(failed: Sequence[str]) -> None:
    """Raises :class:`SystemExit` where runs have failed or were left out; names them."""
    if failed:
        raise SystemExit(f"{len(failed)} runs have no result: {', '.join(failed)}")


def _keep(table: Path, runs: Sequence[Run], root: Path, listed: Mapping[str, Run]) -> None:
    rows = _rows(runs, root, listed)
    if rows:
        write_rows(table, rows)


class _Here(Executor):
    """Calls at once, in this thread: steps of tiny models only get in each other's way."""

    def submit(self, call: Callable[..., T], /, *args: Any, **options: Any) -> Future[T]:
        done: Future[T] = Future()
        done.set_result(call(*args, **options))
        return done


def _ready(left: Sequence[Run], active: dict[Future[None], Run]) -> list[Run]:
    """Those of the runs left whose pre-training is neither left nor active."""
    missing = {run.folder for run in (*left, *active.values())}
    return [run for run in left if run.pretrained not in missing]


def finished(folder: Path) -> bool:
    """Whether a run has ended by itself; one that was told to stop has results, too."""
    path = folder / "results.json"
    return path.exists() and json.loads(path.read_text()).get("finished", 1.0) == 1.0


def _execute(run: Run, root: Path, here: bool, listed: Mapping[str, Run]) -> None:
    folder = root / run.folder
    with _alone(root, run.folder) as log:
        if finished(folder):
            old = f", with other settings: delete {folder} to redo it"
            old = "" if current(run, root, listed) else old
            print(f"{run.folder}: finished before{old}", flush=True)
            return
        why = _hindered(run, root, listed)
        if why:
            print(f"{run.folder}: left out, {why}", flush=True)
            return
        log.truncate(0)
        _settings_of(run, root).write_text(settings(run, root))
        begin = time.perf_counter()
        code = _call(run, root, here, log)
    minutes = (time.perf_counter() - begin) / 60
    if code:
        why = _log(root, run.folder).read_text(errors="replace").strip()[-2000:]
        print(f"{run.folder}: FAILED ({code}): {why}", flush=True)
    elif not finished(folder):
        print(f"{run.folder}: stopped after {minutes:.1f} min", flush=True)
    else:
        print(f"{run.folder}: done in {minutes:.1f} min", flush=True)


def _hindered(run: Run, root: Path, listed: Mapping[str, Run]) -> str:
    """Why a run cannot go on from its pre-training; "" if it can."""
    start = run.pretrained
    if start is None:
        return ""
    if not finished(root / start):
        return f"{start} is not finished"
    if start in listed and not current(listed[start], root, listed):
        return f"{start} has other settings"
    return ""


def _begun(folder: Path) -> bool:
    """Whether there is something to go on from: a checkpoint, or a part that is finished."""
    parts = (path for name in ("*.ckpt", "results.json") for path in folder.rglob(name))
    return (folder / "config.yaml").exists() and any(parts)


def _call(run: Run, root: Path, here: bool, log: IO[str]) -> int:
    folder = root / run.folder
    command = [*run.command, f"--out={folder}"]
    if run.pretrained:
        command.append(f"--pretrained={root / run.pretrained}")
    if _begun(folder):
        command.append("--resume")
    elif folder.exists():  # killed before it had anything to go on from
        shutil.rmtree(folder)
    if here:
        before = torch.get_num_threads()
        torch.set_num_threads(1)  # steps this small only wait for each other
        try:
            with redirect_stdout(log), redirect_stderr(log):
                return main(command)
        finally:
            torch.set_num_threads(before)
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    return subprocess.run(
        [*PROGRAM, *command], env=environment, stdout=log, stderr=subprocess.STDOUT, check=False
    ).returncode


@contextmanager
def _alone(root: Path, name: str) -> Iterator[IO[str]]:
    """The log of a run, which nobody else writes to meanwhile.

    The lock belongs to the open file, and the run that writes to it holds it, too: if this process
    is killed and the run is not, the next process waits for it to end.
    """
    path = _log(root, name)
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a+") as log:
        try:
            fcntl.flock(log, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print(f"{name}: under way in another process, waiting", flush=True)
            fcntl.flock(log, fcntl.LOCK_EX)
        yield log


def _log(root: Path, name: str) -> Path:
    return root / ".logs" / f"{name}.log"


def settings(run: Run, root: Path) -> str:
    """What a run is made with: its command, the texts of its configurations, and the same of the
    pre-training that it starts from."""
    texts = [
        Path(option.partition("=")[2]).read_text() if option.startswith("--config=") else option
        for option in run.command
        if not option.startswith(_PLACES)
    ]
    start = root / ".logs" / f"{run.pretrained}.settings"
    return json.dumps([*texts, start.read_text() if start.exists() else ""])


def current(run: Run, root: Path, listed: Mapping[str, Run]) -> bool:
    """Whether a finished run, and what it went on from, was made with the settings of the list.

    So are runs that nothing is known of.
    """
    start = listed.get(run.pretrained or "")
    if start is not None and not current(start, root, listed):
        return False
    made_with = _settings_of(run, root)
    return not made_with.exists() or made_with.read_text() == settings(run, root)


def _settings_of(run: Run, root: Path) -> Path:
    return root / ".logs" / f"{run.folder}.settings"


def collect(runs: Sequence[Run], root: Path) -> list[Row]:
    """The rows of all finished runs."""
    return _rows(runs, root, {run.folder: run for run in runs})


def _rows(runs: Sequence[Run], root: Path, listed: Mapping[str, Run]) -> list[Row]:
    return [
        run.row | row
        for run in runs
        if run.metrics and finished(root / run.folder) and current(run, root, listed)
        for row in measured(
            root / run.folder,
            run.metrics,
            root / run.pretrained if run.pretrained else None,
            root / (run.budget or run.folder),
        )
    ]
