from __future__ import annotations

import csv
from pathlib import Path

import pytest
import torch
from speed import graph as speed


def test_graph_benchmark_compares_equal_models(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It asserts by itself that both sides have one loss; the figures here mean nothing."""
    table = tmp_path / "speed.csv"
    small = [
        "--clips",
        "3",
        "--frames",
        "5",
        "--hidden",
        "8",
        "--repeats",
        "2",
        "--csv",
        str(table),
    ]
    threads = str(torch.get_num_threads())
    for _ in range(2):
        speed.main(["--only", "graph", "--threads", threads, *small])
    printed = capsys.readouterr().out
    assert f"3 clips x 5 frames x {speed.COCO17.num_joints} joints" in printed
    assert "without building:" in printed and "x as fast as PyG" in printed
    with table.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 2 * 5
    assert {row["variant"] for row in rows} >= {"ours, with building", "MLP alone"}
    assert all(float(row["median_ms"]) > 0 for row in rows)


def test_without_messages_leaves_the_model_alone() -> None:
    model = speed.GraphSkeletonMAE(speed.COCO17, 2, 8)
    before = repr(model), len(list(model.parameters()))
    alone = speed.without_messages(model)
    assert (repr(model), len(list(model.parameters()))) == before
    x = torch.randn(2, speed.COCO17.num_joints, 3, 8)
    changed = x.clone()
    changed[:, 0] += 1.0
    layer = alone.encoder.gnn.layers[0].conv.eval()
    moved = (layer(changed, None) - layer(x, None)).abs().amax((0, 2, 3))
    assert moved[0] > 0 and not moved[1:].any()
