"""What an earlier version wrote is read, and masked pre-training computes what it computed."""

import json
import shutil
from pathlib import Path

import pytest
import torch
from model_helpers import make_batch
from recorded.record import CONFIGURATIONS, measure

from pyg_skeletonmae.commands.cli import main
from pyg_skeletonmae.datasets import SkeletonDataset
from pyg_skeletonmae.models import GraphSkeletonMAE
from pyg_skeletonmae.training import load_release
from pyg_skeletonmae.training.checkpoint import renamed

RECORDED = Path(__file__).with_name("recorded")
PRETRAINING = json.loads((RECORDED / "pretraining.json").read_text())
DATA = [
    "--data.name=synthetic",
    "--data.frames=8",
    "--data.num_clips=40",
    "--data.num_classes=3",
    "--data.num_subjects=4",
    "--keep_memory=false",
]


@pytest.mark.parametrize("name", CONFIGURATIONS)
def test_pretraining_computes_what_was_recorded(name: str) -> None:
    now, then = measure(CONFIGURATIONS[name]), PRETRAINING[name]
    former = GraphSkeletonMAE.former_names if name.startswith("graph") else {}

    assert now["loss"] == pytest.approx(then["loss"], rel=1e-6)
    for part in ("weights", "gradients", "moved"):
        known = {renamed(key, former): value for key, value in then[part].items()}
        assert now[part].keys() == known.keys(), part
        for key, (norm, ramp) in known.items():
            tolerance = 1e-5 * norm + 1e-9
            assert now[part][key] == pytest.approx([norm, ramp], abs=2 * tolerance), (part, key)


@pytest.mark.parametrize("name", ["graph_mae", "skeleton2vec", "strl"])
def test_releases_are_read(name: str) -> None:
    model = load_release(RECORDED / "trained" / name / "release")
    batch = make_batch(model.encoder.skeleton, (1, 1), 8)

    assert model.eval()(batch)["loss"].isfinite()


@pytest.mark.parametrize(
    ("command", "name"),
    [("pretrain", "graph_mae"), ("pretrain", "skeleton2vec"), ("finetune", "strl")],
)
def test_runs_go_on(
    command: str, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(RECORDED / "trained", tmp_path / "runs")
    monkeypatch.chdir(tmp_path)
    out = Path("runs", name)
    config = ["--config", str(out / "config.yaml"), "--resume", "--trainer.max_epochs=3"]

    assert main([command, *config]) == 0
    assert json.loads((out / "results.json").read_text())["epoch"] == 3


def test_runs_are_evaluated(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(RECORDED / "trained", tmp_path / "runs")
    monkeypatch.chdir(tmp_path)

    assert main(["evaluate", "--pretrained=runs/graph_mae", "--protocol=knn", *DATA]) == 0
    assert json.loads(capsys.readouterr().out)["top1"] == pytest.approx(0.579, abs=0.06)


@pytest.mark.parametrize(
    ("name", "clips", "missing"),
    [("synthetic", 6, 12), ("arrays", 4, 1), ("poses/arrays-97adde01", 2, 0)],
)
def test_stores_are_read(name: str, clips: int, missing: int) -> None:
    dataset = SkeletonDataset(RECORDED / "stores" / name)
    valid = torch.cat([data.valid.flatten() for data in dataset])

    assert len(dataset) == clips
    assert (~valid).sum() == missing
    dataset.store.verify()
