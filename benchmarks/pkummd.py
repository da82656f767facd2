"""PKU-MMD I and II: linear evaluation and fine-tuning of cut actions.

python benchmarks/pkummd.py --data /path/to/pkummd --jobs 2
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator

import script
from protocols import Bench
from runner import Run


def runs(bench: Bench, options: argparse.Namespace) -> Iterator[Run]:
    """All runs of the tables."""
    for seed in options.seeds:
        for protocol in ("linear", "finetune"):
            yield from bench.anchors(seed, protocol)
        for method in options.method:
            yield bench.pretraining(method, seed)
            yield from bench.linear(method, seed)
            yield bench.finetuning(method, seed)


if __name__ == "__main__":
    script.main(script.parser(__doc__, ["pkummd1", "pkummd2"]), runs)
