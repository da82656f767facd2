"""The runs of UI-PRMD: every method, by its frozen features or trained as a whole."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import yaml

from pyg_skeletonmae.commands.data_section import DataConfig
from tables.ensemble import evaluate_together
from tables.protocols import CONFIGS
from tables.rows import Row
from tables.runner import Run, finished
from tables.variants import FRAMES, NORMALISED, PRETRAINED, shares_network, starts, tuned_name

GRID = Path(__file__).parents[1] / "grid.yaml"
SHARES = {"semi 5 %": 0.05, "semi 10 %": 0.1}
# With fewer clips more epochs, for about as many steps; all others as their preset says.
EPOCHS = {
    "joints_mlp_small": {"label-poor": 25, "semi 5 %": 150, "semi 10 %": 75},
    "strl_small": {"semi 5 %": 150, "semi 10 %": 100},
    "st_gcn_small": {"semi 5 %": 150, "semi 10 %": 100},
}
PROTOCOLS = {
    "full": (),
    "label-poor": ("--data.label_subjects=[1,3]",),
    "yaw": ("--data.view=180",),
    **{name: (f"--data.label_fraction={s}", "--data.balanced=true") for name, s in SHARES.items()},
}
_PROBES = {
    f"{kind}_{joints}": f"{kind}, {joints.replace('_', ' ')}"
    for kind in ("knn", "linear")
    for joints in ("pooled", "per_joint")
}


def grid(seeds: list[int], gpu: bool) -> Iterator[tuple[Run, str]]:
    """The runs of ``grid.yaml`` in their order, and why one of them may not have been made."""
    groups: list[dict[str, Any]] = yaml.safe_load(GRID.read_text())["groups"]
    for group in groups:
        if group.get("gpu", False) == gpu:
            listed = runs(group["measure"], group["methods"], group["protocols"], seeds)
            yield from ((run, group["why"]) for run in listed)


def runs(
    measure: str, methods: Iterable[str], protocols: Iterable[str], seeds: list[int]
) -> Iterator[Run]:
    """Methods by their frozen features, or trained as a whole, each after its pre-training."""
    for protocol in protocols:
        for method in methods:
            yield from _measured(measure, method, protocol, seeds)


def planned(seeds: list[int]) -> list[Row]:
    """The rows that the grid will yield, without their values."""
    return [
        run.row | {"metric": metric, "why": why}
        for gpu in (False, True)
        for run, why in grid(seeds, gpu)
        for metric in run.metrics.values()
    ]


def _measured(measure: str, method: str, protocol: str, seeds: list[int]) -> Iterator[Run]:
    if method == "coordinates":
        yield from _coordinates(protocol, seeds) if measure == "frozen" else ()
        return
    for seed in seeds:
        if method == "ST-GCN":
            yield from [_stgcn(protocol, seed)] if measure == "trained" else ()
            continue
        yield _pretraining(method, seed)
        if measure == "trained":
            yield from _trained(method, protocol, seed)
        else:
            yield from _probes(method, protocol, seed, 4 if measure == "quarters" else 1)


def _folder(method: str, seed: int) -> str:
    return f"{method.replace(' ', '-')}-{seed}"


def _settings(protocol: str, seed: int) -> list[str]:
    draw = [f"--data.label_draw={seed}"] if protocol in SHARES else []
    return [*PROTOCOLS[protocol], *draw]


def _pretraining(method: str, seed: int) -> Run:
    own = PRETRAINED[method]
    command = ["pretrain", f"--config={CONFIGS}/pretrain/{own.config}.yaml", f"--seed={seed}"]
    data = ["--data.name=uiprmd"]
    return Run(_folder(method, seed), [*command, *data, *own.settings])


def _coordinates(protocol: str, seeds: Iterable[int]) -> Iterator[Run]:
    """Nothing is drawn where all labels are used: one seed."""
    for seed in seeds if protocol in SHARES else [0]:
        for kind in ("knn", "linear", "ridge"):
            command = ["evaluate", f"--protocol={kind}", *_clips(32), *_settings(protocol, seed)]
            row = _row(protocol, "coordinates", "", seed)
            folder = f"{_plain(protocol)}-coordinates-{kind}"
            folder += f"-{seed}" if protocol in SHARES else ""
            yield Run(folder, command, row, {"top1": f"{kind}, per joint"})


def _probes(method: str, protocol: str, seed: int, segments: int = 1) -> Iterator[Run]:
    """Features averaged over the clip, or kept apart for each of its quarters."""
    more, of = ([], "") if segments == 1 else ([f"--segments={segments}"], ", quarters")
    metrics = {key: f"{metric}{of}" for key, metric in _PROBES.items()}
    clips = _clips(FRAMES.get(method, 32), *NORMALISED.get(method, ("mean", "std")))
    for start in ("pre-trained",) if shares_network(method) else ("pre-trained", "random"):
        random = ["--random_init"] if start == "random" else []
        command = ["evaluate", "--protocol=all", *random, f"--seed={seed}", *clips]
        command += [*_settings(protocol, seed), *more]
        folder = f"{_plain(protocol + of[1:])}-{method.replace(' ', '-')}-{start}-{seed}"
        row = _row(protocol, f"{method} {start}", PRETRAINED[method].config, seed)
        pretrained = _folder(method, seed)
        budget = pretrained if start == "pre-trained" else folder
        yield Run(folder, command, row, metrics, pretrained, budget)


def _trained(method: str, protocol: str, seed: int) -> Iterator[Run]:
    """A classifier on the architecture alone, and one that starts from the pre-training."""
    own, pretrained = PRETRAINED[method], _folder(method, seed)
    command = _tuning(own.finetune, protocol, seed, own.finetune_settings)
    for start in starts(method):
        kind = "strl" if method == "graph_mae" else f"tuned-{method.replace(' ', '-')}"
        folder = _trained_folder(protocol, kind, start, seed)
        row = _row(protocol, tuned_name(method, start), own.finetune, seed)
        more = ["--random_init"] if start == "random" else []
        needed = None if start == "from scratch" else pretrained
        yield Run(folder, [*command, *more], row, {"test/top1": "top1"}, needed)


def _stgcn(protocol: str, seed: int) -> Run:
    command = _tuning("st_gcn_small", protocol, seed)
    row = _row(protocol, "ST-GCN from scratch", "st_gcn_small", seed)
    return Run(f"{_plain(protocol)}-st_gcn-{seed}", command, row, {"test/top1": "top1"})


def _tuning(config: str, protocol: str, seed: int, settings: Iterable[str] = ()) -> list[str]:
    command = ["finetune", f"--config={CONFIGS}/finetune/{config}.yaml", f"--seed={seed}"]
    more = EPOCHS.get(config, {}).get(protocol)
    epochs = [] if more is None else [f"--trainer.max_epochs={more}"]
    return [*command, *settings, *_settings(protocol, seed), *epochs]


def _trained_folder(protocol: str, kind: str, start: str, seed: int) -> str:
    return f"{_plain(protocol)}-{kind}-{start.split()[-1]}-{seed}"


def together(seeds: list[int], protocol: str, root: Path) -> Run | None:
    """The pre-trained STRL of all seeds as one classifier; None while one of them is missing."""
    folders = [root / _trained_folder(protocol, "strl", "pre-trained", seed) for seed in seeds]
    if not all(finished(folder) for folder in folders):
        return None
    name = f"STRL pre-trained, {len(seeds)} runs together, clip and mirror"
    folder = f"{_plain(protocol)}-strl-together-{'-'.join(map(str, seeds))}"
    run = Run(folder, [], _row(protocol, name, "", 0), {"test/top1": "top1"})
    if not finished(root / run.folder):
        view = 180.0 if protocol == "yaw" else 0.0
        data = DataConfig(frames=32, center="mean", scale="std", view=view)
        evaluate_together(folders, data, root / run.folder)
    return run


def _clips(frames: int, center: str = "mean", scale: str = "std") -> tuple[str, ...]:
    """Frozen features are measured on whole clips, normalised as in pre-training."""
    return f"--data.frames={frames}", f"--data.center={center}", f"--data.scale={scale}"


def _row(protocol: str, method: str, config: str, seed: int) -> dict[str, str]:
    split = "1,3/even" if protocol == "label-poor" else "odd/even"
    named = {"protocol": protocol, "method": method, "config": config, "seed": str(seed)}
    return {"data": "UI-PRMD 20 classes", "split": split, **named}


def _plain(protocol: str) -> str:
    """A protocol as a part of a folder's name."""
    return protocol.replace(" %", "").replace(" ", "-")
