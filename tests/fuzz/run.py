"""Damages valid files of every format, and looks at what each reader makes of them.

    make fuzz ARGS="--n 20000 --seed 0 --jobs 2"

A case is a valid file, changed by one to three of the mutators in ``mutators.py`` and
``formats.py`` (a quarter of the cases: by one that keeps its meaning). The outcomes:

- *equal*: accepted, with the result of the valid file (a must where the meaning was kept);
- *other*: accepted, with another result, which is what a plain reader makes of the file (where
  there is one), the same when read again, and finite and of fitting shapes;
- *refused*: ``SkeletonFormatError`` (skeleton files: ``SkeletonError``), in one line;
- *FAIL*: everything else: another exception, a warning, more than 2 s of processor time or 500 MB,
  anything executed, written, or read elsewhere, a process that died.

Cases run in processes of their own under the kernel's limits. ``--only READER:SEED:NUMBER`` repeats
one and keeps its files. The exit status is 1 if anything failed. Linux only.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import signal
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from multiprocessing.connection import Connection, wait
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")  # threads do not survive a fork

from fuzz.targets import TARGETS
from fuzz.worker import FAIL, OUTCOMES, Outcome, Worker, make_case, write_case

_FORK = multiprocessing.get_context("fork")


class Run:
    """The cases of one reader, run in one process after another if they die.

    Args:
        name: The reader.
        seed: The seed.
        numbers: The numbers of the cases.
        folder: A folder to work in.
    """

    def __init__(self, name: str, seed: int, numbers: range, folder: Path) -> None:
        self.name, self.seed, self.numbers = name, seed, numbers
        self.counts: Counter[str] = Counter()
        self.failures: list[Outcome] = []
        self._folder, self._done = folder, 0
        self._start()

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.name}, seed={self.seed}, cases={len(self.numbers)})"

    def _start(self) -> None:
        self.connection, sender = _FORK.Pipe(duplex=False)
        rest = self.numbers[self._done :]
        work = (self.name, self.seed, rest, self._folder, sender)
        self._process = _FORK.Process(target=_work, args=work, daemon=True)
        self._process.start()
        sender.close()

    def advance(self) -> bool:
        """Takes what the process has to say; False when there is nothing left to run."""
        try:
            outcome = self.connection.recv()
        except EOFError:
            return self._after_the_end()
        if isinstance(outcome, str):
            raise SystemExit(outcome)
        self._count(outcome)
        return True

    def _after_the_end(self) -> bool:
        self._process.join()
        self.connection.close()
        if self._done == len(self.numbers):
            return False
        code = self._process.exitcode or 0
        cause = signal.Signals(-code).name if code < 0 else f"exit status {code}"
        self._count(Outcome(self.numbers[self._done], FAIL, f"its process died: {cause}"))
        if self._done == len(self.numbers):
            return False
        self._start()
        return True

    def _count(self, outcome: Outcome) -> None:
        self._done += 1
        self.counts[outcome.kind] += 1
        if outcome.kind == FAIL:
            self.failures.append(outcome)
            print(f"{self.name}:{self.seed}:{outcome.number} {outcome.what}", flush=True)


def _work(name: str, seed: int, numbers: range, folder: Path, sender: Connection) -> None:
    try:
        worker = Worker(name, seed, folder)
    except AssertionError as error:
        sender.send(str(error))
        return
    for outcome in worker.run(numbers):
        sender.send(outcome)


def run_all(
    names: Sequence[str], seed: int, numbers: range, jobs: int, folder: Path
) -> Iterator[Run]:
    """Runs the cases of several readers, so many at once, and gives each when it is done."""
    waiting, running = list(reversed(names)), []
    while waiting or running:
        while waiting and len(running) < jobs:
            name = waiting.pop()
            (folder / name).mkdir()
            running.append(Run(name, seed, numbers, folder / name))
        ready = wait([run.connection for run in running])
        for run in [run for run in running if run.connection in ready]:
            if not run.advance():
                running.remove(run)
                yield run


def table(runs: Sequence[Run]) -> str:
    """Counts of each outcome per reader."""
    lines = [f"{'reader':<14}" + "".join(f"{kind:>10}" for kind in OUTCOMES)]
    rows = [(run.name, run.counts) for run in runs]
    rows.append(("all", sum((run.counts for run in runs), Counter())))
    lines += [
        f"{name:<14}" + "".join(f"{counts[k]:>10}" for k in OUTCOMES) for name, counts in rows
    ]
    return "\n".join(lines)


def repeat(only: str) -> int:
    """Runs one case, prints what it was, and keeps its files."""
    name, seed, number = only.split(":")
    folder = Path(tempfile.mkdtemp(prefix="fuzz-"))
    case = make_case(TARGETS[name], TARGETS[name].seeds(), name, int(seed), int(number))
    with tempfile.TemporaryDirectory() as work:
        (run,) = run_all([name], int(seed), range(int(number), int(number) + 1), 1, Path(work))
    write_case(folder, case.files)
    outcome = next(kind for kind in OUTCOMES if run.counts[kind])
    print(f"{', '.join(case.changes)} of seed file {case.seed}: {outcome}; files in {folder}")
    return int(bool(run.failures))


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--n", type=int, default=1000, help="cases of each reader")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--reader", nargs="+", choices=TARGETS, default=list(TARGETS))
    parser.add_argument("--jobs", type=int, default=1, help="readers at a time")
    parser.add_argument("--only", metavar="READER:SEED:NUMBER", help="repeat one case")
    options = parser.parse_args(arguments)
    if options.only:
        return repeat(options.only)
    with tempfile.TemporaryDirectory() as folder:
        numbers = range(options.n)
        found = run_all(options.reader, options.seed, numbers, options.jobs, Path(folder))
        runs = sorted(found, key=lambda run: options.reader.index(run.name))
    print(table(runs))
    return int(any(run.failures for run in runs))


if __name__ == "__main__":
    sys.exit(main())
