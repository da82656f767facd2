"""Everything that the documentation lets a reader do is done, page by page, from top to bottom.

Tests run what they can: Python, commands, settings, and what commands are said to answer. Before a
block that no test can run stands a comment that says why, ``<!-- not run: installs -->``.
"""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import docs_scenes
import pytest
import torch
from docs_helpers import PAGES, ROOT, RUN, SHOWN, Reader, blocks

# How many blocks cannot run, and why. One more needs a better reason than that it fails.
NOT_RUN = {"installs": 6, "hours": 3, "machines": 4}
SCENES: dict[str, docs_scenes.Scene] = {
    "README": docs_scenes.readme,
    "coming_from": docs_scenes.coming_from,
    "command_line": docs_scenes.command_line,
    "concepts": docs_scenes.of_a_batch,
    "data": docs_scenes.data,
    "deeplabcut": docs_scenes.deeplabcut,
    "evaluation": docs_scenes.evaluation,
    "methods/graph_temporal": docs_scenes.of_uiprmd,
    "methods/masked_pretrainer": docs_scenes.of_uiprmd,
    "own_poses": docs_scenes.own_poses,
    "skeletons": docs_scenes.of_ntu,
    "training": docs_scenes.training,
    "transforms": docs_scenes.of_ntu,
    "using": docs_scenes.using,
}
SHORTER = {
    "index": {'"trainer.max_epochs": 5': '"trainer.max_steps": 2'},
    "deeplabcut": {"max_epochs=20": "max_epochs=2"},
    "evaluation": {
        "[0.01, 0.1], draws=5": "[0.5], draws=1",
        "top1_0.1": "top1_0.5",
        "=FINETUNE": "=FINETUNE.within(8)",
    },
    "data": {"[...]  # arrays": "clips  # arrays", "--workers 8": "--workers 0"},
    "command_line": {"--workers 8": "--workers 0"},
    "own_poses": {"max_epochs=20": "max_epochs=2"},
    "using": {'skeleton="coco17")': 'skeleton="coco17", settings={"trainer.max_steps": 2})'},
    "training": {
        "max_epochs=100": "max_epochs=1",
        "warmup_epochs=5": "warmup_epochs=0",
        "...}": "1.0}",
    },
}


SAID = {  # patterns of what is printed
    "README": [r"^[01]\.\d+\n"],
    "deeplabcut": [
        r"(?m)^([012] day\d from frame \d+\n){16}",
        r"\n16 rows, 3 clusters, 0 rows in none\n",
    ],
    "own_poses": [
        r"learnt features: +(0\.[5-9]|1\.0)",
        r"24 of 2 classes \(12 each\), 4 subjects",
        r"torch\.Size\(\[24, ",
    ],
    "pyg": [r"^(\w+ [01]\.\d+\n){5}"],
}
MADE = {  # files, and the least that they hold
    "index": {"features.csv": 3000, "clip.html": 100_000},
    "deeplabcut": {"cluster_0.png": 3000, "cluster_2.png": 3000, "c.csv": 300},
    "evaluation": {"runs/curve/curve.png": 3000},
    "own_poses": {"clip.png": 5000, "map.png": 5000, "map_of_files.png": 5000, "features.csv": 300},
    "using": {"features.csv": 300, "z.csv": 300, "runs/pickle/model.onnx": 3000},
}


def name(page: Path) -> str:
    return str(page.relative_to(ROOT).with_suffix("")).removeprefix("docs/")


READ = [page for page in PAGES if any(not b.reason and b.language in RUN for b in blocks(page))]


@pytest.mark.parametrize("page", READ, ids=name)
def test_a_page_does_what_it_says(
    page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("matplotlib").use("agg")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("SKELETONMAE_DATA", str(tmp_path / "data"))
    torch.manual_seed(0)
    scene = SCENES.get(name(page))
    names = {} if scene is None else scene(tmp_path)
    said = Reader(names, SHORTER.get(name(page), {})).follow(page)
    assert [part for part in SAID.get(name(page), ()) if not re.search(part, said)] == [], said
    for file, least in MADE.get(name(page), {}).items():
        assert (tmp_path / file).stat().st_size > least


def test_every_block_is_run_or_says_why_not() -> None:
    languages = {block.language for page in PAGES for block in blocks(page)}
    assert languages == {*RUN, *SHOWN}
    reasons = Counter(block.reason for page in PAGES for block in blocks(page) if block.reason)
    assert reasons == NOT_RUN
