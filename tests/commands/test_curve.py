from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest
from cli_helpers import TINY, runner, the_error, write_packed
from job_helpers import make_job

from pyg_skeletonmae.commands import curve as module
from pyg_skeletonmae.commands.curve import curve
from pyg_skeletonmae.commands.options import CurveConfig, Options, TuneConfig

STARTS = ("pretrained", "random", "random_clips")
FROZEN = {
    f"{classifier}{segments}_{start}"
    for classifier in ("knn", "linear")
    for segments in ("", "_segments4")
    for start in STARTS
}


@pytest.fixture
def run(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("SKELETONMAE_DATA", raising=False)
    return runner(capsys)


@pytest.fixture
def options(run, tmp_path):
    path = write_packed(tmp_path / "sticks.npz")
    data = ("--data.name=npz", f"--data.path={path}", "--data.frames=8", "--data.batch_size=5",
            "--keep_memory=false")  # fmt: skip
    assert run("pretrain", *data, "--trainer.max_epochs=1", *TINY, "--out=pre")[0] == 0
    return (*data, "--pretrained=pre", "--protocol=curve", "--curve.draws=2", "--tune.clips=8")


def test_a_table_and_a_picture_in_one_command(run, options):
    labels = ("--curve.labels=[1,2,9]", "--curve.finetune=true")
    code, out, err = run("evaluate", *options, *labels, "--out=curve")
    assert code == 0, err
    found = json.loads(out)
    assert (found["labels"], found["clips"]) == ([1, 2, "all"], [2, 4, 8])
    assert found["top1"].keys() == found["interval"].keys() == FROZEN | {"scratch", "finetuned"}
    assert "labels a class 9: left out, a class has 4 training clips" in found["notes"]
    assert all(own[2] is None for own in found["interval"].values())
    rows = list(csv.DictReader(Path("curve/curve.csv").read_text().splitlines()))
    assert len(rows) == len(found["top1"]) * 5
    of = [float(row["top1"]) for row in rows if (row["measure"], row["labels"]) == ("scratch", "2")]
    assert sum(of) / 2 == pytest.approx(found["top1"]["scratch"][1])
    assert Path("curve/curve.html").is_file()
    assert Path("curve/curve.png").read_bytes()[:4] == b"\x89PNG"
    assert len(Path("curve/2-draw1/labels.txt").read_text().splitlines()) == 4
    # Stopped before its end, it does not measure again what was measured.
    Path("curve/results.json").unlink()
    Path("curve/2-draw1/results.json").unlink()
    before = Path("curve/1-draw0/results.json").stat().st_mtime_ns
    code, out, err = run("evaluate", *options, *labels, "--out=curve", "--resume")
    assert code == 0, err
    assert {key: json.loads(out)[key] for key in ("top1", "notes")} == {
        key: found[key] for key in ("top1", "notes")
    }
    assert Path("curve/1-draw0/results.json").stat().st_mtime_ns == before


def test_all_labels_are_the_numbers_of_the_other_protocols(run, options):
    data = [option for option in options if "curve" not in option and "tune" not in option]
    code, out, err = run("evaluate", *options, "--curve.labels=[]", "--curve.scratch=false")
    assert code == 0, err
    top1 = json.loads(out)["top1"]
    assert top1.keys() == FROZEN
    code, out, err = run("evaluate", *data, "--protocol=all")
    assert code == 0, err
    per_joint = {k: value for k, value in json.loads(out).items() if "_per_joint" in k}
    assert len(per_joint) == 4
    for name, value in per_joint.items():
        assert top1[f"{name.replace('_per_joint', '')}_pretrained"] == [value]


def test_mirrored_copies_go_with_their_clips(run):
    bodies = ("--data.name=synthetic", "--data.num_clips=40", "--data.num_classes=2",
              "--data.frames=8", "--keep_memory=false")  # fmt: skip
    assert run("pretrain", *bodies, "--trainer.max_epochs=1", *TINY, "--out=pre")[0] == 0
    bare = ("--pretrained=pre", "--segments=1", "--flip")
    told = ("--protocol=curve", "--curve.labels=[1]", "--curve.draws=1", "--curve.scratch=false")
    code, out, err = run("evaluate", *bodies, *bare, *told)
    assert code == 0, err
    found = json.loads(out)
    assert found["top1"].keys() == {name for name in FROZEN if "segments" not in name}
    code, out, _ = run("evaluate", *bodies, *bare, "--protocol=knn")
    assert found["top1"]["knn_pretrained"][1] == json.loads(out)["top1"]


def test_without_matplotlib_there_is_no_picture(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "find_spec", lambda name: None)
    told = Options(curve=CurveConfig([1], 1, scratch=False), segments=[1])
    curve(make_job(tmp_path, folder=tmp_path / "out"), told)
    assert (tmp_path / "out/curve.csv").is_file() and not (tmp_path / "out/curve.png").exists()


def test_the_network_from_scratch_does_not_know_the_pre_trained_weights(tmp_path):
    told = Options(TuneConfig(clips=8), curve=CurveConfig([], 1), segments=[1])
    one, other = make_job(tmp_path), make_job(tmp_path)
    for parameter in other.needed_encoder().parameters():
        parameter.data.mul_(3.0)
    top1 = [curve(job, told)["top1"] for job in (one, other)]
    assert top1[0]["scratch"] == top1[1]["scratch"]
    assert top1[0]["linear_random"] == top1[1]["linear_random"]


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (("--random_init",), "random_init: protocol curve shows the random twins by itself"),
        (("--curve.draws=0",), "curve: expected a draw and labels"),
        (("--curve.labels=[0]",), "curve: expected a draw and labels"),
        (("--tune.epochs=1",), "tune.epochs, tune.clips: give one of the two"),
        (("--statistics=both",), "statistics both: protocol curve trains"),
    ],
)
def test_bad_options(run, options, more, said):
    assert said in the_error(run("evaluate", *options, *more, "--out=bad"))
    assert not Path("bad").exists()
