"""Losses, gradients and coordinates that are not finite, or absurd."""

from __future__ import annotations

import json

import numpy as np
import pytest
from cli_helpers import FAST, TINY, runner, write_packed
from data_helpers import STICK
from training_helpers import Task, assert_identical, make_loader, state_without_time

from pyg_skeletonmae.datasets import SkeletonDataset
from pyg_skeletonmae.errors import CheckpointError, DataError, NonFiniteError
from pyg_skeletonmae.io.packed import read_packed
from pyg_skeletonmae.loader import SkeletonLoader
from pyg_skeletonmae.training import OptimConfig, Trainer, read_metrics, save_release


def one_bad_clip(number: int = 5, value: float = float("nan")) -> SkeletonDataset:
    """Twelve clips in memory, one of them spoilt on its way to the model."""
    rng = np.random.default_rng(0)
    clips = [rng.normal(size=(6, 4, 3)) for _ in range(12)]
    names = [f"anna {number}" for number in range(12)]
    dataset = SkeletonDataset.from_arrays(clips, [i % 2 for i in range(12)], STICK, names=names)
    if number >= 0:
        dataset.store.pos[6 * number, 0, 0] = value
    return dataset


def fit(dataset, folder=None, resume=False, stop=None, **settings):
    model = Task()
    trainer = Trainer(**{"max_epochs": 2, "progress": False, **settings})
    model.on_step = lambda step: trainer.stop() if step == stop else None
    loader = SkeletonLoader(dataset, 3)
    done = trainer.fit(model, loader, run_dir=folder, resume=resume)
    return done, model


@pytest.mark.parametrize("optim", [OptimConfig(), OptimConfig(name="sgd")], ids=["adamw", "sgd"])
def test_a_bad_batch_is_skipped_counted_named_and_kept(tmp_path, caplog, optim):
    done, model = fit(one_bad_clip(), tmp_path / "run", optim=optim)
    assert done["finished"] and done["step"] == 8 and done["bad_steps"] == 2
    first, second = caplog.messages
    kept = tmp_path / "run" / "skipped" / "step-2.npz"
    assert first == (
        "step 2: the loss is nan on clips anna 3, anna 4, anna 5; the step was skipped, its clips "
        f"are in {kept}"
    )
    assert second.startswith("step 6: ")
    with np.load(kept) as file:
        assert file["name"].tolist() == ["anna 3", "anna 4", "anna 5"]
        assert np.isnan(file["joints"]).sum() == 1
    assert [line["train/bad_steps"] for line in read_metrics(tmp_path / "run")] == [1.0, 1.0]
    assert all(np.isfinite(line["train/loss"]) for line in read_metrics(tmp_path / "run"))
    assert all(value.isfinite().all() for value in model.state_dict().values())


def test_what_is_left_is_as_if_the_batch_had_not_been_there():
    """Of a constant rate, nothing but the count of steps tells that one was skipped."""
    batches = list(SkeletonLoader(one_bad_clip(-1), 3))
    models = []
    for loader in (SkeletonLoader(one_bad_clip(), 3), PlainLoader([batches[0], *batches[2:]])):
        models.append(Task(dropout=0))
        Trainer(max_epochs=1, progress=False).fit(models[-1], loader)
    assert_identical(*(model.state_dict() for model in models))


class PlainLoader(list):
    """Batches as a loader gives them."""


@pytest.mark.parametrize("allowed", [0, 1])
def test_after_so_many_the_run_stops_with_the_last_good_checkpoint(tmp_path, allowed):
    with pytest.raises(NonFiniteError, match=rf"{allowed + 1} step\(s\) like this are more than"):
        fit(one_bad_clip(), tmp_path, max_bad_steps=allowed, checkpoint_minutes=0)
    state = state_without_time(tmp_path / "last.ckpt")
    assert state["progress"]["step"] == (1 if allowed == 0 else 5)
    assert all(value.isfinite().all() for value in state["model"].values())
    done, _ = fit(one_bad_clip(), tmp_path, resume=True)
    assert done["finished"] and done["bad_steps"] == 2


@pytest.mark.parametrize("stop", [1, 2, 3, 5])
def test_a_run_with_bad_steps_resumes_bit_for_bit(tmp_path, stop):
    fit(one_bad_clip(), tmp_path / "whole")
    fit(one_bad_clip(), tmp_path / "run", stop=stop)
    fit(one_bad_clip(), tmp_path / "run", resume=True)
    assert_identical(*(state_without_time(tmp_path / f / "last.ckpt") for f in ("run", "whole")))


def test_neither_best_nor_release_of_what_is_not_finite(tmp_path):
    for value in (float("nan"), float("inf")):
        trainer = Trainer(max_epochs=1, monitor="value", progress=False)
        folder = tmp_path / str(value)
        trainer.fit(Task(), make_loader(), lambda model, v=value: {"value": v}, folder)
        assert not (folder / "best.ckpt").exists()
    from pyg_skeletonmae.layouts import UIPRMD22
    from pyg_skeletonmae.models import GraphEncoder

    model = GraphEncoder(UIPRMD22, hidden_channels=4, depth=1)
    next(model.parameters()).data.view(-1)[0] = float("inf")
    with pytest.raises(CheckpointError, match="not finite; nothing was written"):
        save_release(model, tmp_path / "release")
    assert not (tmp_path / "release").exists()


def test_the_command_line_exits_with_3(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    run, path = runner(capsys), write_packed(tmp_path / "sticks.npz")
    settings = ("--data.name=npz", f"--data.path={path}", "--out=out", "--trainer.optim.name=sgd")
    wild = ("--trainer.optim.lr=1e38", "--trainer.max_epochs=6", "--trainer.max_bad_steps=2")
    code, _, err = run("pretrain", *FAST, *TINY, *settings, *wild)
    assert code == 3 and "error: step " in err and "Traceback" not in err
    assert not (tmp_path / "out/release").exists() and not (tmp_path / "out/results.json").exists()
    assert run("verify", "out")[0] == 0
    assert json.loads((tmp_path / "out/run.json").read_text())["seed"] == 0


@pytest.mark.parametrize("value", [1e20, -1e20, 1e8, 1e35])
def test_absurd_coordinates_are_refused_on_the_way_into_a_store(tmp_path, value):
    clips = [np.zeros((6, 4, 3)) + 0.5 for _ in range(3)]
    clips[1][2, 3, 1] = value
    with pytest.raises(DataError, match=r"clip 1: frame 2, joint 3, person 0: .* not below 1e\+08"):
        SkeletonDataset.from_arrays(clips, None, STICK, root=tmp_path / "s")
    assert not list(tmp_path.iterdir())
    kept = SkeletonDataset.from_arrays(clips, None, STICK, nan="drop")
    assert len(kept) == 2 and list(kept.card["dropped"].values()) == [["clip 1"]]
    filled = SkeletonDataset.from_arrays(clips, None, STICK, nan="interpolate")
    assert filled.store.pos.max() == 0.5
    valid = [np.ones((6, 4), bool) for _ in clips]
    valid[1][2, 3] = False  # a joint that is missing may hold anything
    missing = SkeletonDataset.from_arrays(clips, None, STICK, valid=valid)
    assert missing.store.pos.abs().max() == 0.5
    path = write_packed(tmp_path / "packed.npz")
    packed = read_packed(path).pos(0)
    joints = np.full((160, 3, 3), value, np.float32)
    assert packed.shape[2:] == joints.shape[1:]
    with pytest.raises(DataError, match="clip_00: frame 0, joint 0, person 0"):
        SkeletonDataset.from_npz(write_packed(path, joints=joints), tmp_path / "p")
