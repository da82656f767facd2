from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from tables import runner
from tables.runner import Run, collect, execute

from pyg_skeletonmae.commands.cli import main

# A program that takes the options of a run: it notes that it began, waits for a file, and ends.
_FAKE = """
import json, pathlib, sys, time
options = dict(o[2:].partition("=")[::2] for o in sys.argv[1:] if o.startswith("--"))
out = pathlib.Path(options["out"])
out.mkdir(parents=True, exist_ok=True)
with (out.parent / "begun").open("a") as file:
    file.write(out.name + "\\n")
if "fail" in options:
    sys.exit("it failed")
for _ in range(200):
    if "wait" not in options or pathlib.Path(options["wait"]).exists():
        break
    time.sleep(0.02)
(out / "results.json").write_text(json.dumps({"top1": 0.5, "options": sorted(options)}))
"""
METRICS = {"top1": "top1"}
ROW = {"data": "d", "split": "s", "protocol": "p", "method": "m", "config": "c", "seed": 0}


@pytest.fixture
def fake(tmp_path, monkeypatch) -> Path:
    (tmp_path / "fake.py").write_text(_FAKE)
    monkeypatch.setattr(runner, "PROGRAM", [sys.executable, "-S", str(tmp_path / "fake.py")])
    return tmp_path / "runs"


def begun(root: Path) -> list[str]:
    return (root / "begun").read_text().split()


def test_finished_runs_are_skipped_and_others_made_in_order(fake, capsys):
    runs = [Run("late", [], pretrained="start"), Run("start", []), Run("other", [])]
    execute(runs, fake, jobs=1)
    assert begun(fake) == ["start", "late", "other"]  # late as soon as it can
    options = json.loads((fake / "late/results.json").read_text())["options"]
    assert options == ["out", "pretrained"]
    execute(runs, fake, jobs=2)
    assert len(begun(fake)) == 3
    assert capsys.readouterr().out.count("finished before") == 3


def test_a_failed_run_is_said_and_what_needs_it_left_out(fake, capsys):
    runs = [Run("bad", ["--fail"]), Run("needs", [], ROW, METRICS, "bad"), Run("good", [])]
    failed = execute(runs, fake, jobs=2, table=fake / "results.csv")
    assert sorted(failed) == ["bad", "needs"]
    said = capsys.readouterr().out
    assert "bad: FAILED (1): it failed" in said and "needs: left out, bad is not" in said
    assert "good: done" in said and not (fake / "results.csv").exists()
    assert collect(runs, fake) == []


def test_rows_enter_the_table_when_their_run_ends(fake):
    table, go = fake / "results.csv", fake / "go"
    fake.mkdir()
    runs = [
        Run("quick", [], ROW, METRICS),
        Run("slow", [f"--wait={go}"], {**ROW, "seed": 1}, METRICS),
    ]
    worker = _in_thread(lambda: execute(runs, fake, 2, table))
    _until(table.exists)
    assert table.read_text().count("\n") == 2
    go.touch()
    worker.join()
    assert table.read_text().count("\n") == 3


def test_two_processes_share_a_list_without_making_a_run_twice(fake, capsys):
    fake.mkdir()
    runs = [Run("a", [f"--wait={fake / 'go'}"]), Run("b", [])]
    workers = [_in_thread(lambda: execute(runs, fake, 1)) for _ in range(2)]
    _until((fake / "begun").exists)
    (fake / "go").touch()
    for worker in workers:
        worker.join()
    assert sorted(begun(fake)) == ["a", "b"]


def test_a_finished_run_of_other_settings_is_named_and_left_out_of_the_table(fake, capsys):
    config = fake.parent / "preset.yaml"
    config.write_text("lr: 1")
    runs = [Run("start", [f"--config={config}"]), Run("late", [], ROW, METRICS, "start")]
    execute(runs, fake, jobs=1)
    assert len(collect(runs, fake)) == 1
    config.write_text("lr: 2")
    assert execute(runs, fake, jobs=1) == ["start", "late"]
    said = f"start: finished before, with other settings: delete {fake / 'start'} to redo it"
    assert said in capsys.readouterr().out and len(begun(fake)) == 2
    assert collect(runs, fake) == []  # what it went on from is none of today's, either
    new = Run("new", [], ROW, METRICS, "start")
    assert execute([runs[0], new], fake, jobs=1) == ["start", "new"]
    assert "new: left out, start has other settings" in capsys.readouterr().out
    config.write_text("lr: 1")
    assert len(collect(runs, fake)) == 1
    assert collect([Run("late", ["--quick"], ROW, METRICS, "start")], fake) == []


def test_data_may_move(fake):
    here, there = (Run("a", [f"--data.path={p}", f"--data.cache={p}"], ROW, METRICS) for p in "xy")
    execute([here], fake, jobs=1)
    assert len(collect([there], fake)) == 1


@pytest.mark.parametrize("jobs", [1, 2])
def test_runs_of_one_folder_are_made_once_for_all_their_rows(fake, jobs):
    rows = [ROW, {**ROW, "protocol": "q"}]
    runs = [Run("a", [], row, METRICS) for row in rows]
    assert execute([*runs, Run("b", [])], fake, jobs, fake / "results.csv") == []
    assert sorted(begun(fake)) == ["a", "b"]
    assert (fake / "results.csv").read_text().count("\n") == 3


def test_what_a_run_printed_stays(fake):
    runs = [Run("bad", ["--fail"])]
    execute(runs, fake, jobs=1)
    (fake / "bad").mkdir(exist_ok=True)
    (fake / "bad/results.json").write_text("{}")  # finished by another process meanwhile
    execute(runs, fake, jobs=1)
    assert "it failed" in (fake / ".logs/bad.log").read_text()


def test_a_run_told_to_stop_is_not_finished(fake):
    folder = fake / "a"
    folder.mkdir(parents=True)
    (folder / "results.json").write_text('{"finished": 0.0}')
    (folder / "last.ckpt").touch()
    (folder / "config.yaml").touch()
    execute([Run("a", [])], fake, jobs=1)
    assert json.loads((folder / "results.json").read_text())["options"] == ["out", "resume"]


def test_a_folder_without_a_checkpoint_is_begun_anew(fake):
    (fake / "a").mkdir(parents=True)
    (fake / "a/config.yaml").touch()
    execute([Run("a", [])], fake, jobs=1)
    assert not (fake / "a/config.yaml").exists() and (fake / "a/results.json").exists()


def test_a_run_killed_at_any_moment_yields_the_row_of_an_uninterrupted_one(tmp_path):
    """The process of the run is killed once it has a checkpoint; the runner then goes on."""
    command = [
        "finetune", "--data.name=synthetic", "--data.num_clips=24", "--data.num_classes=2",
        "--data.num_subjects=2", "--data.frames=8", "--data.batch_size=2", "--keep_memory=false",
        "--model.hidden_channels=8", "--model.num_layers=1", "--model.depth=1",
        "--trainer.max_epochs=20", "--trainer.progress=false",
    ]  # fmt: skip
    runs = [Run("a", command, ROW, {"test/top1": "top1", "train/loss": "loss"})]
    first = subprocess.Popen(
        [*runner.PROGRAM, *command, f"--out={tmp_path / 'killed/a'}"],
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    log = tmp_path / "killed/a/metrics.jsonl"
    _until(lambda: (log.exists() and log.read_text().count("\n") > 3) or first.poll() is not None)
    first.send_signal(signal.SIGKILL)
    assert first.wait() == -signal.SIGKILL, "too late: it had ended"
    execute(runs, tmp_path / "killed", jobs=0)
    execute(runs, tmp_path / "whole", jobs=0)
    killed, whole = (collect(runs, tmp_path / name) for name in ("killed", "whole"))
    measured = {"seconds": 0, "peak_mib": 0}
    assert [row | measured for row in killed] == [row | measured for row in whole]
    assert len(whole) == 2 and whole[0]["clips_seen"] == 20 * 12
    assert main(["finetune", *command[1:], f"--out={tmp_path / 'whole/a'}"]) == 2  # taken


def _until(true: Callable[[], object], seconds: float = 120.0) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "waited too long"
        time.sleep(0.02)


def _in_thread(call: Callable[[], None]) -> threading.Thread:
    thread = threading.Thread(target=call)
    thread.start()
    return thread
