"""Commands that read a store in object storage: what they do with one on disk."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from bucket_helpers import bucket, s3_server, upload
from cli_helpers import runner, the_error

from pyg_skeletonmae.commands import in_python
from pyg_skeletonmae.datasets import SyntheticActions
from pyg_skeletonmae.datasets.store.cached import FOLDER_VARIABLE
from pyg_skeletonmae.training import load_release

FAST = ("--data.frames=8", "--data.batch_size=4", "--keep_memory=false", "--trainer.max_steps=6")
run = pytest.fixture(runner)
TIMES = ("seconds", "clips_per_second", "time", "peak_mib")


@pytest.fixture(scope="module")
def service():
    with s3_server() as settings:
        yield settings


@pytest.fixture
def store(tmp_path, monkeypatch, service):
    monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path / "cache"))
    return SyntheticActions(24, num_classes=3, num_subjects=4, root=tmp_path / "store").store


def metrics(folder) -> list[dict[str, object]]:
    lines = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    return [{k: v for k, v in line.items() if not k.endswith(TIMES)} for line in lines]


def test_a_run_from_a_bucket_is_the_run_from_disk(tmp_path, store, run):
    url = upload(store.root, "run")
    places = {"disk": str(store.root), "bucket": url}
    for name, path in places.items():
        result = run(
            "pretrain", *FAST, "--data.name", "store", "--data.path", path, "--out",
            str(tmp_path / name),
        )  # fmt: skip
        assert result[0] == 0, result
    disk, remote = (load_release(tmp_path / n / "release").state_dict() for n in places)
    assert disk.keys() == remote.keys()
    assert all(torch.equal(value, remote[name]) for name, value in disk.items())
    assert metrics(tmp_path / "disk") == metrics(tmp_path / "bucket") != []
    results = [json.loads((tmp_path / n / "results.json").read_text()) for n in places]
    same = [{k: v for k, v in r.items() if not k.endswith(TIMES)} for r in results]
    assert same[0] == same[1]
    told = json.loads((tmp_path / "bucket" / "run.json").read_text())
    assert told["data_store"] == url and told["data_hash"] == store.content_hash

    code, out, _ = run("verify", str(tmp_path / "bucket"), url)
    assert code == 0 and f"its clips: {url}; verify that address" in out
    assert f"whole    {url}  a store of 24 clips, content sha256 {store.content_hash}" in out

    rows = []
    for path in places.values():
        out = str(tmp_path / "features.npz")
        assert run("embed", str(tmp_path / "disk"), path, "--out", out)[0] == 0
        with np.load(out) as file:
            rows.append({name: file[name].tolist() for name in file.files})
        result = run(
            "evaluate", "--pretrained", str(tmp_path / "disk"), "--data.name", "store",
            "--data.path", path, "--data.frames", "8",
        )  # fmt: skip
        assert result[0] == 0
        rows[-1]["said"] = [line for line in result[1].splitlines() if "knn" in line]
    assert rows[0] == rows[1] and rows[0]["said"]


def test_a_clip_of_a_bucket_is_looked_at(tmp_path, store, run):
    url = upload(store.root, "view")
    pages = []
    for place in (str(store.root), url):
        out = tmp_path / "clip.html"
        code, _, err = run("view", place, "--clip", "3", "--out", str(out))
        assert code == 0, err
        pages.append(out.read_text())
    assert pages[0] == pages[1]


def test_training_in_python_takes_an_address(tmp_path, monkeypatch):
    words = []
    monkeypatch.setattr(in_python, "run_settings", words.extend)
    for place in ("s3://clips/x", Path("s3://clips/x")):
        in_python.pretrain(place, out=tmp_path / "run", method="graph_mae_small")
    assert words.count("--data.name=store") == words.count("--data.path=s3://clips/x") == 2


def test_what_is_wrong_is_one_line(tmp_path, store, run):
    words = ("pretrain", *FAST, "--out", str(tmp_path / "run"))
    missing = run(*words, "--data.name", "store", "--data.path", "s3://clips/nothing")
    assert "s3://clips/nothing: no store is there: it has no card.json" in the_error(missing)
    other = run(*words, "--data.name", "uiprmd", "--data.path", "s3://clips/nothing")
    assert "stores alone are read from an address" in the_error(other)
    code, out, _ = run("verify", "s3://clips/nothing")
    assert code == 2 and out.startswith("DAMAGED  s3://clips/nothing  no store is there")
    url = upload(store.root, "small")
    small = run(*words, "--data.name", "store", "--data.path", url, "--data.store_cache_gb", "1e-6")
    assert "raise SKELETONMAE_STORE_CACHE_GB" in the_error(small)
    assert not (tmp_path / "run").exists()
    bucket().rm("clips/small/skeleton.yaml")
    assert "has no skeleton.yaml" in run("verify", url)[1], "what the cache holds is not asked"
    words = (*words, "--data.name", "store", "--data.path", url)
    assert "it has no skeleton.yaml" in the_error(run(*words))
