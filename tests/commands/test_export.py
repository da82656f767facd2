"""``skeletonmae export``, from a release to a file."""

from __future__ import annotations

import json

import torch
from cli_helpers import runner, the_error
from inference_helpers import poses, release


def test_a_release_becomes_a_file(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    release(tmp_path / "release")
    code, out, err = runner(capsys)("export", "release", "--to", "torch", "--preprocessing")
    assert code == 0, err
    told = json.loads(out)
    assert told["pos"] == ["clips", "persons", 16, 17, 3] and told["output"] == "logits"
    assert told["difference"] <= 1e-4
    logits = torch.export.load(told["file"]).module()(torch.from_numpy(poses(2, 16))[None])
    assert logits.shape == (1, 3)


def test_what_cannot_be_is_said_in_a_line(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    run = runner(capsys)
    release(tmp_path / "release")
    assert "expected one of onnx, torch" in the_error(run("export", "release", "--to=tflite"))
    assert "nowhere" in the_error(run("export", "nowhere", "--to", "torch"))
