from __future__ import annotations

from pathlib import Path

from results_page import read_published, write_page
from table import COLUMNS, Row

HERE = {"data": "D", "split": "odd/even", "protocol": "full"}


def row(method: str, seed: int, metric: str, value: float, **others: str) -> Row:
    about = {"method": method, "seed": str(seed), "metric": metric, "value": str(value)}
    took = {"clips_seen": "100", "seconds": "60"}
    return dict.fromkeys(COLUMNS, "") | HERE | took | about | others


def page(tmp_path: Path, rows: list[Row], planned: list[Row] | None = None) -> str:
    (tmp_path / "notes.md").write_text("## Notes\n\nWords.\n")
    write_page(tmp_path / "RESULTS.md", rows, tmp_path / "notes.md", planned or [])
    return (tmp_path / "RESULTS.md").read_text()


def test_means_intervals_and_what_pre_training_is_worth(tmp_path):
    rows = [
        row(f"m {kind}", seed, "top1", base + seed / 10)
        for kind, base in (("pre-trained", 0.6), ("random", 0.5))
        for seed in range(3)
    ]
    text = page(tmp_path, rows)
    assert "## D, full (odd/even)" in text and "## Notes\n\nWords." in text
    assert "| method | trained | seeds | clips seen | minutes |" in text
    assert "| m pre-trained | 70.0 ± 24.8 | 3 | 100 | 1.0 |" in text
    assert "- trained: m pre-trained minus m random, same seeds: +10.0 ± 0.0 points" in text
    assert "not run" not in text.split("## Published")[0]


def test_what_was_planned_and_not_run_is_said(tmp_path):
    rows = [row("m", 0, "top1", 0.5)]
    planned = [row("m", seed, "top1", 0, why="too long") for seed in range(3)]
    big = {"method": "big", "metric": "knn", "seed": "0", "why": "needs a GPU"}
    planned.append(HERE | {"protocol": "yaw"} | big)
    text = page(tmp_path, rows, planned)
    assert "| m | trained | 1 2 | too long |" in text
    assert "## D, yaw (odd/even)\n\n| not run |" in text
    assert "| big | knn | 0 | needs a GPU |" in text


def test_ours_stand_beside_published_values(tmp_path):
    place = {"data": "NTU RGB+D 60", "split": "xsub", "protocol": "linear"}
    rows = [row("mamp pre-trained", seed, "top1", 0.8, **place) for seed in range(2)]
    rows += [row("skeleton2vec pre-trained", 0, "top1, test-best", 0.9, **place)]
    _, _, rest = page(tmp_path, rows).partition("### NTU RGB+D 60, linear")
    lines = rest.partition("###")[0].splitlines()
    (mamp,) = (line for line in lines if line.startswith("| mamp |"))
    assert mamp.startswith("| mamp | 84.9 | 89.1 | 80.0 ± 0.0 | - | ")
    assert any(line.startswith("| skeleton2vec | 85.7 | 90.3 | 90.0 † | - | ") for line in lines)


def test_published_values_are_whole():
    published = read_published()
    places = [tuple(row[name] for name in row if name != "value") for row in published]
    assert len(set(places)) == len(places) > 250
    assert all(15 < float(row["value"]) < 100 and row["source"] for row in published)
    assert {"mamp", "graph_mae", "skeleton2vec", "st_mae_vit", "st_mae_sttformer"} <= {
        row["method"] for row in published
    }
