"""UI-PRMD, 20 classes (movement and correctness), across subjects: odd train, even test.

    SKELETONMAE_DATA=... python benchmarks/uiprmd.py --seeds 0 1 2 --jobs 2

Every method uses the training subjects alone, for pre-training, fine-tuning and every choice: the
last epoch counts, and the settings in ``configs/`` were found on held-out training subjects. In
the label-poor protocol all odd subjects are pre-trained on, and labels of subjects 1 and 3 used.

Finished runs are skipped, so the command may be stopped and given again. Rows go to
``benchmarks/results.csv``, the tables to ``benchmarks/RESULTS.md`` (``--table`` only writes them).
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

from results_page import write_page
from runner import Run, collect, execute, read_rows, write_rows

HERE = Path(__file__).parent
PRETRAIN = "configs/pretrain/graph_mae_small.yaml"
FINETUNE = "configs/finetune/strl_small.yaml"
FINETUNE_BEST = "configs/finetune/strl_uiprmd.yaml"
# What the features of clips are measured on: whole clips, as the coordinates' baseline has them.
CLIPS = ("--data.frames=32", "--data.center=mean", "--data.scale=std")
LABELS = {"full": (), "label-poor": ("--data.label_subjects=[1,3]",)}


def runs(seeds: list[int], protocols: list[str], best: bool) -> Iterator[Run]:
    """All runs of the tables, what others need first."""
    for protocol in protocols:
        yield from _coordinates(protocol)
    for seed in seeds:
        pretrained = f"graph_mae-{seed}"
        yield Run(pretrained, ["pretrain", f"--config={PRETRAIN}", f"--seed={seed}"])
        for protocol in protocols:
            yield from _probes(protocol, seed, pretrained)
            yield _strl(protocol, seed, None)
            yield _strl(protocol, seed, pretrained)
        if best and "full" in protocols:
            yield _strl("full", seed, None, FINETUNE_BEST, "STRL best")


def _coordinates(protocol: str) -> Iterator[Run]:
    for kind, method in (("knn", "1-NN on coordinates"), ("linear", "linear on coordinates")):
        command = ["evaluate", f"--protocol={kind}", *CLIPS, *LABELS[protocol]]
        yield Run(f"{protocol}-coordinates-{kind}", command, _row(protocol, method, 0), _TOP1)


def _probes(protocol: str, seed: int, pretrained: str) -> Iterator[Run]:
    for start, flags in (("pre-trained", ()), ("random", ("--random_init=true",))):
        for kind in ("knn", "linear"):
            for joints in ("mean", "concat"):
                command = [
                    "evaluate", f"--protocol={kind}", f"--joints={joints}", "--segments=4",
                    f"--seed={seed}", *CLIPS, *flags, *LABELS[protocol],
                ]  # fmt: skip
                method = f"graph_mae {start}, {kind}, joints {joints}"
                folder = f"{protocol}-{start}-{kind}-{joints}-{seed}"
                row = _row(protocol, method, seed)
                yield Run(folder, command, row, _TOP1, pretrained)


def _strl(
    protocol: str, seed: int, pretrained: str | None, config: str = FINETUNE, name: str = "STRL"
) -> Run:
    start = "from scratch" if pretrained is None else "pre-trained"
    command = [
        "finetune",
        f"--config={config}",
        f"--seed={seed}",
        *LABELS[protocol],
    ]
    folder = f"{protocol}-{name.replace(' ', '-').lower()}-{start.split()[-1]}-{seed}"
    row = _row(protocol, f"{name} {start}", seed)
    return Run(folder, command, row, {"test/top1": "top1"}, pretrained)


_TOP1 = {"top1": "top1"}


def _row(protocol: str, method: str, seed: int) -> dict[str, str]:
    split = "odd/even" if protocol == "full" else "1,3/even"
    return {
        "data": "UI-PRMD 20 classes",
        "split": split,
        "protocol": protocol,
        "method": method,
        "seed": str(seed),
    }


def main() -> None:
    """Runs what is missing and writes the tables."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--protocols", nargs="+", default=list(LABELS), choices=list(LABELS))
    parser.add_argument("--best", action="store_true", help="also the larger configuration")
    parser.add_argument("--jobs", type=int, default=1, help="runs at a time")
    parser.add_argument("--out", type=Path, default=Path("runs/uiprmd"))
    parser.add_argument("--table", action="store_true", help="only write the tables")
    options = parser.parse_args()
    found = list(runs(options.seeds, options.protocols, options.best))
    if not options.table:
        execute(found, options.out, options.jobs)
        write_rows(HERE / "results.csv", collect(found, options.out))
    write_page(HERE / "RESULTS.md", read_rows(HERE / "results.csv"), HERE / "notes.md")


if __name__ == "__main__":
    main()
