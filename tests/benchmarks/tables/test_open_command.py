from __future__ import annotations

from pathlib import Path

import pytest
from tables.open_command import chosen, parser, work
from tables.open_sets import OpenSet, Protocol
from tables.rows import read_rows, write_rows

CLIPS = ("--data.name=synthetic", "--data.num_clips=24", "--data.num_classes=2")
DATA = OpenSet("Synthetic", CLIPS, {"full": Protocol("odd/even"), "yaw": Protocol("odd/even")})


def options(tmp_path: Path, *arguments: str):
    places = [f"--out={tmp_path / 'runs'}", f"--results={tmp_path}", "--seeds=0", "--jobs=0"]
    return parser("What it does.", list(DATA.protocols), "synthetic").parse_args(
        [*places, *arguments]
    )


def test_the_cost_of_runs_is_told_before_they_are_made(tmp_path, capsys):
    about = {"data": "d", "split": "s", "protocol": "p", "method": "st_mae_vit pre-trained"}
    row = about | {"seed": 0, "metric": "top1", "value": 0.5, "seconds": 150}
    write_rows(tmp_path / "results.csv", [row])
    told = options(
        tmp_path, "--method=st_mae_vit", "--measure=frozen", "--list", "--protocols=full"
    )
    work(chosen(DATA, told), told)
    assert capsys.readouterr().out.splitlines() == [
        "st_mae_vit-0: 2.5 min",
        "full-st_mae_vit-pre-trained-0",
        "full-st_mae_vit-random-0",
        "2 min of training, by rows of such runs; '-' where there is none",
    ]
    assert not (tmp_path / "runs").exists() and not (tmp_path / "RESULTS.md").exists()


def test_runs_are_made_and_their_rows_kept(tmp_path):
    told = options(tmp_path, "--method=coordinates", "--measure=frozen")
    work(chosen(DATA, told), told)
    rows = read_rows(tmp_path / "results.csv")
    assert {(row["protocol"], row["metric"]) for row in rows} == {
        (protocol, f"{kind}, per joint")
        for protocol in ("full", "yaw")
        for kind in ("knn", "linear", "ridge")
    }
    assert "## Synthetic, full (odd/even)" in (tmp_path / "RESULTS.md").read_text()


def test_a_run_that_fails_is_named_at_the_end(tmp_path):
    told = options(tmp_path, "--method=coordinates", "--measure=frozen", "--protocols=full")
    runs = chosen(DATA, told)[:1]
    runs[0].command.append("--no_such_option")
    with pytest.raises(SystemExit, match="1 runs have no result: full-coordinates-knn"):
        work(runs, told)
    assert (tmp_path / "RESULTS.md").exists()
