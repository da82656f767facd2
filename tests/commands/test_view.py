from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from cli_helpers import runner, the_error
from inference_helpers import CLASSES, TOLD, poses, release
from page_helpers import content

from pyg_skeletonmae.datasets import SkeletonDataset
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
EVIL = "<script>alert(1)</script>"


@pytest.fixture
def run(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    release(tmp_path / "run/release")
    clips = [poses(1 + i % 2, 20 + i) for i in range(6)]
    SkeletonDataset.from_arrays(
        clips, [0, 1] * 3, "coco17", root="store", names=[EVIL, *"bcdef"], class_names=[EVIL, "y"]
    )
    np.save("one.npy", poses(2, 24))
    call = runner(capsys)
    return lambda *arguments: call("view", *arguments)


def pretrained(folder: Path, coordinates: bool) -> None:
    torch.manual_seed(0)
    encoder = GraphEncoder(COCO17, 3, hidden_channels=8, depth=1)
    model = GraphSkeletonMAE(COCO17, 3, 8)
    if coordinates:
        model = MaskedPretrainer(encoder, target=CoordinateTarget())
    save_release(model, folder, preprocessing=TOLD)


def test_a_clip_of_a_store_and_what_a_classifier_says_of_it(run):
    code, out, err = run(
        "store", "--clip=1", "--release=run", "--windows", "8", "4", "--out=a.html"
    )
    assert (code, err) == (0, "")
    assert json.loads(out) == {"file": "a.html", "clip": "b", "persons": 2, "frames": 21}
    (scene,) = content(Path("a.html"))["scenes"]
    assert scene["title"] == "b: y" and scene["scores"]["classes"] == list(CLASSES)
    assert scene["scores"]["spans"][:2] == [[0, 8], [4, 12]]
    np.testing.assert_allclose(np.sum(scene["scores"]["values"], 1), 1, atol=1e-3)
    code, _, _ = run("store", "--clip=f", "--frames", "4", "10", "--out=a.html")
    (scene,) = content(Path("a.html"))["scenes"]
    assert (scene["start"], scene["frames"], scene["scores"]) == (4, 6, None)


def test_names_of_clips_and_classes_are_texts(run):
    assert run("store", "--out=a.html", "--release=run")[0] == 0
    text = Path("a.html").read_text(encoding="utf-8")
    assert EVIL not in text and content(Path("a.html"))["scenes"][0]["title"] == f"{EVIL}: {EVIL}"


def test_a_file_whose_joints_are_named_or_not(run):
    assert "name them with skeleton= (--skeleton)" in the_error(run("one.npy", "--out=a.html"))
    for more in ("--skeleton=coco17", "--release=run"):
        code, out, _ = run("one.npy", more, "--out=a.gif")
        assert code == 0 and json.loads(out)["persons"] == 2
    assert Path("a.gif").read_bytes()[:3] == b"GIF"


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


def test_the_clips_of_a_run(run, tmp_path):
    (tmp_path / "run/config.yaml").write_text(
        "data: {name: store, path: store, crop: [0.5, 1.0]}\n"
    )
    code, out, err = run("run", "--clip=2", "--out=a.html")
    assert code == 0 and json.loads(out)["clip"] == "c", err
    assert content(Path("a.html"))["scenes"][0]["scores"]["classes"] == list(CLASSES)
    release(tmp_path / "alone")
    assert "a release holds no clips" in the_error(run("alone", "--out=a.html"))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("store", "--out=a.txt"), "a.txt: expected a name that ends in one of .html, .gif, .mp4"),
        (("store", "--out=a.html", "--what=all"), "what 'all': expected one of clip, masked"),
        (("store", "--out=a.html", "--what=explain"), "--what explain: needs a model"),
        (
            ("store", "--out=a.html", "--what=masked", "--release=run"),
            "restores nothing",
        ),
        (("store", "--out=a.html", "--what=gallery", "--release=run"), "Classifier masks nothing"),
        (("store", "--out=a.html", "--clip=6"), "--clip 6: no such clip"),
        (("store", "--out=a.html", "--frames", "5", "5"), "--frames 5 5: expected two numbers"),
        (("nowhere", "--out=a.html"), "nowhere"),
        (("store", "--out=a.html", "--release=store"), "store"),
        (("store", "--out=a.html", "--release=run", "--what=explain", "--epochs=0"), "epochs 0"),
    ],
)
def test_what_cannot_be_viewed_leaves_nothing(run, tmp_path, arguments, message):
    assert message in the_error(run(*arguments))
    assert not list(tmp_path.glob("*a.*"))


def test_a_film_takes_a_program(run, tmp_path, monkeypatch):
    monkeypatch.setattr("matplotlib.animation.FFMpegWriter.isAvailable", lambda: False)
    assert "takes the program ffmpeg" in the_error(run("store", "--out=a.mp4"))
    assert not list(tmp_path.glob("*a.*"))
