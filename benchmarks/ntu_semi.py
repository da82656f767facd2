"""Semi-supervised fine-tuning on NTU RGB+D: 1, 5, 10, 20 and 50 % of the labels.

    python benchmarks/ntu_semi.py --data /path/to/ntu --jobs 2

Five seeds, each with its own draw of labels, which is written to the folder of the data. Labels are
drawn from all clips, as in the publications; ``--set=--data.balanced=true`` draws from each class.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator

from tables import command as script
from tables.protocols import Bench
from tables.runner import Run

SHARES = (1, 5, 10, 20, 50)


def runs(bench: Bench, options: argparse.Namespace) -> Iterator[Run]:
    """All runs of the table."""
    for seed in options.seeds:
        for method in options.method:
            yield bench.pretraining(method, seed)
        for share in options.shares:
            labels = (f"--data.label_fraction={share / 100}", f"--data.label_draw={seed}")
            yield from bench.anchors(seed, f"semi {share} %", labels)
            for method in options.method:
                yield bench.finetuning(method, seed, f"semi {share} %", labels)


def parser() -> argparse.ArgumentParser:
    """The options of this script."""
    found = script.parser(__doc__, ["ntu60"], seeds=5)
    found.add_argument("--shares", type=int, nargs="+", default=list(SHARES), help="per cent")
    return found


if __name__ == "__main__":
    script.main(parser(), runs)
