"""Run folders side by side."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml
from cli_helpers import runner, the_error
from page_helpers import content


@pytest.fixture
def run(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return runner(capsys)


def folder(name: str, lr: float, losses: list[float], results: dict | None, **more) -> None:
    path = Path(name)
    path.mkdir()
    config = {"seed": 0, "trainer": {"optim": {"lr": lr}, "epochs": 3}, "out": name, **more}
    (path / "config.yaml").write_text(yaml.safe_dump(config))
    lines = [{"epoch": 1 + i, "step": 1 + i, "train/loss": x} for i, x in enumerate(losses)]
    (path / "metrics.jsonl").write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    if results is not None:
        (path / "results.json").write_text(json.dumps(results))


def rows(text: str) -> dict[str, list[str]]:
    return {line.split()[0]: line.split()[1:] for line in text.splitlines()[2:]}


def test_settings_that_differ_and_results(run):
    folder("a", 0.1, [2.0, 1.0], {"test/top1": 0.51239, "selected_on": "test", "note": "x" * 50})
    folder("b", 0.2, [3.0], None, model="STRL")
    code, out, _ = run("compare", "a", "b")
    assert code == 0 and out.splitlines()[0].split() == ["a", "b"]
    found = rows(out)
    assert found["trainer.optim.lr"] == ["0.1", "0.2"] and found["finished"] == ["yes", "no"]
    assert not {"seed", "trainer.epochs", "out", "model"} & found.keys()
    assert found["test/top1"] == ["0.5124", "-"] and found["selected_on"] == ["test", "-"]
    assert found["train/loss"] == ["-", "3"]  # where a run stands that is not finished
    assert found["note"] == [37 * "x" + "...", "-"]


def test_curves(run):
    folder("a", 0.1, [2.0, 1.0], {})
    folder("b", 0.2, [], {})
    code, _, _ = run("compare", "a", "b", "--plot", "deep/out.png")
    assert code == 0 and Path("deep/out.png").read_bytes().startswith(b"\x89PNG")
    assert run("compare", "a", "b", "--plot", "deep/out.html")[0] == 0
    assert "http-equiv" in Path("deep/out.html").read_text(encoding="utf-8")
    line = the_error(run("compare", "a", "b", "--plot=out.png", "--curve=eval/top1"))
    assert line == "curve 'eval/top1': no run has it; there are train/loss"
    line = the_error(run("compare", "a", "--plot=new/out.nothing"))
    assert line.startswith("plot new/out.nothing: expected a picture's ending, one of ")
    assert not Path("new").exists()


def test_results_of_evaluations(run):
    """Which log nothing over epochs."""
    for name, top1 in (("<b>knn</b>", 0.5), ("$linear$", 0.75)):
        path = Path(name.replace("/", "_"))
        path.mkdir()
        (path / "config.yaml").write_text("protocol: knn\n")
        results = {"protocol": "knn", "top1": top1, "random_init": False, "notes": ["x"]}
        (path / "results.json").write_text(json.dumps(results))
    names = ("<b>knn<_b>", "$linear$")
    assert run("compare", *names, "--plot=out.png", "--curve=top1")[0] == 0
    assert Path("out.png").read_bytes().startswith(b"\x89PNG")
    assert run("compare", *names, "--plot=out.html", "--curve=top1")[0] == 0
    (chart,) = content(Path("out.html"))["charts"][0]["data"]
    assert chart["x"] == [0.5, 0.75] and chart["y"] == ["&lt;b&gt;knn&lt;_b&gt;", "$linear$"]
    line = the_error(run("compare", *names, "--plot=no.png"))
    assert line == "curve 'train/loss': no run has it; there are top1"
    assert not Path("no.png").exists()


def test_folders_without_a_run(run):
    assert "nowhere: holds no run" in the_error(run("compare", "nowhere"))
    folder("a", 0.1, [], {})
    Path("a/results.json").write_text("{")
    assert "damaged" in the_error(run("compare", "a"))
    Path("a/results.json").write_text("[1]")
    assert "expected a mapping, found list" in the_error(run("compare", "a"))
    assert run("compare")[0] == 2


def test_settings_that_are_no_json(run):
    folder("a", 0.1, [], {})
    folder("b", 0.1, [], {})
    for name, day in (("a", 1), ("b", 2)):
        with Path(name, "config.yaml").open("a") as file:
            file.write(f"note: 2026-01-0{day}\n")  # which YAML takes for a date
    assert rows(run("compare", "a", "b")[1])["note"] == ["2026-01-01", "2026-01-02"]


def test_a_folder_of_runs_is_listed(run):
    Path("runs/deep").mkdir(parents=True)
    folder("runs/b", 0.1, [2.0, 1.5], None)
    folder("runs/a", 0.1, [2.0], {"epoch": 9, "seconds": 3.5, "train/loss": 1.0, "test/top1": 0.5})
    folder("runs/deep/c", 0.2, [], {"protocol": "knn", "top1": 0.25})
    folder("runs/deep/damaged", 0.2, [], {})
    Path("runs/deep/damaged/results.json").write_text("{")
    folder("runs/a/release", 0.2, [], {})  # not a run, whatever it holds
    Path("runs/other").mkdir()
    Path("runs/other/config.yaml").write_text("of: something else\n")
    info = {"command": ["skeletonmae", "finetune"], "started": "2026-11-28T07:10:01+00:00"}
    Path("runs/a/run.json").write_text(json.dumps(info))
    code, out, err = run("compare", "runs")
    assert code == 0 and [line.split() for line in out.splitlines()] == [
        ["run", "command", "started", "finished", "epoch", "result"],
        [len(out.splitlines()[1]) * "-"],
        ["runs/a", "finetune", "2026-11-28", "07:10", "yes", "9", "test/top1", "0.5"],
        ["runs/b", "no", "2", "train/loss", "1.5"],
        ["runs/deep/c", "yes", "-", "top1", "0.25"],
    ]
    assert err.startswith("note: left out: runs/deep/damaged/results.json: damaged")
    assert "damaged" in the_error(run("compare", "runs/deep/damaged"))
    Path("empty").mkdir()
    assert "empty: holds no run" in the_error(run("compare", "empty"))


def test_as_json(run):
    folder("a", 0.1, [2.0], {"test/top1": 0.5})
    folder("b", 0.2, [3.0], None)
    first, second = json.loads(run("compare", "a", "b", "--json")[1])
    assert first["run"] == "a" and first["results"] == {"test/top1": 0.5} and first["finished"]
    assert second["settings"]["trainer.optim.lr"] == 0.2 and second["results"]["train/loss"] == 3.0
    assert [entry["run"] for entry in json.loads(run("compare", ".", "--json")[1])] == ["a", "b"]
