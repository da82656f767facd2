from __future__ import annotations

import pytest
import torch
from speed import graph as speed


def test_presets_are_timed_against_their_parts(capsys: pytest.CaptureFixture[str]) -> None:
    """It asserts by itself that both have one loss; the figures here mean nothing."""
    threads = str(torch.get_num_threads())
    small = ["--clips", "2", "--hidden", "8", "--repeats", "2", "--threads", threads]
    speed.main(["--only", "parts", *small])
    printed = capsys.readouterr().out
    assert [line.split()[0] for line in printed.splitlines()[2:]] == ["graph", "ViT", "STTFormer"]
    assert printed.count("x\n") == 3
