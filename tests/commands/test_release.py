from __future__ import annotations

import json
from pathlib import Path

import torch
from cli_helpers import the_error

from pyg_skeletonmae.training import load_release


def test_a_release_by_itself_is_the_same(run):
    Path("run/release/notes.txt").write_text("mine")
    code, out, _ = run("release", "run", "--out", "shared/sticks")
    files = json.loads(Path("run/release/manifest.json").read_text())["files"]
    assert code == 0
    assert out.startswith(f"shared/sticks: {len(files)} files, ")
    assert out.endswith("MB; licence of its data: not stated\n")
    packed = Path("shared/sticks")
    assert {path.name for path in packed.iterdir()} == {*files, "manifest.json"}
    for path in packed.iterdir():
        assert path.read_bytes() == (Path("run/release") / path.name).read_bytes()
    own, other = load_release("run"), load_release(packed)
    assert own.preprocessing == other.preprocessing is not None
    for name, weight in own.state_dict().items():
        assert torch.equal(weight, other.state_dict()[name])
    assert run("release", str(packed), "--out", "again")[0] == 0


def test_what_cannot_be_packed(run, tmp_path):
    assert the_error(run("release", "nowhere", "--out", "x")).startswith("nowhere: no release with")
    assert (
        the_error(run("release", "run", "--out", "run")) == "--out run: exists; name a new folder"
    )
    weights = Path("run/release/model.safetensors")
    weights.write_bytes(weights.read_bytes()[:-1] + b"x")
    assert "model.safetensors: not as it was written" in the_error(
        run("release", "run", "--out", "x")
    )
    Path("run/release/manifest.json").unlink()
    assert "no release with a manifest.json" in the_error(run("release", "run", "--out", "x"))
    assert not Path("x").exists() and not list(Path().glob(".x*"))
