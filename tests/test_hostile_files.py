from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

import hostile_file_helpers
import pytest

LINUX = pytest.mark.skipif(sys.platform != "linux", reason="the limits are those of Linux")


@LINUX
def test_each_is_refused_in_one_line_within_the_limits(tmp_path: Path) -> None:
    command = [sys.executable, hostile_file_helpers.__file__, tmp_path]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    found = json.loads(done.stdout.splitlines()[-1])
    assert len(found) >= 80
    wrong = {
        name: file
        for name, file in found.items()
        if file["error"] is None or not file["error"][0] or "\n" in file["error"][1]
        or "weights_only" in file["error"][1] or file["problems"]
    }  # fmt: skip
    assert not wrong
    assert not (tmp_path / "RAN").exists()


@LINUX
def test_the_command_refuses_them_too(tmp_path: Path) -> None:
    official = tmp_path / "official.pth"
    hostile_file_helpers.torch.save({"model": hostile_file_helpers.Hostile()}, official)
    run = tmp_path / "run"
    run.mkdir()
    (run / "config.yaml").symlink_to("/dev/zero")
    bomb = tmp_path / "bomb"
    bomb.mkdir()
    (bomb / "config.yaml").write_text("a: &a [*a]")
    release = tmp_path / "release"
    release.mkdir()
    (release / "config.json").symlink_to("/dev/zero")
    synthetic = ["--data.name", "synthetic", "--out", str(tmp_path / "out")]
    for arguments in (
        ["import", str(official), "--from", "mamp", str(tmp_path / "out")],
        ["import", "/dev/zero", "--from", "mamp", str(tmp_path / "out")],
        ["compare", str(run)],
        ["compare", str(bomb)],
        ["finetune", "--pretrained", str(release), "--model", "Classifier", *synthetic],
    ):
        start = time.monotonic()
        command = [sys.executable, "-m", "pyg_skeletonmae", *arguments]
        done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)
        assert done.returncode == 2, (arguments, done.stderr)
        assert "Traceback" not in done.stderr and "weights_only" not in done.stderr
        assert done.stderr.strip().splitlines()[-1].startswith("skeletonmae: error: ")
        assert time.monotonic() - start < 60  # importing PyTorch is most of it
    assert not (tmp_path / "RAN").exists()
