"""Every script from the owners' files to rows of the table, on miniatures of the data sets."""

from __future__ import annotations

import csv
import runpy
import sys
from pathlib import Path

import ablation
import pytest
from miniature_helpers import write_ntu, write_pku, write_poses
from tables.command import clips_of
from tables.protocols import METHODS, Bench

from pyg_skeletonmae.layouts import COCO17
from pyg_skeletonmae.transforms.masking import keep_count

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture(scope="module")
def files(tmp_path_factory) -> Path:
    root = tmp_path_factory.mktemp("files")
    write_ntu(root / "ntu")
    write_pku(root / "pku1", 1)
    write_pku(root / "pku2", 2)
    write_poses(root / "finegym/gym_hrnet.pkl", ("train", "val"))
    write_poses(root / "diving48/diving48_hrnet.pkl", ("train", "test"))
    write_poses(root / "ntu60_hrnet.pkl", ("xsub_train", "xsub_val"))
    return root


@pytest.fixture
def smoke(files, tmp_path, monkeypatch):
    """Runs a script on a miniature; (protocol, method) to its metrics, from the table."""
    monkeypatch.chdir(tmp_path)

    def run(name: str, data: str, *arguments: str) -> dict[tuple[str, str], dict[str, float]]:
        out = tmp_path / "out"
        argv = [f"{name}.py", f"--data={files / data}", "--smoke", "--seeds=0", f"--out={out}"]
        monkeypatch.setattr(sys, "argv", [*argv, *arguments])
        runpy.run_path(str(BENCHMARKS / f"{name}.py"), run_name="__main__")
        found: dict[tuple[str, str], dict[str, float]] = {}
        with (out / "results.csv").open(newline="") as file:
            for row in csv.DictReader(file):
                assert 0 <= float(row["value"]) <= 1 and row["data_hash"] and row["config_hash"]
                about = found.setdefault((row["protocol"], row["method"]), {})
                about[row["metric"]] = float(row["value"])
        for protocol, method in found:
            assert f"| {method} |" in (out / "RESULTS.md").read_text(), protocol
        return found

    return run


TRANSFORMERS = [name for name in METHODS if name != "graph_mae"]  # which has 2-D poses
ANCHORS = {"coordinates, 1-NN", "coordinates, ridge", "ST-GCN from scratch"}


def methods(found, protocol: str) -> set[str]:
    return {method for own, method in found if own == protocol}


def test_ntu_linear(smoke):
    found = smoke("ntu_linear", "ntu", "--method=mamp", "--datasets=ntu120", "--splits=xset")
    assert methods(found, "linear") == ANCHORS | {"mamp pre-trained", "mamp random"}


def test_ntu_knn(smoke):
    arguments = ("--method=skeleton2vec", "--datasets=ntu60", "--splits=xview")
    found = smoke("ntu_knn", "ntu", *arguments)
    assert methods(found, "knn") == ANCHORS | {"skeleton2vec pre-trained", "skeleton2vec random"}


def test_ntu_finetune_marks_what_was_selected_on_test_clips(smoke):
    arguments = ("--datasets=ntu60", "--splits=xsub", "--select=test-best")
    found = smoke("ntu_finetune", "ntu", "--method=st_mae_sttformer", *arguments)
    assert methods(found, "finetune") == ANCHORS | {"st_mae_sttformer pre-trained"}
    assert "top1, test-best" in found["finetune", "st_mae_sttformer pre-trained"]


def test_ntu_finetune_on_poses(smoke):
    arguments = ("--method=graph_mae", "--datasets=ntu60", "--splits=xsub")
    found = smoke("ntu_finetune", "ntu60_hrnet.pkl", *arguments)
    assert methods(found, "finetune") == ANCHORS | {"graph_mae pre-trained"}


def test_ntu_semi(smoke):
    arguments = ("--method=st_mae_vit", "--splits=xsub", "--shares", "50")
    found = smoke("ntu_semi", "ntu", *arguments)
    assert methods(found, "semi 50 %") == ANCHORS | {"st_mae_vit pre-trained"}


def test_ntu_transfer(smoke, files):
    arguments = ("--method=skeleton2vec", "--sources=ntu60", f"--source-data={files / 'ntu'}")
    found = smoke("ntu_transfer", "pku2", *arguments)
    names = ANCHORS | {"skeleton2vec pre-trained"}
    assert methods(found, "transfer from NTU RGB+D 60") == names


@pytest.mark.parametrize("part", [1, 2])
def test_pkummd(smoke, part):
    arguments = (f"--datasets=pkummd{part}", "--splits=xsub", "--method=graph_mae")
    found = smoke("pkummd", f"pku{part}", *arguments)
    assert methods(found, "linear") == ANCHORS | {"graph_mae pre-trained", "graph_mae random"}
    assert methods(found, "finetune") == ANCHORS | {"graph_mae pre-trained"}
    names = {"coordinates, linear", "graph_mae pre-trained", "graph_mae random"}
    names.add("ST-GCN, supervised")
    assert methods(found, "detection") == names
    ious = {f"mAP over {over}s, IoU {iou}" for over in ("action", "video") for iou in (0.1, 0.5)}
    assert all(set(found["detection", name]) == ious for name in names)


@pytest.mark.parametrize("name", ["finegym", "diving48"])
def test_poses_of_athletes(smoke, name):
    found = smoke(name, name, "--method=graph_mae")
    assert methods(found, "finetune") == ANCHORS | {"graph_mae pre-trained"}
    assert set(found["finetune", "graph_mae pre-trained"]) == {"top1", "mean_class"}
    assert methods(found, "linear") == ANCHORS | {"graph_mae pre-trained", "graph_mae random"}


def test_ablation(smoke):
    arguments = ("--only", "depth 1", "layers 1, not", "joint", "top 1")
    found = smoke("ablation", "finegym", *arguments)
    wanted = {
        ("ablation: depth of the encoder", "depth 1"),
        ("ablation: STRL layers", "layers 1, not pre-trained"),
        ("ablation: masking levels", "joint"),
        ("ablation: layers of the target", "top 1"),
    }
    assert set(found) == wanted | {(about, name) for about, _ in wanted for name in ANCHORS}


@pytest.mark.parametrize(
    ("name", "arguments", "said"),
    [
        ("ntu_knn", ("--splits=xsubj",), "--splits xsubj: expected some of"),
        ("ablation", ("--only", "no such variant"), "these options leave no run"),
        ("ntu_finetune", ("--data=ntu60_hrnet.pkl",), "of which data set? Name it by --datasets"),
        ("ntu_knn", ("--jobs=-1",), "argument --jobs: invalid choice"),
    ],
)
def test_options_that_mean_nothing(monkeypatch, capsys, tmp_path, name, arguments, said):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", [f"{name}.py", *arguments])
    with pytest.raises(SystemExit):
        runpy.run_path(str(BENCHMARKS / f"{name}.py"), run_name="__main__")
    assert said in capsys.readouterr().err and list(tmp_path.iterdir()) == []


def test_a_script_says_that_a_run_failed(smoke):
    arguments = ("--datasets=ntu60", "--splits=xsub", "--method=mamp", "--set=--data.frames=7")
    with pytest.raises(SystemExit, match=r"runs have no result: .*mamp"):
        smoke("ntu_finetune", "ntu", *arguments)


def test_the_ablation_is_all_of_the_published_one():
    bench = Bench(clips_of("finegym", "official", None, Path("data")))
    named = {run.row["protocol"] + run.row["method"] for run in ablation.graph(bench, 0) if run.row}
    published = (BENCHMARKS / "published.csv").read_text().splitlines()
    wanted = [row for row in csv.DictReader(published) if row["protocol"].startswith("ablation")]
    missing = [
        row["method"]
        for row in wanted
        if row["data"] == "FineGym" and row["protocol"] + row["method"] not in named
    ]
    assert len(wanted) > 50 and missing == []


def test_random_joints_are_as_many_as_those_of_the_parts():
    for percent, joints in ablation.JOINTS.items():
        ratio = float(f"{joints / 17:.3f}")
        assert 17 - keep_count(17, ratio) == joints
        for names in ablation.PART_SETS[percent]:
            parts = {name: len(COCO17.parts[name]) for name in ablation.PARTS}
            assert abs(sum(parts[name] for name in names.split()) - joints) <= 1


@pytest.mark.parametrize(
    ("name", "arguments", "methods"),
    [
        ("ntu_linear", ["--incomplete=fetch"], TRANSFORMERS),
        ("ntu_knn", ["--incomplete=fetch"], TRANSFORMERS),
        ("ntu_finetune", ["--incomplete=fetch"], TRANSFORMERS),
        ("ntu_semi", ["--incomplete=fetch"], TRANSFORMERS),
        ("ntu_transfer", ["--incomplete=fetch"], TRANSFORMERS),
        ("ntu_finetune", ["--data=ntu60_hrnet.pkl", "--datasets=ntu60"], ["graph_mae"]),
        ("pkummd", [], TRANSFORMERS),
        ("finegym", [], ["graph_mae"]),
        ("diving48", [], ["graph_mae"]),
        ("ablation", [], ["graph_mae"]),
    ],
)
def test_scripts_say_what_differs_from_the_publications(
    monkeypatch, capsys, tmp_path, name, arguments, methods
):
    """Before anything runs; of the papers' presets, on all of their data sets: nothing."""
    monkeypatch.chdir(tmp_path)
    chosen = [] if name == "ablation" else ["--method", *methods]
    monkeypatch.setattr(sys, "argv", [f"{name}.py", "--dry", "--seeds=0", *arguments, *chosen])
    runpy.run_path(str(BENCHMARKS / f"{name}.py"), run_name="__main__")
    lines = [line for line in capsys.readouterr().out.splitlines() if ": pipeline " in line]
    for method in methods:
        own = [line for line in lines if f": {method}: pipeline " in line]
        assert own and all("differs from the publication: nothing" in line for line in own)
    assert list(tmp_path.iterdir()) == []
