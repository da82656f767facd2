from __future__ import annotations

import csv
from pathlib import Path

import pytest
import torch
from speed import graph as speed
from speed.streaming import NAMES, preset_model, summary

from pyg_skeletonmae.commands.configs import presets


def test_what_streaming_adds_is_printed_and_kept(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table, threads = tmp_path / "speed.csv", str(torch.get_num_threads())
    options = ["--repeats", "1", "--threads", threads, "--csv", str(table)]
    speed.main(["--only", "stream", "--quick", *options])
    printed = capsys.readouterr().out
    assert "graph_mae_small:" in printed and "(target +20%)" in printed
    with table.open(newline="") as file:
        rows = {row["variant"]: row for row in csv.DictReader(file)}
    assert set(rows) == {f"graph_mae_small: {step}" for step in ("bare", "stream", "rows")}
    assert all(float(row["median_ms"]) > 0 for row in rows.values())


def test_the_summary_says_what_is_added() -> None:
    (line,) = summary({"a: bare": 2.0, "a: stream": 2.5, "a: rows": 2.2})
    assert "2.00 ms; stream +25%, rows +10% (target +20%)" in line


def test_all_small_presets_are_measured() -> None:
    small = {name for name in presets() if name.endswith("_small") and "_mlp_" not in name}
    assert small <= set(NAMES)
    model, frames = preset_model("strl_small")
    assert frames == 32 and model.num_classes == 60
