from __future__ import annotations

import json
from pathlib import Path

import torch
from speed import profiles
from speed.graph import main
from speed.limits import MAKERS


def test_it_runs_and_writes(tmp_path: Path) -> None:
    page, figures = tmp_path / "SPEED.md", tmp_path / "speed.json"
    page.write_text(f"# Speed\n\n{profiles.MARK}\n\nold\n")
    command = ["--only", "profiles", "--quick", "--threads", "1"]
    main([*command, "--json", str(figures), "--markdown", str(page)])
    found = json.loads(figures.read_text())
    assert len(found) == len(MAKERS) + 3
    assert all(0 < sum(own.values()) <= 1 for own in found.values())
    text = page.read_text()
    assert "old" not in text and "| graph, step | " in text


def test_shares_are_of_operators_alone() -> None:
    x = torch.randn(512, 512)
    found = profiles.shares(lambda: x @ x)
    assert next(iter(found)) == "mm" and found["mm"] > 0.5
