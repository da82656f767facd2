"""FineGym: fine-tuning on 2-D poses, and linear evaluation.

python benchmarks/finegym.py --data /path/to/finegym --jobs 2
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator

from tables import command as script
from tables.protocols import Bench
from tables.runner import Run


def runs(bench: Bench, options: argparse.Namespace) -> Iterator[Run]:
    """All runs of the tables."""
    for seed in options.seeds:
        for protocol in ("finetune", "linear"):
            yield from bench.anchors(seed, protocol)
        for method in options.method:
            yield bench.pretraining(method, seed)
            yield bench.finetuning(method, seed)
            yield from bench.linear(method, seed)


if __name__ == "__main__":
    script.main(script.parser(__doc__, ["finegym"]), runs)
