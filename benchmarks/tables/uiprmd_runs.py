"""The runs of UI-PRMD, and its grid."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from pyg_skeletonmae.commands.data_section import DataConfig
from tables.ensemble import evaluate_together
from tables.open_sets import OpenSet, Protocol, plain, trained_folder
from tables.protocols import Settings
from tables.rows import Row
from tables.runner import Run, finished

GRID = Path(__file__).parents[1] / "grid.yaml"
# With few clips fewer steps, for about as many minutes; all others as their preset says.
_FEW = {
    "joints_mlp_small": 7500,
    "strl_small": 10000,
    "st_gcn_small": 10000,
    "graph_temporal_mlp_small": 10000,
}
_SOME = {"joints_mlp_small": 10000}


def _share(share: float) -> Protocol:
    def settings(seed: int) -> Settings:
        draw = (f"--data.label_fraction={share}", f"--data.label_draw={seed}")
        return (*draw, "--data.balanced=true")

    return Protocol("odd/even", settings, draws=True, clips=_FEW)


UIPRMD = OpenSet(
    "UI-PRMD 20 classes",
    ("--data.name=uiprmd",),
    {
        "full": Protocol("odd/even"),
        "label-poor": Protocol("1,3/even", lambda _: ("--data.label_subjects=[1,3]",), clips=_SOME),
        "yaw": Protocol("odd/even", lambda _: ("--data.view=180",)),
        "semi 5 %": _share(0.05),
        "semi 10 %": _share(0.1),
    },
)
# Where choices are made: people of the training half alone.
SELECTION = OpenSet(
    "UI-PRMD 20 classes",
    ("--data.name=uiprmd", "--data.train_subjects=[1,3,7]", "--data.test_subjects=[5,9]"),
    {"held-out": Protocol("1,3,7/5,9")},
    ("--trainer.max_clips=24000",),
)


def grid(seeds: list[int], gpu: bool) -> Iterator[tuple[Run, str]]:
    """The runs of ``grid.yaml`` in their order, and why one of them may not have been made."""
    groups: list[dict[str, Any]] = yaml.safe_load(GRID.read_text())["groups"]
    for group in groups:
        if group.get("gpu", False) == gpu:
            listed = UIPRMD.runs(group["measure"], group["methods"], group["protocols"], seeds)
            yield from ((run, group["why"]) for run in listed)


def planned(seeds: list[int]) -> list[Row]:
    """The rows that the grid will yield, without their values."""
    return [
        run.row | {"metric": metric, "why": why}
        for gpu in (False, True)
        for run, why in grid(seeds, gpu)
        for metric in run.metrics.values()
    ]


def together(seeds: list[int], protocol: str, root: Path) -> Run | None:
    """The pre-trained STRL of all seeds as one classifier; None while one of them is missing."""
    folders = [root / trained_folder(protocol, "strl", "pre-trained", seed) for seed in seeds]
    if not all(finished(folder) for folder in folders):
        return None
    name = f"STRL pre-trained, {len(seeds)} runs together, clip and mirror"
    folder = f"{plain(protocol)}-strl-together-{'-'.join(map(str, seeds))}"
    run = Run(folder, [], UIPRMD.row(protocol, name, "", 0), {"test/top1": "top1"})
    if not finished(root / run.folder):
        view = 180.0 if protocol == "yaw" else 0.0
        data = DataConfig(frames=32, center="mean", scale="std", view=view)
        evaluate_together(folders, data, root / run.folder)
    return run
