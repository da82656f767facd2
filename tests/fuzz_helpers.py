"""Runs the fuzzing in this process, which it forks: a short run, one case, and a bad reader."""

from __future__ import annotations

import os
import time
import warnings
from pathlib import Path

from pyg_skeletonmae.errors import SkeletonFormatError

RUNS = {
    "short": ["--n", "40", "--seed", "0"],
    "only": ["--only", "pku_labels:3:4"],
    "bad": ["--n", "15", "--reader", "bad"],
}


def bad_read(folder: Path) -> object:
    """Goes wrong in another way for each size of its file."""
    what = WRONG.get((folder / "a").stat().st_size)
    return what(folder) if what is not None else 0


def oops(_: Path) -> None:
    raise KeyError("oops")


def work(_: Path, seconds: float = 0.4) -> None:
    start = time.process_time()
    while time.process_time() < start + seconds:
        continue


def hide_memory_error(_: Path) -> None:
    try:
        bytearray(600 * 2**20)
    except MemoryError:
        raise SkeletonFormatError("a", "b", "c", "d") from None


def two_lines(_: Path) -> None:
    raise SkeletonFormatError("a", "b", "two\nlines", "d")


WRONG = {
    1: oops,
    2: lambda _: warnings.warn("careful", stacklevel=1),
    3: lambda _: os._exit(7),
    4: work,
    5: lambda folder: work(folder, 1e9),
    6: hide_memory_error,
    7: lambda _: os.system("true"),
    8: lambda folder: (folder / "left").write_text(""),
    9: lambda _: time.perf_counter(),
    10: lambda _: Path("/etc/hostname").read_bytes(),
    11: lambda _: eval(compile("1", "<text>", "eval")),
    12: two_lines,
}


def main() -> None:
    from fuzz import guard, run, targets, worker

    for name, arguments in RUNS.items():
        if name == "bad":
            guard.MAX_SECONDS, guard.HARD_SECONDS = 0.3, 1
            targets.TARGETS["bad"] = targets.Target(lambda: [{"a": b""}], bad_read, {})
            worker.make_case = lambda target, seeds, name, seed, number: worker.Case(
                0, ("grow",), number == 13, {"a": bytes(number)}
            )
        print(f"done {name} {run.main(arguments)}", flush=True)


if __name__ == "__main__":
    main()
