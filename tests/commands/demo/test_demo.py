from __future__ import annotations

import json
import re
import socket
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from pyg_skeletonmae.commands.demo import demo as module
from pyg_skeletonmae.commands.demo.demo import demo
from pyg_skeletonmae.commands.demo.steps import Size
from pyg_skeletonmae.errors import ConfigError
from pyg_skeletonmae.training import load_release


@pytest.fixture(autouse=True)
def small(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("SKELETONMAE_DATA", raising=False)
    monkeypatch.setitem(module.SIZES, "smoke", Size(8, 8, 1, 1, 48))


def test_the_whole_demonstration_on_synthetic_clips(capsys):
    demo(budget="smoke", out="runs/demo")
    said = capsys.readouterr().out
    assert "48 clips, 12 classes: SYNTHETIC" in said
    assert "classifier              pre-trained" in said and "GB of memory" in said
    assert re.search(r"pre-training gives the classifier [+-]\d+\.\d ± \d+\.\d points", said)
    assert said.rstrip().endswith("report: runs/demo/report.html")
    folder = Path("runs/demo")
    assert [entry.name for entry in folder.parent.iterdir()] == ["demo"]
    page = (folder / "report.html").read_text()
    assert "These clips are synthetic" in page and page.count("data:image/png") == 4
    results = json.loads((folder / "results.json").read_text())
    assert results["synthetic"] is True and len(results["results"]) == 7
    starts = [(row["features"], row["start"]) for row in results["results"]]
    assert starts[0] == ("coordinates", "none") and starts[-1] == ("classifier", "pre-trained")
    assert results["clips"]["labelled"] == 12  # one of each class
    gains, (scratch, tuned) = results["gains"], (row["top1"] for row in results["results"][-2:])
    assert len(gains) == 3 and sum(gains) / 3 == pytest.approx(tuned - scratch)
    assert load_release(folder / "finetune-2" / "release").encoder.frames == 8
    assert {path.name for path in folder.iterdir()} == {
        "config.yaml", "run.json", "results.json", "report.html", "pretrain",
        *(f"{name}{draw}" for name in ("scratch", "finetune") for draw in ("", "-1", "-2")),
    }  # fmt: skip

    demo(budget="smoke", out="runs/demo", seed=1)  # replaces its own, and nothing else
    assert json.loads((folder / "run.json").read_text())["seed"] == 1


@pytest.mark.parametrize(("method", "pictures"), [("st_mae", 4), ("skeleton2vec", 3)])
def test_the_demonstration_of_a_transformer(method, pictures):
    demo(budget="smoke", method=method, out="runs/demo")
    folder = Path("runs/demo")
    page = (folder / "report.html").read_text()
    words = re.sub(r"data:image/png;base64,[\w+/=]+", "PICTURE", page)
    assert words.count("PICTURE") == pictures and "STRL" not in words
    assert ("there is no reconstruction to show" in page) == (method == "skeleton2vec")
    results = json.loads((folder / "results.json").read_text())
    assert len(results["results"]) == 7 and results["reconstruction"] == {}
    assert results["results"][-1]["features"] == "transformer"
    tuned = load_release(folder / "finetune" / "release")
    assert type(tuned.encoder).__name__ == "STEncoder"


def test_all_labels_of_the_system_of_the_paper(capsys):
    demo(budget="smoke", method="graph_mae", labels=1.0, out="runs/demo")
    folder = Path("runs/demo")
    results = json.loads((folder / "results.json").read_text())
    assert results["clips"]["labelled"] == results["clips"]["training"]
    assert results["results"][-1]["features"] == "STRL" and len(results["gains"]) == 1
    assert results["reconstruction"]["error_mm"] > 0
    assert "one run: a few points mean nothing" in capsys.readouterr().out


@pytest.mark.parametrize(("settings", "told"), [({"labels": 0.0}, "share"), ({"draws": 0}, "draw")])
def test_shares_and_draws_that_are_none(settings, told):
    with pytest.raises(ConfigError, match=told):
        demo(budget="smoke", out="runs/demo", **settings)
    assert not Path("runs").exists()


def test_it_replaces_nothing_but_a_demonstration():
    Path("mine").mkdir()
    Path("mine/thesis.txt").write_text("do not delete")
    with pytest.raises(ConfigError, match="mine: exists and is no earlier demonstration"):
        demo(budget="smoke", out="mine")
    assert Path("mine/thesis.txt").read_text() == "do not delete"


def test_a_failure_leaves_no_folder(monkeypatch):
    def fails(*_):
        raise OSError("no space left on device")

    monkeypatch.setattr(module, "write_report", fails)
    monkeypatch.setattr(module, "_run", lambda *_: module.write_report())
    with pytest.raises(OSError, match="no space"):
        demo(budget="smoke", out="runs/demo")
    assert list(Path("runs").iterdir()) == []


def test_uiprmd_is_taken_where_it_is(monkeypatch):
    asked = []

    class Stub(Exception):
        pass

    def opened(root, target, processed_root):
        asked.append((Path(root), target, processed_root))
        raise Stub

    monkeypatch.setattr(module, "UIPRMD", opened)
    Path("data/uiprmd").mkdir(parents=True)
    monkeypatch.setenv("SKELETONMAE_DATA", "data")
    with pytest.raises(Stub):
        demo(budget="smoke")
    assert asked == [(Path("data/uiprmd"), "movement+correctness", Path("data/uiprmd"))]


class NotFound(BaseHTTPRequestHandler):
    """A mirror that has nothing."""

    def do_GET(self):
        self.send_error(404)

    def log_message(self, *_):
        return


@pytest.fixture
def mirror():
    server = ThreadingHTTPServer(("127.0.0.1", 0), NotFound)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def test_a_mirror_without_the_files_is_said_and_passed_over(mirror, caplog, tmp_path):
    dataset, source = module._find_data(Size(8, 8, 1, 1, 24), 0, tmp_path / "cache", mirror)
    assert len(dataset) == 24 and source == module.SYNTHETIC
    (said,) = caplog.messages
    assert said.startswith("download: ") and said.endswith("going on without it")


def test_a_mirror_that_refuses_is_passed_over(caplog, tmp_path):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{free.getsockname()[1]}"
    _, source = module._find_data(Size(8, 8, 1, 1, 24), 0, tmp_path / "cache", address)
    assert source == module.SYNTHETIC and "going on without it" in caplog.text
