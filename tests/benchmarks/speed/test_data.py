from __future__ import annotations

import csv
from pathlib import Path

import pytest
import torch
from speed import data


def test_figures_are_printed_and_kept(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Both sides are asserted to read equal arrays; the figures here mean nothing."""
    table, threads = tmp_path / "speed.csv", str(torch.get_num_threads())
    page = tmp_path / "SPEED.md"
    page.write_text(f"# Speed\n\n{data.MARK}\n\nold\n")
    command = ["--repeats", "1", "--files", "8", "--threads", threads, "--csv", str(table)]
    data.main([*command, "--markdown", str(page)])
    printed = capsys.readouterr().out
    assert "x as fast as 'crop, resize, rotate: a feeder' (target 6x)" in printed
    assert "NTU RGB+D 120, 40 GB, one core" in printed
    with table.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 8 + 2 + 2
    assert {row["benchmark"] for row in rows} == {"loader", "parsing", "prepare"}
    assert all(float(row["median_ms"]) > 0 for row in rows)
    text = page.read_text()
    assert "old" not in text and text.count("\n| ") == 1 + 5 + 1 + 1
    assert "| store of skeleton files: ours |" in text
