"""Nearest neighbours on NTU RGB+D 60 and 120: k = 1, 5, 20, by cosine, on frozen features.

    python benchmarks/ntu_knn.py --data /path/to/ntu --jobs 2

Features are averaged over joints and time, as in the publications.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator

from tables import command as script
from tables.protocols import Bench
from tables.runner import Run


def runs(bench: Bench, options: argparse.Namespace) -> Iterator[Run]:
    """All runs of the table."""
    for seed in options.seeds:
        yield from bench.anchors(seed, "knn")
        for method in options.method:
            yield bench.pretraining(method, seed)
            yield from bench.neighbours(method, seed)


if __name__ == "__main__":
    script.main(script.parser(__doc__, ["ntu60", "ntu120"]), runs)
