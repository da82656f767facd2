"""What tests of several commands begin with."""

from __future__ import annotations

import pytest
from cli_helpers import FAST, TINY, runner, write_packed


@pytest.fixture
def run(tmp_path, monkeypatch, capsys):
    """Runs a command line, in a folder where a small pre-training lies in ``run``."""
    monkeypatch.chdir(tmp_path)
    run = runner(capsys)
    path = write_packed(tmp_path / "sticks.npz")
    settings = ("--data.name=npz", f"--data.path={path}", "--data.cache=cache", "--out=run")
    assert run("pretrain", *FAST, *TINY, *settings)[0] == 0
    return run
