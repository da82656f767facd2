"""Fine-tuning with fewer labels, from other joints, and with other weights than the last."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from cli_helpers import FAST, TINY, packed_arrays, runner, the_error, write_packed
from page_helpers import content

from pyg_skeletonmae.training import load_release, read_metrics

SMALL = (*TINY, "--model.num_layers=1")


@pytest.fixture
def run(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return runner(capsys)


@pytest.fixture
def finetune(run, tmp_path):
    path = write_packed(tmp_path / "sticks.npz")

    def finetune(*options: str) -> tuple[int, str, str]:
        return run("finetune", "--data.name=npz", f"--data.path={path}", *FAST, *SMALL, *options)

    return finetune


def test_a_share_of_the_labels_is_written_down_and_read(finetune):
    share = ("--data.label_fraction=0.5", "--data.label_draw=2", "--data.balanced=true")
    code, out, _ = finetune(*share, "--out=drawn")
    found = json.loads(out)
    assert code == 0 and (found["clips"], found["selected_on"]) == (4, "last")
    names = Path("drawn/labels.txt").read_text().splitlines()
    (kept,) = Path("data/labels").iterdir()
    assert kept.name.endswith("-0.5-balanced-draw2.txt")
    assert kept.read_text().splitlines() == names and len(names) == 4
    code, out, _ = finetune("--data.label_file=drawn/labels.txt", "--out=named")
    assert code == 0 and json.loads(out)["test/top1"] == found["test/top1"]
    both = (*share, "--data.label_file=drawn/labels.txt", "--out=both")
    assert "give one of the two" in the_error(finetune(*both))


def test_the_best_on_the_test_clips_is_marked(finetune):
    epochs = ("--trainer.max_epochs=4", "--trainer.evaluate_every=2")
    code, _, _ = finetune(*epochs, "--select=test-best", "--out=best")
    found = json.loads(Path("best/results.json").read_text())
    assert code == 0 and found["selected_on"] == "test"
    curve = [line["eval/top1"] for line in read_metrics("best") if "eval/top1" in line]
    assert len(curve) == 2 and found["test/top1"] == max(curve)
    (chart,) = content(Path("best/confusion.html"))["charts"]  # of the weights that were tested
    counts = np.array(chart["data"][0]["customdata"])
    assert np.trace(counts) / counts.sum() == pytest.approx(found["test/top1"])
    assert "data.val_subjects" in the_error(finetune("--select=val-best", "--out=no"))
    assert not Path("no").exists()


def test_a_batch_of_one_clip_is_left_out(finetune):
    """Seven clips in batches of three: a BatchNorm over the last one alone has no variance."""
    names = [f"clip_{i:02}" for i in (0, 1, 4, 5, 8, 9, 12)]
    Path("seven.txt").write_text("\n".join(names))
    code, out, err = finetune(
        "--data.label_file=seven.txt", "--data.batch_size=3", "--data.frames=8", "--out=seven"
    )
    assert code == 0, err
    assert (json.loads(out)["step"], json.loads(out)["clips_seen"]) == (2, 6)


def test_an_encoder_of_other_joints(run, finetune, tmp_path):
    path = write_packed(tmp_path / "four.npz", **packed_arrays(joints=4))
    data = ("--data.name=npz", f"--data.path={path}", *FAST, *TINY, "--model.mask=RandomMask")
    assert run("pretrain", *data, "--out=pre")[0] == 0
    assert "finetune --bridge" in the_error(finetune("--pretrained=pre", "--out=no"))
    assert finetune("--pretrained=pre", "--bridge", "--out=tuned")[0] == 0
    assert "bridge: needs --pretrained" in the_error(finetune("--bridge", "--out=no"))


def test_a_release_holds_the_averaged_weights(finetune):
    """Of the last two epochs of three, as the last checkpoint and what was tested."""
    averaging = ("--trainer.max_epochs=3", "--trainer.optim.swa_start=1", "--trainer.optim.lr=0.1")
    code, out, err = finetune(*averaging, "--trainer.optim.swa_lr=0.05", "--out=mean")
    assert code == 0, err
    assert json.loads(out)["averaged"] == 2
    last = torch.load("mean/last.ckpt", weights_only=True)
    released = load_release("mean").state_dict()
    assert last["average"] is None and last["model"].keys() == released.keys()
    assert all(released[name].equal(value) for name, value in last["model"].items())
    told = json.loads(Path("mean/release/metrics.json").read_text())
    assert told["metrics"]["averaged"] == 2
    settings = yaml.safe_load(Path("mean/config.yaml").read_text())["trainer"]["optim"]
    assert (settings["swa_start"], settings["swa_lr"], settings["swa_anneal"]) == (1, 0.05, 10)
    short = finetune("--trainer.max_epochs=1", "--trainer.optim.swa_start=1", "--out=short")
    assert "optim.swa_start 1: the run has 1 epochs" in the_error(short)
    assert not Path("short").exists()
