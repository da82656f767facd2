from __future__ import annotations

import csv
from pathlib import Path

import pytest
import torch
from speed import data


def test_figures_are_printed_and_kept(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Both sides are asserted to read equal arrays; the figures here mean nothing."""
    table, threads = tmp_path / "speed.csv", str(torch.get_num_threads())
    data.main(["--repeats", "1", "--threads", threads, "--csv", str(table)])
    printed = capsys.readouterr().out
    assert "x as fast as 'crop, resize, rotate: a feeder' (target 6x)" in printed
    assert "NTU RGB+D 120, 40 GB, one core" in printed
    with table.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 8 + 2 and {row["benchmark"] for row in rows} == {"loader", "parsing"}
    assert all(float(row["median_ms"]) > 0 for row in rows)
