from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from cli_helpers import runner
from inference_helpers import TOLD
from page_helpers import content, view_folder

from pyg_skeletonmae.layouts import COCO17
from pyg_skeletonmae.models import (
    CoordinateTarget,
    GraphEncoder,
    GraphSkeletonMAE,
    MaskedPretrainer,
)
from pyg_skeletonmae.training import save_release

pytest.importorskip("plotly")
pytest.importorskip("matplotlib")


@pytest.fixture
def run(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    view_folder(tmp_path)
    call = runner(capsys)
    return lambda *arguments: call("view", *arguments)


def pretrained(folder: Path, coordinates: bool) -> None:
    torch.manual_seed(0)
    encoder = GraphEncoder(COCO17, 3, hidden_channels=8, depth=1)
    model = GraphSkeletonMAE(COCO17, 3, 8)
    if coordinates:
        model = MaskedPretrainer(encoder, target=CoordinateTarget())
    save_release(model, folder, preprocessing=TOLD)


@pytest.mark.parametrize("coordinates", [True, False])
def test_what_is_hidden_and_what_is_made_of_it(run, tmp_path, coordinates):
    pretrained(tmp_path / "pre", coordinates)
    arguments = ("store", "--clip=1", "--release=pre", "--what=masked", "--out=m.html")
    code, _, err = run(*arguments)
    assert code == 0, err
    (scene,) = content(Path("m.html"))["scenes"]
    assert [panel["title"] for panel in scene["panels"]] == ["masked", "original", "reconstructed"]
    assert [panel["hides"] for panel in scene["panels"]] == [True, False, True]
    assert ("read-out" in scene["caption"]) != coordinates
    first = Path("m.html").read_bytes()
    assert run(*arguments)[0] == 0 and Path("m.html").read_bytes() == first
    assert run(*arguments, "--seed=1")[0] == 0  # the parts of GraphSkeletonMAE are not drawn
    assert (Path("m.html").read_bytes() != first) == coordinates
    code, _, err = run("store", "--release=pre", "--what=gallery", "--out=g.html")
    assert code == 0, err
    assert len(content(Path("g.html"))["scenes"][0]["panels"]) == 6


def test_a_gallery_of_masks_without_a_model(run):
    assert run("store", "--what=gallery", "--out=g.html")[0] == 0
    (scene,) = content(Path("g.html"))["scenes"]
    assert len(scene["panels"]) == 7 and all(panel["hides"] for panel in scene["panels"])
    assert run("store", "--what=gallery", "--out=g.png")[0] == 0


def test_which_joints_decided(run):
    code, out, err = run(
        "store", "--clip=1", "--release=run", "--what=explain", "--epochs=3", "--out=e.html"
    )
    assert (code, err) == (0, "") and json.loads(out)["frames"] == 16
    (scene,) = content(Path("e.html"))["scenes"]
    assert scene["panels"][0]["weight"] is not None and "counts most" in scene["caption"]
