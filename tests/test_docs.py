"""The tables of the documentation are what the code says."""

from __future__ import annotations

import inspect
import re
from pathlib import Path
from typing import Any

import pytest
import torch
from model_helpers import assert_gradients, make_batch

import pyg_skeletonmae
from pyg_skeletonmae import nn
from pyg_skeletonmae.commands import in_python
from pyg_skeletonmae.layouts import LAYOUTS, UIPRMD22
from pyg_skeletonmae.models import (
    STRL,
    GraphSkeletonMAE,
    Skeleton2Vec,
    STSkeletonMAE,
    STTFormerBackbone,
    ViTBackbone,
)
from pyg_skeletonmae.training import load_release, save_release

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
METHODS = {
    GraphSkeletonMAE: "graph_skeletonmae",
    STRL: "graph_skeletonmae",
    STSkeletonMAE: "st_skeletonmae",
    ViTBackbone: "st_skeletonmae",
    STTFormerBackbone: "st_skeletonmae",
    Skeleton2Vec: "skeleton2vec",
}
FROM_DATA = {"skeleton", "in_channels", "num_classes"}


def rows(text: str) -> list[list[str]]:
    """The cells of all rows of the tables in a text whose first cell is a name in code."""
    lines = re.findall(r"^\| (`\w+` \|.*)\|$", text, re.MULTILINE)
    return [[cell.strip() for cell in line.split(" | ")] for line in lines]


def test_the_table_of_layouts_lists_them_all() -> None:
    found = {row[0].strip("`"): row[1:6] for row in rows((DOCS / "skeletons.md").read_text())}
    assert found == {
        name: [
            str(skeleton.num_joints),
            skeleton.root,
            skeleton.center_joint,
            str(len(skeleton.left_right)),
            str(len(skeleton.parts)),
        ]
        for name, skeleton in LAYOUTS.items()
    }


@pytest.mark.parametrize("model", METHODS)
def test_the_table_of_arguments_is_complete(model: type) -> None:
    page = (DOCS / "methods" / f"{METHODS[model]}.md").read_text(encoding="utf-8")
    (section,) = re.findall(rf"^## [^\n]*: `{model.__name__}`\n(.*?)\n## ", page, re.M | re.S)
    found = {row[0].strip("`"): row[1] for row in rows(section)}
    parameters = inspect.signature(model).parameters
    assert set(found) - FROM_DATA == set(parameters) - FROM_DATA
    for name, default in found.items():
        value = parameters[name].default
        nested = isinstance(value, tuple) and isinstance(value[0], tuple)  # told in words
        if value is not None and not nested:
            assert default.strip("`").replace('"', "'") == repr(value), name


def test_an_encoder_and_a_target_of_ones_own(tmp_path: Path) -> None:
    """The blocks of the page run; what they define trains and comes back from a release."""
    text = (DOCS / "methods" / "masked_pretrainer.md").read_text(encoding="utf-8")
    names: dict[str, Any] = {"__name__": "page"}
    batch = make_batch(UIPRMD22, frames=8)
    for block in re.findall(r"```python\n(.*?)```", text, re.DOTALL):
        exec(compile(block, "masked_pretrainer.md", "exec"), names)
        names["model"](batch)["loss"].backward()
        assert_gradients(names["model"])
    model, own = names["model"].eval(), (names["Mixer"], names["SpeedTarget"])
    again = load_release(save_release(model, tmp_path / "release"), own).eval()
    assert torch.equal(again(batch)["loss"], model(batch)["loss"])
    assert model.encoder(batch).shape == (7, 22, 8, 32)


def test_the_tree_in_the_docs_is_there() -> None:
    (tree,) = re.findall(r"```text\n(pyg.*?)```", (DOCS / "architecture.md").read_text(), re.DOTALL)
    inside = re.findall(r"^  ([\w.]+/?)", tree, re.MULTILINE)
    outside = re.findall(r"^(\w+/)", tree, re.MULTILINE)
    missing = [name for name in inside if not (ROOT / "pyg_skeletonmae" / name).exists()]
    missing += [name for name in outside if not (ROOT / name).is_dir()]
    assert not missing
    packages = {path.parent.name for path in (ROOT / "pyg_skeletonmae").glob("*/__init__.py")}
    packages.add("configs")  # which are no modules
    assert packages == {name[:-1] for name in inside if name.endswith("/")}


def test_every_notebook_is_in_the_gallery_with_a_picture() -> None:
    page, images = (DOCS / "gallery.md").read_text(encoding="utf-8"), DOCS / "images"
    names = [path.name for path in sorted((ROOT / "notebooks").glob("*.ipynb"))]
    assert re.findall(r"/notebooks/(\w+\.ipynb)\)", page) == names
    pictures = [images / "notebooks" / f"{name[:2]}.png" for name in names]
    assert all(0 < picture.stat().st_size < 60_000 for picture in pictures)
    assert 0 < (images / "landing.gif").stat().st_size < 600_000


def test_every_page_is_in_the_table_of_contents() -> None:
    pages = {str(p.relative_to(DOCS).with_suffix("")) for p in DOCS.rglob("*.md")} - {"index"}
    text = "".join((DOCS / name).read_text() for name in ("index.md", "api.md"))
    listed = "\n".join(re.findall(r"```\{toctree\}\n(.*?)```", text, re.DOTALL)).splitlines()
    assert pages <= set(listed)


def test_every_room_with_public_names_has_a_page_of_the_api() -> None:
    pages = "".join(path.read_text() for path in (DOCS / "api").glob("*.md"))
    shown = set(re.findall(r"automodule:: pyg_skeletonmae\.([\w.]+)", pages))
    inner = {
        "configurable",
        "files",
        "skeleton",
        "commands",
    }  # bases; names of the package; options
    packages = (ROOT / "pyg_skeletonmae").glob("*/__init__.py")
    assert {path.parent.name for path in packages} - inner <= shown
    assert {"batch", "draws", "errors", "layouts", "datasets.prepare"} <= shown
    shown = set(re.findall(r"autofunction:: (\w+)$", pages, re.MULTILINE))
    functions = {name for name, x in vars(in_python).items() if inspect.isfunction(x)}
    assert functions & set(pyg_skeletonmae.__all__) == shown
    index = (DOCS / "api.md").read_text()
    assert all(f"](api/{path.name})" in index for path in (DOCS / "api").glob("*.md"))


def test_figures_of_the_results_page_stand_in_the_tables() -> None:
    figures = set(re.findall(r"[+-]?\d+\.\d ± \d+\.\d", (DOCS / "results.md").read_text()))
    tables = (ROOT / "benchmarks/RESULTS.md").read_text()
    assert len(figures) > 10 and [figure for figure in figures if figure not in tables] == []


def test_the_cheat_sheet_of_layers_says_what_they_take() -> None:
    """Every layer stands there; what a convolution takes is what its signature says."""
    found = {name.strip("`"): cells for name, *cells in rows((DOCS / "pyg.md").read_text())}
    layers = {name: getattr(nn, name) for name in nn.__all__}
    modules = {name for name, x in layers.items() if isinstance(x, type)}
    assert found.keys() == {name for name in modules if issubclass(layers[name], torch.nn.Module)}
    convs = {name: cells for name, cells in found.items() if name.startswith("Skeleton")}
    for name, (_, _, _, weight, attribute, lazy) in convs.items():
        taken = inspect.signature(layers[name].forward).parameters
        assert (weight != "no") == ("edge_weight" in taken), name
        assert (attribute != "no") == ("edge_attr" in taken), name
        assert (lazy == "yes") == ("in_channels" in inspect.signature(layers[name]).parameters)
    clips = torch.randn(6, 4, 3)  # [N, T, C]
    edges = torch.tensor([[0, 1, 2], [1, 2, 0]])
    for conv in (nn.SkeletonGCNConv(-1, 5), nn.SkeletonGATConv(-1, 5)):
        assert conv(clips, edges).shape == (6, 4, 5)
