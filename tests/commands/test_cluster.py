from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from cli_helpers import runner, the_error
from inference_helpers import poses, release
from page_helpers import content


@pytest.fixture
def run(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    release(tmp_path / "run/release")
    (tmp_path / "in").mkdir()
    for number in range(8):
        np.save(f"in/{number}.npy", poses(1, 20 + number))
    return runner(capsys)


def test_counts_and_the_clips_nearest_to_each_centre(run):
    code, out, err = run("cluster", "run", "in", "--k=2", "--nearest=1", "--out=c.csv")
    assert (code, err) == (0, "")
    lines = out.splitlines()
    assert lines[0] == "8 rows, 2 clusters, 0 rows in none" and len(lines) == 3
    code, out, _ = run("cluster", "run", "in", "--k=2", "--nearest=1", "--json")
    told = json.loads(out)
    assert sum(one["size"] for one in told["clusters"]) == told["rows"] == 8
    name = told["clusters"][0]["nearest"][0]["name"]
    assert lines[1].startswith(f"cluster 0: {told['clusters'][0]['size']} rows; nearest: {name} 0-")
    rows = list(csv.DictReader(Path("c.csv").read_text().splitlines()))
    assert [row["name"] for row in rows] == [f"{number}.npy" for number in range(8)]
    assert {row["cluster"] for row in rows} == {"0", "1"}


def test_hdbscan_and_what_cannot_be(run, tmp_path):
    code, out, _ = run("cluster", "run", "in", "--method=hdbscan", "--min_size=2")
    assert code == 0 and out.startswith("8 rows, ")
    assert the_error(run("cluster", "run", "in", "--k=9")).startswith("8 rows, k is 9: give more")
    assert "expected one of kmeans, hdbscan" in the_error(run("cluster", "run", "in", "--method=x"))
    assert "ends in .csv" in the_error(run("cluster", "run", "in", "--out=c.npz"))
    assert not list(tmp_path.glob("c.*"))


def test_films_of_the_clips_nearest_to_each_centre(run, tmp_path):
    pytest.importorskip("plotly")
    image = pytest.importorskip("PIL.Image")
    code, out, err = run("cluster", "run", "in", "--k=2", "--nearest=2", "--films=f.html")
    assert (code, err) == (0, "")
    scenes = content(Path("f.html"))["scenes"]
    assert [scene["title"].split(":")[0] for scene in scenes] == ["cluster 0", "cluster 1"]
    for scene, line in zip(scenes, out.splitlines()[1:], strict=True):
        for panel in scene["panels"]:
            assert panel["title"].split(": ", 1)[1] in line
    assert run("cluster", "run", "in", "--k=2", "--nearest=2", "--films=f.gif")[0] == 0
    with image.open("f.gif") as gif:
        assert gif.n_frames > 15
    error = the_error(run("cluster", "run", "in", "--k=2", "--films=f.txt"))
    assert "f.txt: expected a name that" in error
    assert sorted(path.name for path in tmp_path.glob("*f.*")) == ["f.gif", "f.html"]
