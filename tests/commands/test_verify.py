from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import numpy as np
import pytest
from cli_helpers import the_error, write_packed

from pyg_skeletonmae.datasets import SkeletonDataset


def test_a_run_and_its_store_are_whole(run):
    code, out, _ = run("verify", "run", "cache", "run/release")
    assert code == 0
    rows = [line.split(maxsplit=2) for line in out.splitlines()]
    assert {row[0] for row in rows} == {"whole"}
    said = {row[1]: row[2] for row in rows}  # the last of run.json, which is read as text, too
    assert said["run/last.ckpt"] == "a checkpoint of step 1"
    assert said["run/metrics.jsonl"] == "1 lines"
    assert said["run/release"] == "a release of 6 files"
    (store,) = Path("cache").rglob("card.json")
    where = store.parent.absolute()
    digest = json.loads(store.read_text())["content_hash"]
    assert said[str(store.parent)] == f"a store of 16 clips, content sha256 {digest}"
    assert said["run/run.json"] == f"its clips: {where}, {said[str(store.parent)]}"


def damage(path: Path, place: int | None) -> None:
    """Flips a bit; None: cuts the file in two, at the end of a line."""
    content = bytearray(path.read_bytes())
    if place is None:
        content = content[: content.index(b"\n", len(content) // 2) + 1]
    else:
        content[place] ^= 0x80
    path.write_bytes(content)


@pytest.mark.parametrize(
    ("name", "place", "said"),
    [
        ("run/last.ckpt", 2000, "not a readable checkpoint"),
        ("run/metrics.jsonl", 0, "line 1 is not JSON"),
        ("run/config.yaml", 0, "damaged"),
        ("run/config.yaml", None, "not as it was written: the SHA-256 in run/run.json is another"),
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


def test_what_is_gone_is_named(run):
    """Of a run, by what is left of it; of a store, whatever lies in the place of its card."""
    Path("run/config.yaml").unlink()
    code, out, _ = run("verify", "run")
    assert code == 2 and "DAMAGED  run/config.yaml  " in out
    (card,) = Path("cache").rglob("card.json")
    card.unlink()
    for make in (lambda: None, card.mkdir, lambda: (card.rmdir(), os.mkfifo(card))):
        make()
        for folder in (str(card.parent), "cache"):
            if card.exists() or folder != "cache":
                code, out, _ = run("verify", folder)
                assert code == 2 and out.startswith(f"DAMAGED  {card.parent}  {card}: "), out
        assert f"{card}" in the_error(run("embed", "run", str(card.parent), "--out=rows.csv"))


def test_a_store_with_other_coordinates_or_labels(run):
    (card,) = Path("cache").rglob("card.json")
    pos = card.parent / "pos.npy"
    np.save(pos, np.load(pos) + 1)
    assert "1 of 1 parts" in the_error(run("verify", str(card.parent)))


def test_the_clips_of_a_run_are_read_where_they_lie(run):
    """Other ones, and none; a run on several stores, or of an earlier version, names none."""
    (card,) = Path("cache").rglob("card.json")
    index = dict(np.load(card.parent / "index.npz"))
    index["label"] = index["label"][::-1].copy()
    np.savez(card.parent / "index.npz", **index)
    code, out, _ = run("verify", "run")
    (line,) = (line for line in out.splitlines() if line.startswith("DAMAGED"))
    assert code == 2 and line.split()[1] == "run/run.json" and "the content: expected" in line
    shutil.rmtree(card.parent)
    SkeletonDataset.from_npz(write_packed(Path("b.npz"), subject=np.arange(16)), card.parent)
    assert "the run was on clips of content" in run("verify", "run")[1]
    shutil.rmtree(card.parent)
    code, out, _ = run("verify", "run")
    assert code == 0 and f"the clips are not there any more: {card.parent.absolute()}" in out
    info = json.loads(Path("run/run.json").read_text())
    del info["data_store"]
    Path("run/run.json").write_text(json.dumps(info))
    code, out, _ = run("verify", "run")
    assert code == 0 and out.splitlines()[-1].endswith("run/run.json  names no store of clips")


def test_what_is_nothing_to_verify(run, tmp_path):
    (tmp_path / "mine").mkdir()
    assert the_error(run("verify", "mine")).startswith("mine: no store, no run folder and no rel")
    assert the_error(run("verify", "nowhere")).startswith("nowhere: no store")
