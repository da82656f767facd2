from __future__ import annotations

import json
import re
import threading
from pathlib import Path

import pytest
import yaml
from tables import rows as table

from pyg_skeletonmae.commands.cli import main

ABOUT = {"data": "d", "split": "1/2", "protocol": "full", "method": "m", "metric": "top1"}
CONFIG = {
    "data": {"frames": 8, "path": "/here", "cache": "data"},
    "trainer": {"max_epochs": 2, "seed": 0},
    "seed": 0,
    "out": "runs/a",
}


def row(seed: int, value: float, **others: object) -> table.Row:
    return ABOUT | {"seed": seed, "value": value} | others


def write_run(folder: Path, results: dict, config: dict | None = None) -> Path:
    folder.mkdir(parents=True)
    (folder / "results.json").write_text(json.dumps(results))
    (folder / "run.json").write_text(json.dumps({"commit": "0123456789ab"}))
    (folder / "config.yaml").write_text(yaml.safe_dump(config or CONFIG))
    return folder


def test_rows_tell_the_pipeline(tmp_path):
    folder = write_run(tmp_path / "a", {"top1": 0.5}, {**CONFIG, "data": {"pipeline": "mamp"}})
    (found,) = table.measured(folder, {"top1": "top1"}, None, folder)
    assert found["pipeline"] == "mamp"
    older = write_run(tmp_path / "b", {"top1": 0.5})
    (found,) = table.measured(older, {"top1": "top1"}, None, older)
    assert found["pipeline"] == "ours"
    path = tmp_path / "results.csv"
    table.write_rows(path, [row(0, 0.5), row(0, 0.6, pipeline="mamp"), row(0, 0.7)])
    both = [(r["pipeline"], r["value"]) for r in table.read_rows(path)]
    assert both == [("ours", "0.7"), ("mamp", "0.6")]
    path.write_text("data,split,protocol,method,seed,metric,value\nd,1/2,full,m,0,top1,0.5\n")
    assert table.read_rows(path)[0]["pipeline"] == "ours"  # a table of an earlier version


def test_settings_that_are_younger_do_not_change_what_was_run(tmp_path):
    younger = {"pipeline": "ours", "views": None, "align": None, "fill": None, "scores": None}
    before = write_run(tmp_path / "a", {})
    after = {**CONFIG, "data": {**CONFIG["data"], **younger}, "curve": {"draws": 3}}
    averaging = {"swa_start": None, "swa_lr": None, "swa_anneal": 10}
    before_optim = {**CONFIG["trainer"], "optim": {"lr": 0.1}}
    plain = write_run(tmp_path / "d", {}, {**CONFIG, "trainer": before_optim})
    optim = {**before_optim, "optim": {"lr": 0.1, **averaging}}
    told = write_run(tmp_path / "e", {}, {**CONFIG, "trainer": optim})
    assert table.config_hash(plain) == table.config_hash(told)
    optim = {**before_optim, "optim": {"lr": 0.1, **averaging, "swa_start": 2}}
    averaged = write_run(tmp_path / "f", {}, {**CONFIG, "trainer": optim})
    assert table.config_hash(plain) != table.config_hash(averaged)
    assert table.config_hash(before) == table.config_hash(write_run(tmp_path / "b", {}, after))
    other = {**CONFIG, "data": {**CONFIG["data"], "pipeline": "mamp"}}
    assert table.config_hash(write_run(tmp_path / "c", {}, other)) != table.config_hash(before)


def test_every_setting_of_a_run_is_known_to_the_hash(tmp_path):
    # A new setting ends the test: where it changes nothing unless it is given, it joins the
    # younger ones, and rows of other seeds stay beside those that are made today.
    folder = tmp_path / "run"
    data = ["--data.name=synthetic", "--data.num_clips=24", "--data.num_subjects=4"]
    command = ["pretrain", "--config=graph_mae_small", *data]
    assert main([*command, "--trainer.max_clips=8", "--data.batch_size=4", f"--out={folder}"]) == 0
    assert table.config_hash(folder) == "c25fc3f6dc18"


def test_a_row_about_the_same_thing_is_replaced(tmp_path):
    path = tmp_path / "results.csv"
    table.write_rows(path, [row(0, 0.5), row(1, 0.6)])
    table.write_rows(path, [row(1, 0.7, config="other", commit="c"), row(1, 0.1, metric="knn")])
    found = table.read_rows(path)
    assert [(r["seed"], r["metric"], r["value"]) for r in found] == [
        ("0", "top1", "0.5"),
        ("1", "top1", "0.7"),
        ("1", "knn", "0.1"),
    ]
    assert list(found[0]) == table.COLUMNS and found[0]["commit"] == ""
    assert found[1]["config"] == "other"


def test_rows_of_other_seeds_that_were_made_with_other_settings_are_deleted(tmp_path, capsys):
    path = tmp_path / "results.csv"
    old = [row(seed, 0.5, config_hash="a") for seed in (0, 1)]
    table.write_rows(path, [*old, row(1, 0.4, metric="knn", config_hash="a")])
    table.write_rows(path, [row(0, 0.7, config_hash="b")])
    left = [(r["seed"], r["metric"], r["config_hash"]) for r in table.read_rows(path)]
    assert left == [("0", "top1", "b"), ("1", "knn", "a")]
    assert capsys.readouterr().out == "d, 1/2, full, m, ours, 1, top1: deleted, of other settings\n"


def test_a_table_with_fewer_columns_keeps_its_rows(tmp_path):
    path = tmp_path / "results.csv"
    path.write_text("data,split,protocol,method,seed,metric,value\nd,1/2,full,m,0,top1,0.5\n")
    table.write_rows(path, [row(1, 0.6)])
    assert [r["value"] for r in table.read_rows(path)] == ["0.5", "0.6"]
    assert table.read_rows(path)[0]["peak_mib"] == ""


def test_writers_at_the_same_time_lose_no_row(tmp_path):
    path = tmp_path / "results.csv"

    def write(number: int) -> None:
        for seed in range(number, 40, 4):
            table.write_rows(path, [row(seed, 0.5)])

    writers = [threading.Thread(target=write, args=(number,)) for number in range(4)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert sorted(int(r["seed"]) for r in table.read_rows(path)) == list(range(40))


def test_rows_of_a_run_tell_what_it_took_and_what_it_was(tmp_path):
    took = {"clips_seen": 100.0, "seconds": 7.6, "peak_mib": 512}
    start = write_run(tmp_path / "pretrain", took)
    run = write_run(tmp_path / "probe", {"top1": 0.123456, "data_hash": "f" * 64, "peak_mib": 9})
    (found,) = table.measured(run, {"top1": "linear"}, start, start)
    assert found == {
        "metric": "linear", "value": 0.1235, "clips_seen": 100, "seconds": 8, "peak_mib": 512,
        "data_hash": "f" * 12, "config_hash": table.config_hash(run, start),
        "commit": "0123456789ab", "pipeline": "ours",
    }  # fmt: skip


def test_the_hash_of_settings_is_that_of_what_was_run(tmp_path):
    first = write_run(tmp_path / "a", {})
    elsewhere = {**CONFIG, "seed": 3, "out": "b", "data": {**CONFIG["data"], "path": "/there"}}
    assert table.config_hash(first) == table.config_hash(write_run(tmp_path / "b", {}, elsewhere))
    longer = {**CONFIG, "trainer": {"max_epochs": 3}}
    other = write_run(tmp_path / "c", {}, longer)
    assert table.config_hash(other) != table.config_hash(first)
    assert table.config_hash(first, other) != table.config_hash(first, first)
    assert len(table.config_hash(first)) == 12
    (first / "config.yaml").unlink()
    assert table.config_hash(first) == ""


def test_statistics_over_seeds():
    rows = [row(seed, value) for seed, value in enumerate((0.5, 0.6, 0.7))]
    found = table.values(rows, method="m")
    assert table.mean_and_interval(found) == "60.0 ± 24.8"  # t(2) = 4.303, s = 10, n = 3
    assert table.mean_and_interval({0: 0.5}) == "50.0"
    assert table.mean_and_interval({}) == "-"
    assert table.paired_difference(found, {0: 0.4, 1: 0.5, 2: 0.6}) == "+10.0 ± 0.0"
    assert table.paired_difference(found, {2: 0.5}) is None
    assert table.median_minutes([{"seconds": "60"}, {"seconds": 120}]) == "1.5"
    assert table.median_minutes([{"seconds": ""}]) == "-"


@pytest.mark.parametrize("text", ["", "data,split,protocol,method,seed,metric,value\n"])
def test_an_empty_table_has_no_rows(tmp_path, text):
    (tmp_path / "results.csv").write_text(text)
    assert table.read_rows(tmp_path / "results.csv") == []
    assert table.read_rows(tmp_path / "none.csv") == []


def test_every_column_of_results_is_told_and_stands_in_the_table() -> None:
    root = Path(__file__).parents[3]
    page = (root / "docs/benchmarks.md").read_text(encoding="utf-8")
    told = re.split(r"^## A row$", page, flags=re.MULTILINE)[1]
    assert [name for name in table.COLUMNS if f"`{name}`" not in told] == []
    header = (root / "benchmarks/results.csv").read_text(encoding="utf-8").partition("\n")[0]
    assert header.strip().split(",") == table.COLUMNS
