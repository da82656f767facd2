from __future__ import annotations

import csv
from pathlib import Path

import pytest
import torch
from speed import graph as speed
from speed.spatial_temporal import summary


def test_st_benchmark_prints_all_figures(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Memory in processes of their own, the teacher's share, attention; the figures are small."""
    table, threads = tmp_path / "speed.csv", str(torch.get_num_threads())
    options = ["--tracks", "2", "--repeats", "1", "--threads", threads, "--csv", str(table)]
    speed.main(["--only", "st", "--quick", *options])
    printed = capsys.readouterr().out
    assert "of all (target 0.5x)" in printed and "at 32 tracks (target 1.0 %)" in printed
    with table.open(newline="") as file:
        rows = {row["variant"]: row for row in csv.DictReader(file)}
    assert len(rows) == 2 + 3 + 2 * 2
    assert rows["memory, all tokens [MB]"]["benchmark"] == "st"
    assert float(rows["teacher, moving average"]["median_ms"]) > 0
    assert float(rows["teacher, share of a step at 32 tracks [%]"]["median_ms"]) < 100


def test_the_summary_compares_with_the_targets() -> None:
    rows = [("memory, all tokens", 200.0, "MB"), ("memory, visible tokens", 50.0, "MB"),
            ("teacher, share of a step at 32 tracks", 0.75, "%")]  # fmt: skip
    memory, teacher = summary(rows)
    assert "0.25x of all (target 0.5x)" in memory and "0.75 % of a step" in teacher
