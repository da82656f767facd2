"""PKU-MMD I and II: linear evaluation and fine-tuning of cut actions, detection in recordings.

    python benchmarks/pkummd.py --data /path/to/pkummd --jobs 2

Detection: windows of 64 frames slide over whole recordings, and a linear classifier on features of
the model that was pre-trained on cut actions says which action is at their middle, or none.
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
        for protocol in ("linear", "finetune"):
            yield from bench.anchors(seed, protocol)
        yield bench.detection_by_coordinates(seed)
        yield from bench.detection_reference(seed)
        for method in options.method:
            yield bench.pretraining(method, seed)
            yield from bench.linear(method, seed)
            yield bench.finetuning(method, seed)
            yield from bench.detection(method, seed)


if __name__ == "__main__":
    script.main(script.parser(__doc__, ["pkummd1", "pkummd2"]), runs)
