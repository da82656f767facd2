"""UI-PRMD, 20 classes (movement and correctness), across subjects: odd train, even test.

    SKELETONMAE_DATA=... python benchmarks/uiprmd.py --seeds 0 1 2 --jobs 2

Every method uses the training subjects alone, for pre-training, fine-tuning and every choice: the
last epoch counts, and the settings in ``configs/`` were found on held-out training subjects. In
the label-poor protocol all odd subjects are pre-trained on, and labels of subjects 1 and 3 used;
in the yaw protocol every clip whose features are measured is turned about the vertical by a random
angle, of models pre-trained as for the full protocol.

``--method graph_mae`` measures frozen features and STRL, the other methods frozen features.
Finished runs are skipped, so the command may be stopped and given again. Rows go to
``benchmarks/results.csv``, the tables to ``benchmarks/RESULTS.md`` (``--table`` only writes them).
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

from ensemble import evaluate_together
from results_page import write_page
from runner import Run, collect, execute
from table import read_rows, write_rows

from pyg_skeletonmae.config import DataConfig

HERE = Path(__file__).parent
# The pre-training of each method: a configuration and what differs from it.
METHODS = {
    "graph_mae": ("graph_mae_small",),
    "st_mae_vit": ("st_mae_vit_small",),
    "mamp": (
        "st_mae_vit_small",
        "--model.init_args.target=motion",
        "--model.init_args.target_norm=patch",
        "--model.init_args.mask=MotionMask",
        "--model.init_args.mask.init_args.ratio=0.8",
    ),
    "st_mae_sttformer": ("st_mae_sttformer_small",),
    "skeleton2vec": ("skeleton2vec_small",),
    "skeleton2vec published order": (
        "skeleton2vec_small",
        "--model.init_args.decoder_order=published",
    ),
}
FRAMES = {"st_mae_sttformer": 30}  # tuples of 5; all others 32
FINETUNE = "configs/finetune/strl_small.yaml"
PROTOCOLS = {
    "full": (),
    "label-poor": ("--data.label_subjects=[1,3]",),
    "yaw": ("--data.view=180",),
}
_PROBES = {
    f"{kind}_{joints}": f"{kind}, {joints.replace('_', ' ')}"
    for kind in ("knn", "linear")
    for joints in ("pooled", "per_joint")
}


def runs(methods: list[str], seeds: list[int], protocols: list[str], probes: bool) -> Iterator[Run]:
    """All runs of the tables."""
    for protocol in protocols:
        yield from _coordinates(protocol)
    for seed in seeds:
        for method in methods:
            yield _pretraining(method, seed)
            for protocol in protocols:
                if probes:
                    yield from _probes(method, protocol, seed)
                if method == "graph_mae" and protocol != "yaw":
                    yield _strl(protocol, seed, None)
                    yield _strl(protocol, seed, _folder(method, seed))


def _folder(method: str, seed: int) -> str:
    return f"{method.replace(' ', '-')}-{seed}"


def _pretraining(method: str, seed: int) -> Run:
    config, *settings = METHODS[method]
    command = ["pretrain", f"--config=configs/pretrain/{config}.yaml", f"--seed={seed}", *settings]
    return Run(_folder(method, seed), command)


def _coordinates(protocol: str) -> Iterator[Run]:
    for kind in ("knn", "linear"):
        command = ["evaluate", f"--protocol={kind}", *_clips(32), *PROTOCOLS[protocol]]
        row = _row(protocol, "coordinates", "", 0)
        yield Run(f"{protocol}-coordinates-{kind}", command, row, {"top1": f"{kind}, per joint"})


def _probes(method: str, protocol: str, seed: int) -> Iterator[Run]:
    clips = _clips(FRAMES.get(method, 32))
    for start, random in (("pre-trained", ()), ("random", ("--random_init",))):
        command = [
            "evaluate",
            "--protocol=all",
            *random,
            f"--seed={seed}",
            *clips,
        ]
        command += PROTOCOLS[protocol]
        folder = f"{protocol}-{method.replace(' ', '-')}-{start}-{seed}"
        row = _row(protocol, f"{method} {start}", METHODS[method][0], seed)
        pretrained = _folder(method, seed)
        budget = pretrained if start == "pre-trained" else folder
        yield Run(folder, command, row, _PROBES, pretrained, budget)


def _strl(protocol: str, seed: int, pretrained: str | None) -> Run:
    start = "from scratch" if pretrained is None else "pre-trained"
    command = ["finetune", f"--config={FINETUNE}", f"--seed={seed}", *PROTOCOLS[protocol]]
    row = _row(protocol, f"STRL {start}", Path(FINETUNE).stem, seed)
    return Run(_strl_folder(protocol, start, seed), command, row, {"test/top1": "top1"}, pretrained)


def _strl_folder(protocol: str, start: str, seed: int) -> str:
    return f"{protocol}-strl-{start.split()[-1]}-{seed}"


def together(seeds: list[int], protocol: str, root: Path) -> Run | None:
    """The pre-trained STRL of all seeds as one classifier; None while one of them is missing."""
    folders = [root / _strl_folder(protocol, "pre-trained", seed) for seed in seeds]
    if not all((folder / "results.json").exists() for folder in folders):
        return None
    run = Run(
        f"{protocol}-strl-together",
        [],
        _row(protocol, f"STRL pre-trained, {len(seeds)} runs together, clip and mirror", "", 0),
        {"test/top1": "top1"},
    )
    if not (root / run.folder / "results.json").exists():
        data = DataConfig(frames=32, center="mean", scale="std")
        evaluate_together(folders, data, root / run.folder)
    return run


def _clips(frames: int) -> tuple[str, ...]:
    """Frozen features are measured on whole clips, normalised as the coordinates' baseline is."""
    return f"--data.frames={frames}", "--data.center=mean", "--data.scale=std"


def _row(protocol: str, method: str, config: str, seed: int) -> dict[str, str]:
    split = "1,3/even" if protocol == "label-poor" else "odd/even"
    named = {"protocol": protocol, "method": method, "config": config, "seed": str(seed)}
    return {"data": "UI-PRMD 20 classes", "split": split, **named}


def main() -> None:
    """Runs what is missing and writes the tables."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    add = parser.add_argument
    add("--method", nargs="+", default=["graph_mae"], choices=list(METHODS), metavar="METHOD")
    add("--seeds", type=int, nargs="+", default=[0, 1, 2])
    add("--protocols", nargs="+", default=["full", "label-poor"], choices=list(PROTOCOLS))
    add("--no-probes", action="store_true", help="leave frozen features out")
    add("--together", action="store_true", help="also all seeds of STRL as one classifier")
    add("--jobs", type=int, default=1, help="runs at a time")
    add("--out", type=Path, default=Path("runs/uiprmd"))
    add("--table", action="store_true", help="only write the tables")
    options = parser.parse_args()
    probes = not options.no_probes
    found = list(runs(options.method, options.seeds, options.protocols, probes))
    if not options.table:
        execute(found, options.out, options.jobs, HERE / "results.csv")
        for protocol in options.protocols if options.together else ():
            if run := together(options.seeds, protocol, options.out):
                found.append(run)
        write_rows(HERE / "results.csv", collect(found, options.out))
    write_page(HERE / "RESULTS.md", read_rows(HERE / "results.csv"), HERE / "notes.md")


if __name__ == "__main__":
    main()
