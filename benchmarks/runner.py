"""Runs lists of command lines, and keeps what they found in a table.

A run is a call of ``skeletonmae`` with its own folder. A folder with ``results.json`` is finished
and skipped, one with a checkpoint is resumed, so a list may be interrupted and started again.
"""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

from pyg_skeletonmae.evaluation import confidence_interval

COLUMNS = [
    "data",
    "split",
    "protocol",
    "method",
    "seed",
    "metric",
    "value",
    "clips_seen",
    "seconds",
]
Row = dict[str, Any]


@dataclass(frozen=True)
class Run:
    """One call of ``skeletonmae``.

    Args:
        folder: Its run folder, relative to the folder of the list.
        command: The subcommand and its options, without ``--out``.
        row: The columns of the table that describe it: data, split, protocol, method, seed.
        metrics: The keys of ``results.json`` that enter the table, by their name there.
        pretrained: The folder of the pre-training that it starts from; it runs afterwards.
        budget: The folder whose clips seen and seconds enter the table (default: its own).
    """

    folder: str
    command: Sequence[str]
    row: Row = field(default_factory=dict)
    metrics: dict[str, str] = field(default_factory=dict)
    pretrained: str | None = None
    budget: str | None = None


def execute(runs: Sequence[Run], root: Path, jobs: int) -> None:
    """Runs everything that is not finished, ``jobs`` at a time, each on its share of the cores."""
    stages = [[run for run in runs if bool(run.pretrained) == later] for later in (False, True)]
    threads = max(1, (os.cpu_count() or 1) // jobs)
    with ThreadPoolExecutor(jobs) as pool:
        for stage in stages:
            for _ in pool.map(lambda run: _execute(run, root, threads), stage):
                continue


def _execute(run: Run, root: Path, threads: int) -> None:
    folder = root / run.folder
    if (folder / "results.json").exists():
        print(f"{run.folder}: finished before", flush=True)
        return
    start = [f"--pretrained={root / run.pretrained}"] if run.pretrained else []
    if run.pretrained and not (root / run.pretrained / "results.json").exists():
        print(f"{run.folder}: left out, {run.pretrained} is not finished", flush=True)
        return
    resume = ["--resume"] if (folder / "last.ckpt").exists() else []
    command = [sys.executable, "-m", "pyg_skeletonmae", *run.command, *start, *resume]
    command.append(f"--out={folder}")
    begin = time.perf_counter()
    environment = {**os.environ, "OMP_NUM_THREADS": str(threads)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    minutes = (time.perf_counter() - begin) / 60
    if done.returncode:
        why = done.stderr.strip()[-2000:]
        print(f"{run.folder}: FAILED ({done.returncode}): {why}", flush=True)
    else:
        print(f"{run.folder}: done in {minutes:.1f} min", flush=True)


def collect(runs: Iterable[Run], root: Path) -> list[Row]:
    """The rows of all finished runs."""
    rows = []
    for run in runs:
        path = root / run.folder / "results.json"
        if not (run.metrics and path.exists()):
            continue
        results = json.loads(path.read_text())
        budget = json.loads((root / (run.budget or run.folder) / "results.json").read_text())
        rows += [
            run.row
            | {"metric": metric, "value": round(results[key], 4)}
            | {name: round(budget.get(name, 0)) for name in ("clips_seen", "seconds")}
            for key, metric in run.metrics.items()
        ]
    return rows


def write_rows(path: Path, rows: Iterable[Row]) -> None:
    """Adds rows to the table; a row of the same run and metric is replaced."""
    kept = {_key(row): row for row in read_rows(path)}
    kept |= {_key(row): row for row in rows}
    beside = path.with_suffix(".part")
    with beside.open("w", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS)
        writer.writeheader()
        writer.writerows(kept.values())
    beside.replace(path)


def read_rows(path: Path) -> list[Row]:
    """The rows of the table; none if there is no table yet."""
    if not path.exists():
        return []
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def _key(row: Row) -> tuple[str, ...]:
    return tuple(str(row[name]) for name in COLUMNS[:6])  # what a row is about


def values(rows: Iterable[Row], **wanted: str) -> dict[int, float]:
    """Seed to value, of the rows with the wanted columns."""
    return {
        int(row["seed"]): float(row["value"])
        for row in rows
        if all(row[name] == value for name, value in wanted.items())
    }


def mean_and_interval(found: dict[int, float]) -> str:
    """Mean and half width of the 95 % interval over seeds, in per cent; a dash if not measured."""
    if len(found) < 2:
        return "".join(f"{100 * value:.1f}" for value in found.values()) or "-"
    mean, half = confidence_interval([100 * value for value in found.values()])
    return f"{mean:.1f} ± {half:.1f}"


def paired_difference(a: dict[int, float], b: dict[int, float]) -> str | None:
    """Mean of a - b over common seeds and half width of its 95 % interval, in points.

    None if there are fewer than two common seeds.
    """
    seeds = sorted(a.keys() & b.keys())
    if len(seeds) < 2:
        return None
    mean, half = confidence_interval([100 * (a[seed] - b[seed]) for seed in seeds])
    return f"{mean:+.1f} ± {half:.1f}"


def median_minutes(rows: Iterable[Row]) -> str:
    """The median training time; a dash where nothing was trained."""
    seconds = median(float(row["seconds"]) for row in rows)
    return f"{seconds / 60:.1f}" if seconds else "-"
