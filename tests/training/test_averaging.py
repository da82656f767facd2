from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn
from torch.optim.swa_utils import AveragedModel
from training_helpers import Task, assert_identical, make_loader, state_without_time

from pyg_skeletonmae import layouts
from pyg_skeletonmae.datasets import SkeletonDataset
from pyg_skeletonmae.errors import CheckpointError, ConfigError
from pyg_skeletonmae.loader import SkeletonLoader
from pyg_skeletonmae.training import OptimConfig, Trainer, load_model
from pyg_skeletonmae.training.averaging import end_with, load_average
from pyg_skeletonmae.training.batches import Feed

STEPS = 4  # of an epoch
SWA: dict[str, Any] = {
    "schedule": "cosine", "lr": 0.05, "min_lr": 0.01, "swa_start": 2, "swa_lr": 0.02,
    "swa_anneal": 2,
}  # fmt: skip


def weights(model: nn.Module) -> torch.Tensor:
    return torch.cat([p.detach().flatten() for p in model.parameters()])


def trainer(**settings: Any) -> Trainer:
    return Trainer(max_epochs=5, optim=OptimConfig(**{**SWA, **settings}), progress=False)


def test_a_run_ends_with_the_mean_of_the_weights_at_the_ends_of_its_last_epochs():
    seen = []
    model = Task(dropout=0.0)

    def keep(step: int) -> None:
        if step % STEPS == 0:
            seen.append(weights(model))

    model.on_step = keep
    result = trainer().fit(model, make_loader(shuffle=False))
    assert result["averaged"] == 3 and result["finished"] == 1 and len(seen) == 5
    torch.testing.assert_close(weights(model), torch.stack(seen[2:]).mean(0))
    assert "averaged" not in Trainer(max_epochs=1).fit(Task(), make_loader())


def test_the_statistics_are_those_of_the_mean():
    """One pass over the training batches with the averaged weights, by their plain mean."""
    model = Task(dropout=0.0)
    trainer().fit(model, make_loader(shuffle=False))
    first, norm = model.encoder[0], model.encoder[1]
    means = torch.stack([first(b.pos.flatten(0, 1)).flatten(0, -2).mean(0) for b in
                         make_loader(shuffle=False)])  # fmt: skip
    torch.testing.assert_close(norm.running_mean, means.mean(0).detach())
    assert norm.momentum == 0.1 and model.training


def test_norms_that_are_not_trained_keep_their_statistics():
    model = Task(dropout=0.0)
    average = AveragedModel(model)
    average.update_parameters(model)
    model.train()
    model.encoder.eval()
    model.encoder[1].running_mean.fill_(0.25)
    end_with(average, model, make_loader())
    norm = model.encoder[1]
    assert (norm.running_mean == 0.25).all() and norm.track_running_stats
    assert int(norm.num_batches_tracked) == 0


def test_the_last_evaluation_is_of_the_mean():
    seen = []
    model = Task()

    def evaluate(net: nn.Module) -> dict[str, float]:
        seen.append(weights(net))
        return {"value": float(len(seen))}

    result = trainer().fit(model, make_loader(), evaluate)
    assert torch.equal(seen[-1], weights(model)) and result["eval/value"] == 5


@pytest.mark.parametrize("stop", [3, 8, 9, 12, 15, 18, 19])
def test_resumed_runs_equal_uninterrupted_ones_bit_for_bit(tmp_path, monkeypatch, stop):
    """Before averages are taken, at ends of epochs, and within the last epoch."""
    monkeypatch.setattr("os.fsync", lambda file: None)
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    expected = trainer().fit(Task(), make_loader(), run_dir=whole)
    model, one = Task(), trainer()

    def end(step: int) -> None:
        if step == stop:
            one.stop()

    model.on_step = end
    assert one.fit(model, make_loader(), run_dir=parts)["finished"] == 0
    result = trainer().fit(Task(), make_loader(), run_dir=parts, resume=True)
    assert {**result, "seconds": 0} == {**expected, "seconds": 0}
    state = state_without_time(parts / "last.ckpt")
    assert_identical(state_without_time(whole / "last.ckpt"), state)
    assert state["average"] is None  # the weights are the mean
    again = Task()
    result = trainer().fit(again, make_loader(), run_dir=parts, resume=True)  # it has ended
    assert result["averaged"] == 3
    last = Task()
    load_model(last, whole / "last.ckpt")
    assert_identical(dict(again.state_dict()), dict(last.state_dict()))


def damaged(folder: Path, change: Any) -> Path:
    path = folder / "last.ckpt"
    state = torch.load(path, weights_only=True)
    state["average"] = change(state["average"])
    torch.save(state, path)
    return path


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda average: None, "expected one of 1 epochs, found 0"),
        (lambda average: {**average, "n_averaged": torch.tensor(2)}, "1 epochs, found 2"),
        (lambda average: {**average, "n_averaged": torch.tensor(-1)}, "expected a count"),
        (lambda average: [1], "expected a dict of tensors"),
        (
            lambda average: {**average, "module.head.bias": torch.full((2,), torch.nan)},
            "module.head.bias: holds numbers that are not finite",
        ),
        (lambda average: {"n_averaged": torch.tensor(1)}, "which is missing"),
    ],
)
def test_what_is_wrong_with_an_average_is_named(tmp_path, change, said):
    model, one = Task(), trainer()
    model.on_step = lambda step: one.stop() if step == 13 else None
    one.fit(model, make_loader(), run_dir=tmp_path)
    path = damaged(tmp_path, change)
    with pytest.raises(CheckpointError, match=said) as caught:
        trainer().fit(Task(), make_loader(), run_dir=tmp_path, resume=True)
    assert str(path) in str(caught.value) and "average" in str(caught.value)


def test_an_average_of_another_model_is_refused(tmp_path):
    average = AveragedModel(Task())
    state = copy.deepcopy(AveragedModel(nn.Linear(2, 2)).state_dict())
    with pytest.raises(CheckpointError, match=r"last.ckpt: average: .*missing"):
        load_average(average, state, 0, tmp_path / "last.ckpt")


def test_a_run_has_to_be_longer_than_what_comes_before():
    for epochs in (1, 2):
        with pytest.raises(ConfigError, match=r"swa_start 2: the run has [12] epochs"):
            Trainer(max_epochs=epochs, optim=OptimConfig(swa_start=2)).fit(Task(), make_loader())
    result = Trainer(max_steps=14, optim=OptimConfig(swa_start=2)).fit(Task(), make_loader())
    assert result["averaged"] == 1  # the one whole epoch


def test_a_run_cannot_become_longer(tmp_path):
    Trainer(max_epochs=3, optim=OptimConfig(swa_start=2)).fit(Task(), make_loader(), None, tmp_path)
    longer = Trainer(max_epochs=4, optim=OptimConfig(swa_start=2))
    with pytest.raises(ConfigError, match="cannot resume with total_steps"):
        longer.fit(Task(), make_loader(), None, tmp_path, resume=True)


def test_a_loader_that_knows_its_place_keeps_it():
    """A run may end within an epoch; the pass for the statistics moves no loader."""
    loader = SkeletonLoader(_dataset(), 3, shuffle=True)
    feed = Feed(loader)
    feed.next()
    place = loader.state_dict()
    with feed.anew() as batches:
        assert len(list(batches)) == len(loader)
    assert loader.state_dict() == place and place["batch"] == 1


def _dataset() -> SkeletonDataset:
    pos = list(torch.randn(9, 1, 4, 25, 3).numpy())
    return SkeletonDataset.from_arrays(pos, [i % 2 for i in range(9)], layouts.NTU25)
