from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from cli_helpers import FAST, TINY, runner, the_error, write_packed


@pytest.fixture
def run(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    run = runner(capsys)
    path = write_packed(tmp_path / "sticks.npz")
    settings = ("--data.name=npz", f"--data.path={path}", "--data.cache=cache", "--out=run")
    assert run("pretrain", *FAST, *TINY, *settings)[0] == 0
    return run


def test_a_run_and_its_store_are_whole(run):
    code, out, _ = run("verify", "run", "cache", "run/release")
    assert code == 0
    rows = [line.split(maxsplit=2) for line in out.splitlines()]
    assert {row[0] for row in rows} == {"whole"}
    said = {row[1]: row[2] for row in rows}
    assert said["run/last.ckpt"] == "a checkpoint of step 1"
    assert said["run/metrics.jsonl"] == "1 lines"
    assert said["run/release"] == "a release of 6 files"
    (store,) = Path("cache").rglob("card.json")
    digest = json.loads(store.read_text())["content_hash"]
    assert said[str(store.parent)] == f"a store of 16 clips, content sha256 {digest}"


def damage(path: Path, place: int) -> None:
    content = bytearray(path.read_bytes())
    content[place] ^= 0x80
    path.write_bytes(content)


@pytest.mark.parametrize(
    ("name", "place", "said"),
    [
        ("run/last.ckpt", 2000, "not a readable checkpoint"),
        ("run/metrics.jsonl", 0, "line 1 is not JSON"),
        ("run/config.yaml", 0, "damaged"),
        ("run/release/model.safetensors", -1, "not as it was written"),
        ("run/release/README.md", -1, "README.md: not as it was written"),
        ("run/release/manifest.json", 0, "manifest.json: damaged"),
    ],
)
def test_what_is_damaged_is_named_and_the_rest_is_looked_at(run, name, place, said):
    damage(Path(name), place)
    code, out, err = run("verify", "run")
    (line,) = (line for line in out.splitlines() if line.startswith("DAMAGED"))
    part = "run/release" if "release" in name else name
    assert code == 2 and line.split()[1] == part and said in line
    assert f"1 of {len(out.splitlines())} parts are not as they were written" in err


def test_a_store_with_other_coordinates_or_labels(run):
    (card,) = Path("cache").rglob("card.json")
    pos = card.parent / "pos.npy"
    np.save(pos, np.load(pos) + 1)
    assert "1 of 1 parts" in the_error(run("verify", str(card.parent)))


def test_what_is_nothing_to_verify(run, tmp_path):
    (tmp_path / "mine").mkdir()
    assert the_error(run("verify", "mine")).startswith("mine: no store, no run folder and no rel")
    assert the_error(run("verify", "nowhere")).startswith("nowhere: no store")
