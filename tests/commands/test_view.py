from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from cli_helpers import runner, the_error
from inference_helpers import CLASSES, release
from page_helpers import EVIL, content, view_folder

pytest.importorskip("plotly")
pytest.importorskip("matplotlib")


@pytest.fixture
def run(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    view_folder(tmp_path)
    call = runner(capsys)
    return lambda *arguments: call("view", *arguments)


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
