"""Puts small faults into the code that results depend on, and counts those that a test notices.

    make mutants ARGS="--n 320 --seed 0 --jobs 2"

A mutant is one file of ``targets.py`` with one change of ``operators.py``: a comparison flipped,
a number one too large, a sum for a difference, a call left out, two arguments swapped, ``min`` for
``max``. The tests that belong to the file run against a copy of the package with it, up to the
first that fails; a mutant that no test notices *survives*, and is printed. One that takes several
times the processor time of the unchanged file is killed as well.

Mutants that change nothing anyone can see are listed in ``equivalent.yaml``, each with the reason,
and not drawn. Recordings and data sets that lie elsewhere are not used, and neither are tests
marked ``slow`` nor those of more than 1.5 s, so that the figure is the same everywhere and comes
soon.

The exit status is 1 if fewer than 95 % are killed. Linux only.
"""

from __future__ import annotations

import argparse
import gc
import hashlib
import importlib
import os
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

os.environ["OMP_NUM_THREADS"] = "1"  # threads do not survive a fork

import yaml

from mutants.operators import Mutant, mutants
from mutants.targets import PACKAGE, TARGETS, TESTS, suite
from mutants.worker import Worker

LEAST = 0.95
EQUIVALENT = Path(__file__).with_name("equivalent.yaml")
# What tests and package import; the package itself is imported anew for each mutant.
PRELOADED = "torch numpy scipy.stats torch_geometric.nn torch_geometric.loader torch_geometric.data"
PRELOADED += " sklearn.linear_model sklearn.neighbors sklearn.metrics lightning_fabric filelock"
PRELOADED += " safetensors.torch jsonargparse tqdm yaml threadpoolctl hypothesis"


def equivalents() -> dict[tuple[str, str, str], str]:
    """The mutants that nobody can tell from the code, with the reason."""
    entries = yaml.safe_load(EQUIVALENT.read_text(encoding="utf-8"))
    return {
        (entry["file"], entry["line"], change): entry["because"]
        for entry in entries
        for change in entry["changes"]
    }


def all_mutants(files: Sequence[str]) -> list[Mutant]:
    """Every mutant of these files."""
    return [m for file in files for m in mutants(file, (PACKAGE / file).read_text("utf-8"))]


def draw(found: Sequence[Mutant], n: int, seed: int) -> list[Mutant]:
    """So many of them, file by file; all if there are fewer.

    By a number of each mutant alone, so that a change in one file draws no others elsewhere.
    """

    def number(mutant: Mutant) -> bytes:
        return hashlib.sha256(f"{seed} {mutant.key}".encode()).digest()

    return sorted(sorted(found, key=number)[:n], key=lambda m: list(TARGETS).index(m.file))


def baseline(worker: Worker, files: Sequence[str]) -> dict[str, tuple[float, list[str]]]:
    """Seconds of the tests of each unchanged file, and those of its tests that are left out."""
    costs = {}
    for file in files:
        source, slow = (PACKAGE / file).read_text("utf-8"), worker.folder / "slow"
        leave_out: list[str] = []
        for _ in range(2):
            slow.unlink(missing_ok=True)
            worker.start(file, source, suite(file), seconds=200, leave_out=leave_out)
            while (end := worker.poll()) is None:
                time.sleep(0.02)
            if end != "passed":
                log = (worker.folder / "log").read_text("utf-8")
                raise SystemExit(f"the tests of {file} fail without any change ({end}):\n{log}")
            names = slow.read_text("utf-8").splitlines() if slow.exists() else []
            if not names:
                break
            leave_out = names
        costs[file] = worker.seconds, leave_out
        print(f"{file}: {worker.seconds:.1f} s, {len(leave_out)} left out", flush=True)
    return costs


def run(
    drawn: Sequence[Mutant], costs: dict[str, tuple[float, list[str]]], workers: Sequence[Worker]
) -> Iterator[tuple[Mutant, str, float]]:
    """Each mutant with how its tests ended, and their seconds of processor time."""
    waiting, busy, idle = list(reversed(drawn)), {}, list(workers)
    while waiting or busy:
        while waiting and idle:
            mutant, worker = waiting.pop(), idle.pop()
            seconds, leave_out = costs[mutant.file]
            tests, limit = suite(mutant.file), 5 + 3 * seconds
            worker.start(mutant.file, mutant.source, tests, seconds=limit, leave_out=leave_out)
            busy[worker] = mutant
        time.sleep(0.01)
        for worker in list(busy):
            if (end := worker.poll()) is not None:
                idle.append(worker)
                yield busy.pop(worker), end, worker.seconds


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--n", type=int, default=320, help="mutants to draw")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--files", nargs="+", choices=TARGETS, default=list(TARGETS))
    parser.add_argument("--jobs", type=int, default=1, help="mutants at a time")
    parser.add_argument("--list", action="store_true", help="print the mutants, run none")
    options = parser.parse_args(arguments)
    known = equivalents()
    found = all_mutants(options.files)
    real = [mutant for mutant in found if mutant.key not in known]
    drawn = draw(real, options.n, options.seed)
    print(f"{len(drawn)} of {len(real)} mutants; {len(found) - len(real)} more change nothing")
    if options.list:
        print(*drawn, sep="\n")
        return 0
    for variable in ("SKELETONMAE_DATA", "SKELETONMAE_ORACLES"):
        os.environ.pop(variable, None)
    for name in PRELOADED.split():
        importlib.import_module(name)
    gc.freeze()
    ends, seconds = Counter[str](), 0.0
    with tempfile.TemporaryDirectory() as folder:
        folders = [Path(folder) / str(job) for job in range(options.jobs)]
        workers = [Worker(PACKAGE, TESTS, path) for path in folders]
        costs = baseline(workers[0], list(dict.fromkeys(mutant.file for mutant in drawn)))
        for mutant, end, cost in run(drawn, costs, workers):
            ends[end] += 1
            seconds += cost
            if end == "passed":
                print(f"survived: {mutant}", flush=True)
    killed = len(drawn) - ends["passed"]
    how = ", ".join(f"{n} {end}" for end, n in ends.most_common() if end != "passed")
    share = killed / len(drawn)
    print(
        f"killed {killed} of {len(drawn)} ({share:.1%}): {how}; {seconds:.0f} s of processor time"
    )
    return int(share < LEAST)


if __name__ == "__main__":
    sys.exit(main())
