"""A training for an hour: its memory, its open files, its maps, from look to look."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import NamedTuple

import numpy as np
from prepare_scale import memory

from soak.processes import run_line
from soak.scenes import RUN, SCENES, write_data

WARM_UP = 0.2  # of the time; what is taken until then is taken once
MOST_MIB, MOST_HANDLES = 32, 2  # that may be added from then on: our choice


class Look(NamedTuple):
    """What a process holds: MiB, open files, maps of files, threads."""

    seconds: float
    mib: float
    files: int
    maps: int
    threads: int


def train_for(folder: Path, minutes: float, every: float = 10) -> int:
    """Trains, looks, prints the first and the last figures and their slope; 0 if they are flat."""
    write_data(folder, lambda arguments, place: run_line(arguments, place).code)
    place = folder / "training"
    place.mkdir()
    arguments = [
        argument for argument in SCENES["graph_mae"].arguments
        if "max_epochs" not in argument and "checkpoint_minutes" not in argument
    ]  # fmt: skip
    more = ("--trainer.max_epochs=100000000", "--trainer.checkpoint_minutes=0.05", "--quiet")
    command = [sys.executable, "-m", "pyg_skeletonmae", *arguments, *more]
    path = os.pathsep.join(str(Path(entry).absolute()) for entry in sys.path if entry)
    start, looks = time.monotonic(), list[Look]()
    with subprocess.Popen(
        command, cwd=place, env={**os.environ, "PYTHONPATH": path}, stdout=subprocess.DEVNULL
    ) as process:
        while process.poll() is None and (seconds := time.monotonic() - start) < 60 * minutes:
            if (place / RUN / "last.ckpt").exists():
                looks.append(look(process.pid, seconds))
            time.sleep(min(every, 60 * minutes / 20))
        process.send_signal(signal.SIGTERM)
    if process.returncode != -signal.SIGTERM:
        raise SystemExit(f"the training ended with {process.returncode}")
    lines = (place / RUN / "metrics.jsonl").read_text().splitlines()
    print(f"{minutes:g} minutes, {len(looks)} looks; the last line: {lines[-1][:90]}")
    return report(looks)


def look(pid: int, seconds: float) -> Look:
    """What a process holds now."""
    place = Path(f"/proc/{pid}")
    maps = [line for line in (place / "maps").read_text().splitlines() if "/" in line]
    counts = [len(list((place / name).iterdir())) for name in ("fd", "task")]
    return Look(seconds, memory(pid)[0], counts[0], len(maps), counts[1])


def report(looks: list[Look]) -> int:
    """Prints the first look after the warm-up, the last, and slopes; returns 0 if all is flat."""
    late = [one for one in looks if one.seconds >= WARM_UP * looks[-1].seconds]
    table = np.array(late)
    slopes = np.polyfit(table[:, 0] / 3600, table[:, 1:], 1)[0]
    for name, before, after, slope in zip(Look._fields[1:], late[0][1:], late[-1][1:], slopes,
                                          strict=True):  # fmt: skip
        print(f"{name}: {before:.1f} at the start, {after:.1f} at the end, {slope:+.2f} an hour")
    grown = np.array(late[-1]) - np.array(late[0])
    return int(grown[1] > MOST_MIB or (grown[2:] > MOST_HANDLES).any())
