from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from cli_helpers import runner, the_error
from inference_helpers import poses, release

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
    assert "--out" in run("embed", "run", "in")[2] or "out" in run("embed", "run", "in")[2]
