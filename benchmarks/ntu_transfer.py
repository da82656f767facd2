"""Transfer to PKU-MMD II: pre-trained on NTU RGB+D 60 or 120, fine-tuned there.

    python benchmarks/ntu_transfer.py --data /path/to/pkummd --source-data /path/to/ntu --jobs 2

``--data`` is where fine-tuning happens, ``--sources`` is where pre-training did. Both have the same
joints; of a source with others, joints are matched by name.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from tables import command as script
from tables.protocols import Bench
from tables.publication import pipeline_of
from tables.runner import Run


def runs(bench: Bench, options: argparse.Namespace) -> Iterator[Run]:
    """All runs of the table."""
    for source in options.sources:
        name, (split, *_) = script.DATASETS[source]
        cache = options.out or Path("runs/ntu_transfer")
        clips = script.clips_of(
            source, split, options.source_data, cache / "data", options.incomplete
        )
        there = replace(bench, clips=clips)
        protocol = f"transfer from {name}"
        for seed in options.seeds:
            yield from bench.anchors(seed, protocol)
            for method in options.method:
                start = there.pretraining(method, seed)
                yield start
                # MAMP's files of NTU RGB+D 120 have lone persons twice, those of PKU-MMD do not.
                twice = source == "ntu120" and pipeline_of(there, method) == "mamp"
                fill = ("--data.fill=zeros",) if twice else ()
                yield bench.finetuning(
                    method, seed, protocol, settings=fill, pretrained=start.folder
                )


def parser() -> argparse.ArgumentParser:
    """The options of this script."""
    found = script.parser(__doc__, ["pkummd2"])
    found.set_defaults(splits=["xsub"])
    add = found.add_argument
    add("--sources", nargs="+", default=["ntu60", "ntu120"], choices=list(script.DATASETS))
    add("--source-data", type=Path, help="the folder with the files of the sources")
    return found


if __name__ == "__main__":
    script.main(parser(), runs)
