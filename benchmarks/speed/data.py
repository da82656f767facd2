"""How fast do data come in? Compares in one process, alternating, and prints medians.

``--only loader``: batches of 32 clips. Cropped, resized and rotated, two persons and 120 frames
each, against the customary feeder, which goes clip by clip (``loader.py``). As they are,
against PyG's ``DataLoader``, one ``Data`` per clip of the same store, and against its collate alone
of clips that lie in memory: large ones, as before, and small ones (one person, 64 frames, 2-D).

``--only parsing``: ``.skeleton`` files, written here, against a plain reader (``parsing.py``).

``--only prepare``: a store of such files, checked, hashed and safe from kills, against the plain
reader and one padded array in a file.

``--markdown`` writes the comparisons into ``SPEED.md``.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Sequence
from pathlib import Path

import torch

from pyg_skeletonmae.training.allocator import keep_memory
from speed.graph import CLOCKS, RESULTS, SPEED, about, alternate, append, machine, write_section
from speed.loader import BATCH, FRAMES, PERSONS, loader_steps
from speed.parsing import NTU120_BYTES, parsing_steps, prepare_steps

MARK = "<!-- written by data.py -->"

# What is compared: the name of ours, of the other, and the target.
LOADER = [
    ("crop, resize, rotate: ours", "crop, resize, rotate: a feeder", 6.0),
    ("small batch: ours", "small batch: PyG", 5.0),
    ("small batch: ours", "small batch: PyG, clips in memory", None),
    ("large batch: ours", "large batch: PyG", 5.0),
    ("large batch: ours", "large batch: PyG, clips in memory", None),
]
PARSING = [("skeleton files: ours", "skeleton files: line by line", 3.0)]
PREPARE = [("store of skeleton files: ours", "store of skeleton files: plain", None)]


def report(
    args: argparse.Namespace,
    size: str,
    medians: dict[str, float],
    pairs: Sequence[tuple[str, str, float | None]],
) -> list[str]:
    """Prints the table, and appends it to the file if asked; the comparisons as rows of a page."""
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
    return [
        f"| {ours} | {medians[ours]:.2f} ms | {other} | {medians[other]:.2f} ms | "
        f"**{medians[other] / medians[ours]:.2f}x** |"
        for ours, other, _ in pairs
    ]


def run_loader(args: argparse.Namespace, root: Path) -> list[str]:
    """Runs ``--only loader``."""
    medians = alternate(loader_steps(root), args.repeats, args.clock)
    return report(args, f"{BATCH} clips x {PERSONS} persons x {FRAMES} frames", medians, LOADER)


def run_parsing(args: argparse.Namespace, root: Path) -> list[str]:
    """Runs ``--only parsing``."""
    steps, size = parsing_steps(root)
    medians = alternate(steps, args.repeats, args.clock)
    rows = report(args, f"{size / 1e6:.2f} MB", medians, PARSING)
    for name, value in medians.items():
        minutes = NTU120_BYTES / size * value / 6e4
        print(f"  NTU RGB+D 120, {NTU120_BYTES / 1e9:.0f} GB, one core: {minutes:.0f} min, {name}")
    return rows


def run_prepare(args: argparse.Namespace, root: Path) -> list[str]:
    """Runs ``--only prepare``."""
    steps, size = prepare_steps(root, args.files)
    medians = alternate(steps, min(args.repeats, 5), args.clock)
    return report(args, f"{args.files} files, {size / 1e6:.2f} MB", medians, PREPARE)


def main(argv: Sequence[str] | None = None) -> None:
    """Reads the command line and runs the benchmarks."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("--only", choices=["loader", "parsing", "prepare"], help="default: all")
    parser.add_argument("--repeats", type=int, default=41)
    parser.add_argument("--files", type=int, default=256, help="prepare: of a store")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--clock", choices=list(CLOCKS), default="cpu")
    parser.add_argument(
        "--csv", nargs="?", type=Path, const=RESULTS, help=f"append to a file ({RESULTS.name})"
    )
    parser.add_argument(
        "--markdown", nargs="?", type=Path, const=SPEED, help=f"write the rows ({SPEED.name})"
    )
    args = parser.parse_args(argv)
    torch.set_num_threads(args.threads)
    keep_memory()  # as the command line does
    runs = {"loader": run_loader, "parsing": run_parsing, "prepare": run_prepare}
    rows = ["| ours | | beside | | ratio |", "|---|---|---|---|---|"]
    for name in [args.only] if args.only else list(runs):
        args.only = name
        with tempfile.TemporaryDirectory() as root:
            rows += runs[name](args, Path(root))
    if args.markdown:
        head = f"{machine()}, {args.threads} thread(s), torch {torch.__version__}, median "
        head += f"{args.clock} time of {args.repeats}.\n\n"
        write_section(args.markdown, MARK, head + "\n".join(rows) + "\n")
