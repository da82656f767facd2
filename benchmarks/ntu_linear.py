"""Linear evaluation on NTU RGB+D 60 and 120: a linear layer on frozen features.

    python benchmarks/ntu_linear.py --data /path/to/ntu --jobs 2

The published recipe: SGD on augmented clips, 100 epochs. Beside each method itself with random
weights; coordinates and a supervised ST-GCN as anchors.
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
        yield from bench.anchors(seed, "linear")
        for method in options.method:
            yield bench.pretraining(method, seed)
            yield from bench.linear(method, seed)


if __name__ == "__main__":
    script.main(script.parser(__doc__, ["ntu60", "ntu120"]), runs)
