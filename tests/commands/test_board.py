"""What TensorBoard shows of a pre-training: read by its own accumulator."""

import json

import pytest
import torch
from cli_helpers import FAST, packed_arrays, runner, the_error, write_packed
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from pyg_skeletonmae.commands.board import FOLDER
from pyg_skeletonmae.training import load_release

BONES = "--data.stream=bone"


@pytest.fixture
def command(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = write_packed(tmp_path / "sticks.npz", **packed_arrays())
    return (
        "pretrain", "--data.name=npz", f"--data.path={path}", f"--data.cache={tmp_path / 'cache'}",
        "--model=GraphSkeletonMAE", "--model.hidden_channels=8", "--model.depth=1",
        "--trainer.monitor=null", "--trainer.accelerator=cpu", "--data.flip=0", "--quiet", *FAST,
    )  # fmt: skip


def images(folder):
    """The steps of the pictures that TensorBoard shows."""
    board = EventAccumulator(str(folder)).Reload()
    return [event.step for event in board.Images("reconstruction")]


@pytest.mark.parametrize("val", ["[]", "[3]"])
def test_pictures_and_points_are_there(tmp_path, capsys, command, val):
    run = runner(capsys)
    command = (*command, f"--data.val_subjects={val}")
    assert run(*command, "--out=off", "--trainer.max_epochs=3")[0] == 0
    code, _, err = run(*command, "--out=on", "--trainer.max_epochs=3", "--pictures=2")
    assert code == 0, err
    assert not (tmp_path / "off" / FOLDER).exists()
    weights = [load_release(tmp_path / name / "release").state_dict() for name in ("off", "on")]
    assert all(torch.equal(value, weights[1][name]) for name, value in weights[0].items())
    lines = [json.loads(line) for line in (tmp_path / "on/metrics.jsonl").open()]
    assert all(0 < line["train/mask_ratio"] < 1 for line in lines if "train/loss" in line)
    assert all(any("/" in name for name in line) for line in lines)

    board = tmp_path / "on" / FOLDER
    steps = images(board)
    assert steps == [line["step"] for line in lines if "train/loss" in line][1:]
    assert "clips" in (board / "projector_config.pbtxt").read_text()
    points, names = ((board / "00000/clips" / name) for name in ("tensors.tsv", "metadata.tsv"))
    assert {*names.read_text().split()} == {"left", "right"}
    assert len(points.read_text().splitlines()) == len(names.read_text().splitlines())

    code, _, err = run(*command, "--out=on", "--trainer.max_epochs=4", "--pictures=4", "--resume")
    assert code == 0, err
    assert images(board) == [*steps, steps[0] * 2]
    assert "warning" not in err


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (("--pictures=3", "--trainer.evaluate_every=2"), r"expected a multiple of trainer"),
        (("--pictures=-1",), r"pictures -1: expected a multiple"),
        (("--pictures=1", "--trainer.evaluate_every=0"), r"expected a multiple of trainer"),
        (("--pictures=1", BONES), r"bone vectors have no place"),
    ],
)
def test_what_cannot_be_drawn_is_said_before_a_run(tmp_path, capsys, command, settings, message):
    line = the_error(runner(capsys)(*command, "--data.val_subjects=[]", "--out=run", *settings))
    assert message in line
    assert not (tmp_path / "run").exists()
