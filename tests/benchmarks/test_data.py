from __future__ import annotations

import csv
import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import torch

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def data() -> ModuleType:
    sys.path.insert(0, str(ROOT / "benchmarks"))  # as for a script: it has modules beside it
    spec = importlib.util.spec_from_file_location("benchmark_data", ROOT / "benchmarks" / "data.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_figures_are_printed_and_kept(
    data: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
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


def test_the_feeder_crops_resizes_and_turns(data: ModuleType) -> None:
    feeders = sys.modules["data_loader"]
    clips = np.random.default_rng(0).normal(size=(40, 70, 2, 5, 3)).astype(np.float32)
    feeder = feeders.PlainFeeder(clips)
    batch = feeder.batch(0)
    assert batch.shape == (feeders.BATCH, 3, feeders.FRAMES, 5, 2)
    first, last = batch[0, :, 0], batch[0, :, -1]
    assert first.norm(dim=0).sub(last.norm(dim=0)).abs().max() > 1e-3
    turned = feeders.random_rotation(batch[0])
    torch.testing.assert_close(turned.norm(dim=0), batch[0].norm(dim=0))
    assert not turned.equal(batch[0])
