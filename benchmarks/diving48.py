"""Diving48: fine-tuning on 2-D poses, and linear evaluation.

python benchmarks/diving48.py --data /path/to/diving48 --jobs 2
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
        for protocol in ("finetune", "linear"):
            yield from bench.anchors(seed, protocol)
        for method in options.method:
            yield bench.pretraining(method, seed)
            yield bench.finetuning(method, seed)
            yield from bench.linear(method, seed)


if __name__ == "__main__":
    script.main(script.parser(__doc__, ["diving48"]), runs)
