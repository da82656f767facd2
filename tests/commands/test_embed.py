from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from cli_helpers import runner, the_error
from inference_helpers import poses, release
from page_helpers import content

from pyg_skeletonmae.inference import Embedder


@pytest.fixture
def run(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    release(tmp_path / "run/release")
    (tmp_path / "in").mkdir()
    for number in range(3):
        np.save(f"in/{number}.npy", poses(1, 20 + number))
    return runner(capsys)


def test_rows_with_names_in_a_file(run):
    rows = Embedder.from_pretrained("run").embed("in", joints="concat", segments=2)
    code, out, err = run("embed", "run", "in", "--out=z.npz", "--joints=concat", "--segments=2")
    assert (code, err) == (0, "") and json.loads(out) == {"rows": 3, "dim": 272, "file": "z.npz"}
    with np.load("z.npz") as file:
        assert file["names"].tolist() == ["0.npy", "1.npy", "2.npy"]
        assert np.array_equal(file["x"], rows.x)
    assert run("embed", "run", "in/0.npy", "--windows", "8", "4", "--out=deep/z.csv")[0] == 0
    lines = list(csv.DictReader(Path("deep/z.csv").read_text().splitlines()))
    assert [(line["start"], line["stop"]) for line in lines] == [
        ("0", "8"), ("4", "12"), ("8", "16"), ("12", "20"),
    ]  # fmt: skip


def test_nothing_is_written_where_something_is_wrong(run, tmp_path):
    (tmp_path / "bad.npy").write_bytes(b"x")
    for arguments, message in (
        (("in", "--out=z.txt"), "expected a name that ends in .npz or .csv"),
        (("in", "bad.npy", "--out=z.csv"), "bad.npy"),
        (("--out=z.csv",), "files: expected a file or a folder"),
        (("in", "--out=z.csv", "--joints=all"), "'all'"),
    ):
        assert message in the_error(run("embed", "run", *arguments))
    assert not list(tmp_path.glob("z.*"))
    assert "--out, --map: name a file" in the_error(run("embed", "run", "in"))


def test_a_map_of_clips_that_play(run, tmp_path, monkeypatch):
    pytest.importorskip("plotly")
    Path("in/labels.csv").write_text("file,label\n0.npy,<script>alert(1)</script>\n")
    opened: list[object] = []
    load = Embedder.from_pretrained.__func__
    monkeypatch.setattr(
        Embedder,
        "from_pretrained",
        classmethod(lambda cls, *args, **how: opened.append(cls) or load(cls, *args, **how)),
    )
    code, out, err = run("embed", "run", "in", "--map=m.html")
    assert (code, err) == (0, "") and json.loads(out) == {"rows": 3, "dim": 8, "map": "m.html"}
    assert opened == [Embedder]  # once for the features and the clips
    told = content(Path("m.html"))
    assert told["map"]["names"] == ["0.npy 0-20", "1.npy 0-21", "2.npy 0-22"]
    assert told["map"]["label"] == [0, 1, 1] and told["map"]["plays"] == [0, 1, 2]
    assert told["scenes"][0]["frames"] == 20
    assert "<script>alert" not in Path("m.html").read_text()
    assert run("embed", "run", "in", "--map=n.html", "--out=z.csv")[0] == 0
    assert Path("z.csv").is_file()
    error = the_error(run("embed", "run", "in", "--map=m.png"))
    assert "m.png: expected a name that ends in .html" in error
    assert "3 rows of 2" in the_error(run("embed", "run", "in/0.npy", "--map=o.html"))
    assert not list(tmp_path.glob("*o.html*"))


def test_a_map_of_more_clips_than_there_is_room_for(run, monkeypatch):
    pytest.importorskip("plotly")
    monkeypatch.setattr("pyg_skeletonmae.commands.embed._ROOM", 17 * 10 * 14)
    code, _, err = run("embed", "run", "in", "--map=m.html")
    assert code == 0 and "one clip in 3 plays" in err
    told = content(Path("m.html"))
    assert told["map"]["plays"] == [0, -1, -1] and told["scenes"][0]["frames"] == 14
