"""What README promises: its links lead somewhere, its lists are complete."""

from __future__ import annotations

import configparser
import re
import shlex
from pathlib import Path

import pytest
import torch

from pyg_skeletonmae import nn
from pyg_skeletonmae.datasets.catalog import CATALOG
from pyg_skeletonmae.models.from_config import CLASSIFIERS, ENCODERS, MASKS, PRETRAINING

ROOT = Path(__file__).parents[1]
SETUP = configparser.ConfigParser()
SETUP.read(ROOT / "setup.cfg", encoding="utf-8")
HOME = f"{SETUP['metadata']['url']}/blob/main/"  # where links from README lead, also on an index
README = (ROOT / "README.md").read_text(encoding="utf-8").replace(HOME, "")
LAYERS = [
    layer
    for layer in (getattr(nn, name) for name in nn.__all__)
    if isinstance(layer, type) and issubclass(layer, torch.nn.Module)
]
DOCS = sorted((ROOT / "docs").rglob("*.md"))
LINK = re.compile(r"\]\((?!https?:)([^)#\s]*)(#[^)\s]*)?\)")


def blocks(language: str, text: str = README) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


def commands(text: str = README) -> list[list[str]]:
    lines = "\n".join(blocks("bash", text)).replace("\\\n", " ").splitlines()
    return [
        shlex.split(line, comments=True)[1:] for line in lines if line.startswith("skeletonmae ")
    ]


def anchor(title: str) -> str:
    return re.sub(r"[^\w\- ]", "", title.strip().lower()).replace(" ", "-")


def test_it_has_a_short_quick_start() -> None:
    statements = [line for line in blocks("python")[0].splitlines() if line]
    assert len(statements) <= 18


def test_its_commands_train_a_model_and_put_it_to_use() -> None:
    names = [command[0] for command in commands()]
    assert names == ["pretrain", "evaluate", "finetune", "predict", "embed", "cluster"]


def test_it_names_both_setup_commands_and_where_results_are() -> None:
    setup = blocks("bash")[0]
    assert "make demo" in setup and "make test" in setup
    assert "](benchmarks/RESULTS.md)" in README.split("## Results")[1].split("\n## ")[0]


@pytest.mark.parametrize("page", [ROOT / "README.md", *DOCS], ids=lambda path: path.name)
def test_links_lead_somewhere(page: Path) -> None:
    text = page.read_text(encoding="utf-8").replace(HOME, f"{ROOT}/")
    for target, fragment in LINK.findall(text):
        path = (page.parent / target).resolve() if target else page
        assert path.exists(), f"{page.name}: {target}"
        if fragment and path.suffix == ".md":
            titles = re.findall(r"^#+ (.*)$", path.read_text(encoding="utf-8"), re.MULTILINE)
            assert fragment[1:] in {anchor(title) for title in titles}, f"{page.name}: {fragment}"


def test_its_links_are_absolute_for_those_who_read_it_elsewhere() -> None:
    targets = LINK.findall((ROOT / "README.md").read_text(encoding="utf-8"))
    assert [path for path, _ in targets if path] == []


LISTS = {
    "pre-training": (PRETRAINING, ["MaskedPretrainer"]),
    "classifier or encoder": ((*CLASSIFIERS, *ENCODERS), ["Classifier", "GraphEncoder"]),
    "mask": (MASKS, []),
    "layer": (LAYERS, []),
    "data set": (tuple(CATALOG), ["poses", "npz", "store", "synthetic"]),
}


@pytest.mark.parametrize("head", LISTS)
def test_its_lists_of_methods_layers_and_data_sets_are_complete(head: str) -> None:
    """Each of our classes and data sets stands in its list once; all but a few have a paper."""
    table = README.split(f"| {head} | from |\n|---|---|\n")[1].split("\n\n")[0]
    names, papers = LISTS[head]
    listed, without = [], []
    for row in table.splitlines():
        cell, source = row.strip("| ").split(" | ", 1)
        listed += (found := re.findall(r"`(\w+)`", cell))
        without += [] if "](https://" in source else found
    assert sorted(listed) == sorted(getattr(name, "__name__", name) for name in names)
    assert sorted(without) == sorted(papers)
