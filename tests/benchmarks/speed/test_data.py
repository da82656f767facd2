from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
import torch
from speed import data
from speed.loader import BATCH, FRAMES, PlainFeeder, random_rotation


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


def test_the_feeder_crops_resizes_and_turns() -> None:
    clips = np.random.default_rng(0).normal(size=(40, 70, 2, 5, 3)).astype(np.float32)
    feeder = PlainFeeder(clips)
    batch = feeder.batch(0)
    assert batch.shape == (BATCH, 3, FRAMES, 5, 2)
    first, last = batch[0, :, 0], batch[0, :, -1]
    assert first.norm(dim=0).sub(last.norm(dim=0)).abs().max() > 1e-3
    turned = random_rotation(batch[0])
    torch.testing.assert_close(turned.norm(dim=0), batch[0].norm(dim=0))
    assert not turned.equal(batch[0])
