"""The command line of the soak.

    python benchmarks/soak.py kills --n 100 --seed 0   # identical K of N
    python benchmarks/soak.py hostile                  # executed K of N
    python benchmarks/soak.py hour --minutes 60        # memory and handles

Each prints what it does and one line at the end, and exits 1 unless that is as it should be. Linux:
processes are forked from one that has PyTorch, and watched by /proc.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Sequence
from pathlib import Path


def main(argv: Sequence[str] | None = None) -> int:
    """Runs a command line; returns 0 if all is as it should be, else 1."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    ways = parser.add_subparsers(dest="way", required=True)
    kills = ways.add_parser("kills", help="SIGKILL at any moment, and the same command once more.")
    kills.add_argument("--n", type=int, default=100, help="How many runs are killed.")
    kills.add_argument("--seed", type=int, default=0, help="Draws what is killed where.")
    kills.add_argument("--scenes", nargs="*", help="Only these; default: all of them in turn.")
    hostile = ways.add_parser("hostile", help="Files that want to be executed, at every entry.")
    hostile.add_argument("--n", type=int, help="So many command lines, drawn; default: all.")
    hour = ways.add_parser("hour", help="A training, its memory and its open files.")
    hour.add_argument("--minutes", type=float, default=60, help="How long it trains.")
    hour.add_argument("--every", type=float, default=10, help="Seconds between two looks.")
    for way in ways.choices.values():
        way.add_argument(
            "--folder", type=Path, help="An empty folder to work in; default: one of /tmp."
        )
    chosen = parser.parse_args(argv)
    with tempfile.TemporaryDirectory(dir=chosen.folder) as place:
        folder = Path(place)
        if chosen.way == "kills":
            from soak.kills import kill_and_resume

            return kill_and_resume(folder, chosen.n, chosen.seed, chosen.scenes)
        if chosen.way == "hostile":
            from soak.hostile import try_hostile

            return try_hostile(folder, chosen.n)
        from soak.hour import train_for

        return train_for(folder, chosen.minutes, chosen.every)
