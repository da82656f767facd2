from __future__ import annotations

from pathlib import Path

from tables.command import clips_of
from tables.results_page import read_published, write_page
from tables.rows import COLUMNS, Row

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
    assert "| method | top-1 | seeds | clips seen | minutes |" in text
    assert "| m pre-trained | 70.0 ± 24.8 | 3 | 100 | 1.0 |" in text
    assert "- top-1: m pre-trained minus m random, same seeds: +10.0 ± 0.0 points" in text
    assert "not run" not in text.split("## Published")[0]


def test_each_training_has_its_line(tmp_path):
    rows = [row("m", seed, "top1", 0.5, clips_seen="20", seconds="30") for seed in range(2)]
    rows += [row("m", 0, "knn", 0.4), row("m", 0, "mean_class, test-best", 0.1)]
    text = page(tmp_path, rows)
    assert "| method | top-1 | knn | mean of classes † | seeds | clips seen | minutes |" in text
    assert "| m | 50.0 ± 0.0 | - | - | 2 | 20 | 0.5 |" in text
    assert "| m | - | 40.0 | 10.0 | 1 | 100 | 1.0 |" in text


def test_published_values_on_poses_stand_beside_ours_on_poses(tmp_path):
    clips = clips_of("ntu60", "xsub", Path("ntu60_hrnet.pkl"), tmp_path)
    place = {"data": clips.data, "split": clips.split, "protocol": "finetune"}
    raw = {**place, "data": "NTU RGB+D 60"}
    rows = [row("graph_mae pre-trained", 0, "top1", v, **p) for v, p in ((0.9, place), (0.5, raw))]
    text = page(tmp_path, rows)
    (line,) = (line for line in text.splitlines() if line.startswith("| graph_mae | 92.8 |"))
    assert line.startswith("| graph_mae | 92.8 | 96.5 | 90.0 | - |")


def test_only_the_pipeline_of_a_published_number_stands_beside_it(tmp_path):
    place = {"data": "NTU RGB+D 60", "split": "xsub", "protocol": "linear"}

    def ours(*pipelines: str) -> str:
        values = zip((0.6, 0.5), pipelines, strict=False)
        rows = [row("mamp pre-trained", 0, "top1", v, **place, pipeline=p) for v, p in values]
        text = page(tmp_path, rows)
        (line,) = (line for line in text.splitlines() if line.startswith("| mamp | 84.9 |"))
        return line.split(" | ")[3]

    assert ours("ours") == ours("") == ours("skeleton2vec") == "-"
    assert ours("mamp") == "60.0" and ours("ours", "mamp") == "50.0"


def test_rows_of_two_pipelines_are_not_averaged(tmp_path):
    rows = [
        row(f"m {kind}", seed, "top1", value + seed / 10, pipeline=pipeline)
        for seed in (0, 1)
        for pipeline, kind, value in (
            ("ours", "pre-trained", 0.6), ("mamp", "pre-trained", 0.8),
            ("ours", "random", 0.5), ("mamp", "random", 0.4),
        )
    ]  # fmt: skip
    text = page(tmp_path, rows)
    assert "| m pre-trained | 65.0 ± " in text
    assert "| m pre-trained, pipeline mamp | 85.0 ± " in text
    assert text.count("m pre-trained minus m random, same seeds: +10.0") == 1
    assert text.count("m pre-trained minus m random, same seeds: +40.0") == 1


def test_what_was_planned_and_not_run_is_said(tmp_path):
    rows = [row("m", 0, "top1", 0.5)]
    planned = [row("m", seed, "top1", 0, why="too long") for seed in range(3)]
    big = {"method": "big", "metric": "knn", "seed": "0", "why": "needs a GPU"}
    planned.append(HERE | {"protocol": "yaw"} | big)
    text = page(tmp_path, rows, planned)
    assert "| m | top-1 | 1 2 | too long |" in text
    assert "## D, yaw (odd/even)\n\n| not run |" in text
    assert "| big | knn | 0 | needs a GPU |" in text


def test_ours_stand_beside_published_values(tmp_path):
    place = {"data": "NTU RGB+D 60", "split": "xsub", "protocol": "linear"}
    fed = {**place, "pipeline": "mamp"}
    rows = [row("mamp pre-trained", seed, "top1", 0.8, **fed) for seed in range(2)]
    fed = {**place, "pipeline": "skeleton2vec"}
    rows += [row("skeleton2vec pre-trained", 0, "top1, test-best", 0.9, **fed)]
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
