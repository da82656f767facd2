"""Fine-tuning on NTU RGB+D 60 and 120, all weights, all labels.

    python benchmarks/ntu_finetune.py --data /path/to/ntu --jobs 2
    python benchmarks/ntu_finetune.py --data ntu60_hrnet.pkl --datasets ntu60 --method graph_mae

The second line is on 2-D poses, on which the graph SkeletonMAE was published.
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
        yield from bench.anchors(seed, "finetune")
        for method in options.method:
            yield bench.pretraining(method, seed)
            yield bench.finetuning(method, seed)


if __name__ == "__main__":
    script.main(script.parser(__doc__, ["ntu60", "ntu120"]), runs)
