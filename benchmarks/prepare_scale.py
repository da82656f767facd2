"""Does `skeletonmae prepare` scale: memory while it reads many files, and kills at random moments.

    python benchmarks/prepare_scale.py --files 20000 --frames 20 --workers 2 --kills 6

It writes files in the layout of NTU RGB+D (some damaged), prepares a quarter of them and all of
them, measuring the memory of the process and its workers, then prepares all of them again, killed
with SIGKILL at random moments and started anew until it is done. Exits 1 if the contents differ or
anything is left behind.
"""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from pyg_skeletonmae.datasets import ClipStore
from pyg_skeletonmae.io.ntu import NtuName
from pyg_skeletonmae.layouts import NTU25

STORE = "ntu60-ctrgcn"
DAMAGED = 100  # every so many files, one ends in the middle
POOL = 256  # different frames, of which each file is made


class Usage(NamedTuple):
    """What a run took; MiB of the process alone, and of all with shared pages counted once."""

    seconds: float
    own: float
    together: float
    code: int


def write_files(folder: Path, count: int, frames: int, seed: int = 0) -> int:
    """Writes clips of one person; returns their bytes."""
    rng = np.random.default_rng(seed)
    pool = [_frame(rng) for _ in range(POOL)]
    folder.mkdir(parents=True, exist_ok=True)
    size = 0
    for number in range(count):
        body = "".join(pool[index] for index in rng.integers(POOL, size=frames))
        text = f"{frames}\n{body}"
        if number % DAMAGED == DAMAGED - 1:
            text = text[: len(text) // 2]
        rest, action = divmod(number, 60)
        rest, camera = divmod(rest, 3)
        setup, performer = divmod(rest, 40)
        name = NtuName(1 + setup, 1 + camera, 1 + performer, 1, 1 + action)
        size += (folder / f"{name}.skeleton").write_text(text)
    return size


def _frame(rng: np.random.Generator) -> str:
    lines = ["1", "72057594037931648 0 1 1 1 1 0 -0.1098 0.1209 2", str(NTU25.num_joints)]
    for x, y, z in rng.normal((0, 0, 3), (0.3, 0.5, 0.2), (NTU25.num_joints, 3)):
        pixels = " ".join(f"{value:.6g}" for value in rng.normal(400, 90, 4))
        turn = " ".join(f"{value:.8g}" for value in rng.normal(0, 0.5, 4))
        lines.append(f"{x:.8g} {y:.8g} {z:.8g} {pixels} {turn} 2")
    return "\n".join(lines) + "\n"


def prepare(root: Path, out: Path, workers: int, kill_after: float | None = None) -> Usage:
    """Runs the command in a process of its own; ``kill_after`` seconds it is killed."""
    command = [sys.executable, "-m", "pyg_skeletonmae", "prepare", "ntu60", "--root", str(root),
               "--out", str(out), "--workers", str(workers)]  # fmt: skip
    start, own, together = time.monotonic(), 0.0, 0.0
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    while process.poll() is None:
        if kill_after is not None and time.monotonic() - start > kill_after:
            process.send_signal(signal.SIGKILL)
        else:
            mine, all_of_them = memory(process.pid)
            own, together = max(own, mine), max(together, all_of_them)
        time.sleep(0.05)
    return Usage(time.monotonic() - start, own, together, process.returncode)


def memory(pid: int) -> tuple[float, float]:
    """Resident memory of a process, and PSS of it and all below it, in MiB."""
    children: dict[int, list[int]] = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            parent = int(path.read_text().rpartition(")")[2].split()[1])
        except OSError:  # it has ended
            continue
        children.setdefault(parent, []).append(int(path.parent.name))
    tree, together = [pid], 0.0
    for process in tree:
        tree += children.get(process, [])
        together += _field(process, "smaps_rollup", "Pss:")
    return _field(pid, "status", "VmRSS:"), together


def _field(pid: int, file: str, name: str) -> float:
    try:
        text = Path(f"/proc/{pid}/{file}").read_text()
    except OSError:
        return 0.0
    rows = [line.split() for line in text.splitlines() if line.startswith(name)]
    return int(rows[0][1]) / 1024 if rows else 0.0


def kill_and_resume(
    root: Path, out: Path, workers: int, kills: int, seconds: float, seed: int
) -> list[float]:
    """Runs that are killed after random times, and a last one; how long those lived."""
    rng, lived = np.random.default_rng(seed), list[float]()
    while not ClipStore.exists(out / STORE):
        late = None if len(lived) >= kills else float(rng.uniform(0, 2 * seconds / kills))
        usage = prepare(root, out, workers, late)
        if usage.code == -signal.SIGKILL:
            lived.append(usage.seconds)
        elif usage.code:
            raise SystemExit(f"prepare ended with {usage.code}")
    return lived


def measure(folder: Path, files: int, frames: int, workers: int, kills: int, seed: int) -> bool:
    """Prints the figures; returns whether all contents are equal."""
    root, quarter = folder / "files", folder / "quarter"
    size = write_files(root, files, frames, seed)
    quarter.mkdir()
    for path in sorted(root.iterdir())[: files // 4]:
        os.link(path, quarter / path.name)
    print(f"{files} files of {frames} frames, {size / 2**20:.0f} MiB, {workers} workers")
    for what, source in (("a quarter", quarter), ("all", root)):
        usage = prepare(source, folder / what, workers)
        print(
            f"{what}: {usage.seconds:.1f} s, at most {usage.own:.0f} MiB in the process, "
            f"{usage.together:.0f} MiB with its workers"
        )
        if usage.code:
            raise SystemExit(f"prepare ended with {usage.code}")
    whole = ClipStore(folder / "all" / STORE)
    lived = kill_and_resume(root, folder / "killed", workers, kills, usage.seconds, seed)
    print(f"killed {len(lived)} times, after {', '.join(f'{s:.1f}' for s in lived)} s")
    again = ClipStore(folder / "killed" / STORE)
    again.verify()
    print(f"{len(whole)} clips, content {whole.content_hash[:16]}, {again.content_hash[:16]}")
    rest = [path.name for path in (folder / "killed").iterdir() if path.name != STORE]
    print(f"left behind: {rest or 'nothing'}")
    return whole.content_hash == again.content_hash and not rest


def main(argv: Sequence[str] | None = None) -> int:
    """Measures and compares; 1 if there is a difference."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=20_000)
    parser.add_argument("--frames", type=int, default=20)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--kills", type=int, default=6)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args(argv)
    with tempfile.TemporaryDirectory() as folder:
        same = measure(Path(folder), args.files, args.frames, args.workers, args.kills, args.seed)
    print("equal" if same else "DIFFERENT")
    return 0 if same else 1


if __name__ == "__main__":
    sys.exit(main())
