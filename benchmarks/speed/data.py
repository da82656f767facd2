"""How fast do data come in? Compares in one process, alternating, and prints medians.

``--only loader``: batches of 32 clips. Cropped, resized and rotated, two persons and 120 frames
each, against the customary feeder, which goes clip by clip (``loader.py``). As they are,
against PyG's ``DataLoader``, one ``Data`` per clip of the same store, and against its collate alone
of clips that lie in memory: large ones, as before, and small ones (one person, 64 frames, 2-D).

``--only parsing``: ``.skeleton`` files, written here, against a plain reader (``parsing.py``).
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Sequence
from pathlib import Path

import torch

from pyg_skeletonmae.training.allocator import keep_memory
from speed.graph import CLOCKS, RESULTS, about, alternate, append, machine
from speed.loader import BATCH, FRAMES, PERSONS, loader_steps
from speed.parsing import NTU120_BYTES, parsing_steps

# What is compared: the name of ours, of the other, and the target.
LOADER = [
    ("crop, resize, rotate: ours", "crop, resize, rotate: a feeder", 6.0),
    ("small batch: ours", "small batch: PyG", 5.0),
    ("small batch: ours", "small batch: PyG, clips in memory", None),
    ("large batch: ours", "large batch: PyG", 5.0),
    ("large batch: ours", "large batch: PyG, clips in memory", None),
]
PARSING = [("skeleton files: ours", "skeleton files: line by line", 3.0)]


def report(
    args: argparse.Namespace,
    size: str,
    medians: dict[str, float],
    pairs: Sequence[tuple[str, str, float | None]],
) -> None:
    """Prints the table, and appends it to the file if asked."""
    print(f"{args.only}: {size}, median {args.clock} time of {args.repeats}")
    print(f"{machine()}, {args.threads} threads, torch {torch.__version__}")
    for name, value in medians.items():
        print(f"  {name:34s} {value:9.2f} ms")
    for ours, other, target in pairs:
        aim = f" (target {target:g}x)" if target else ""
        print(f"  {medians[other] / medians[ours]:.2f}x as fast as {other!r}{aim}")
    if args.csv:
        head = about(args, args.only, size)
        append([[*head, name, f"{value:.3f}"] for name, value in medians.items()], args.csv)


def run_loader(args: argparse.Namespace, root: Path) -> None:
    """Runs ``--only loader``."""
    medians = alternate(loader_steps(root), args.repeats, args.clock)
    report(args, f"{BATCH} clips x {PERSONS} persons x {FRAMES} frames", medians, LOADER)


def run_parsing(args: argparse.Namespace, root: Path) -> None:
    """Runs ``--only parsing``."""
    steps, size = parsing_steps(root)
    medians = alternate(steps, args.repeats, args.clock)
    report(args, f"{size / 1e6:.2f} MB", medians, PARSING)
    for name, value in medians.items():
        minutes = NTU120_BYTES / size * value / 6e4
        print(f"  NTU RGB+D 120, {NTU120_BYTES / 1e9:.0f} GB, one core: {minutes:.0f} min, {name}")


def main(argv: Sequence[str] | None = None) -> None:
    """Reads the command line and runs the benchmarks."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("--only", choices=["loader", "parsing"], help="default: both")
    parser.add_argument("--repeats", type=int, default=41)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--clock", choices=list(CLOCKS), default="cpu")
    parser.add_argument(
        "--csv", nargs="?", type=Path, const=RESULTS, help=f"append to a file ({RESULTS.name})"
    )
    args = parser.parse_args(argv)
    torch.set_num_threads(args.threads)
    keep_memory()  # as the command line does
    runs = {"loader": run_loader, "parsing": run_parsing}
    for name in [args.only] if args.only else list(runs):
        args.only = name
        with tempfile.TemporaryDirectory() as root:
            runs[name](args, Path(root))
