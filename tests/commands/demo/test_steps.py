"""The steps of the demonstration: the same each time, on the right clips, for the right time."""

from __future__ import annotations

import pytest
import torch

from pyg_skeletonmae.commands.data_clips import Splits
from pyg_skeletonmae.commands.data_section import DataConfig
from pyg_skeletonmae.commands.demo.steps import Demo, Size
from pyg_skeletonmae.datasets.sets.synthetic import SyntheticActions
from pyg_skeletonmae.training import load_release, read_metrics

SIZE = Size(frames=8, hidden=8, pretrain_epochs=1, finetune_epochs=2, clips=24)


@pytest.fixture(scope="module")
def clips():
    """Two clips of each class, by one subject each."""
    return SyntheticActions(24, num_subjects=2)


@pytest.fixture
def make(tmp_path, clips):
    def make(method="graph_mae", **settings) -> Demo:
        train, test = clips.split(train=[1], test=[2])
        fixed = {"splits": Splits(train, train, None, test), "seed": 0, "size": SIZE}
        data = DataConfig(frames=8, crop=None, rotate=20.0)
        return Demo(folder=tmp_path, data=data, method=method, **{**fixed, **settings})

    return make


def state(model):
    return torch.cat([value.flatten() for value in model.state_dict().values()])


def test_a_step_says_when_it_begins_and_keeps_how_long_it_took(make, caplog, monkeypatch):
    caplog.set_level("INFO", logger="pyg_skeletonmae")
    work, now = make(), iter([10.0, 12.5, 20.0, 24.0, 30.0])
    monkeypatch.setattr("pyg_skeletonmae.commands.demo.steps.time.monotonic", lambda: next(now))
    for name in ("one", "two"):
        with work.step(name, f"about {name}"):
            assert caplog.messages[-1].endswith(f"about {name}")
    assert work.seconds == {"one": 2.5, "two": 4.0}
    with pytest.raises(RuntimeError), work.step("three", "fails"):
        raise RuntimeError
    assert caplog.messages[-1] == "[   6 s] fails" and "three" not in work.seconds


@pytest.mark.parametrize("method", ["graph_temporal", "graph_mae", "st_mae", "skeleton2vec"])
def test_fresh_weights_follow_from_the_seed(make, method):
    first = state(make(method).build())
    torch.rand(3)
    assert torch.equal(state(make(method).build()), first)
    assert not torch.equal(state(make(method, seed=1).build()), first)


def test_a_training_writes_what_it_has_made(make):
    work = make()
    model = work.pretrain()
    assert torch.equal(state(load_release(work.folder / "pretrain" / "release")), state(model))
    assert not torch.equal(state(model), state(work.build()))
    before = state(model)
    (tuned,) = work.finetunes("tuned", model)
    assert torch.equal(state(model), before) and len(tuned["predicted"]) == len(work.splits.test)
    ends = [read_metrics(work.folder / name)[-1]["epoch"] for name in ("pretrain", "tuned")]
    assert ends == [SIZE.pretrain_epochs, SIZE.finetune_epochs]


def test_few_labels_are_seen_as_often_as_many(make, clips):
    few, _ = clips.split(train=[2])
    work = make(draws=(few[:6], few[6:9]))
    runs = work.finetunes("tuned", None)
    seen = [read_metrics(work.folder / name)[-1]["clips_seen"] for name in ("tuned", "tuned-1")]
    assert len(runs) == 2 and seen == [SIZE.finetune_epochs * len(work.splits.train)] * 2


def test_clips_that_are_known_are_recognised(make, clips):
    """Tested on the labelled clips, whose augmentation neither sees."""
    work = make(splits=Splits(clips, clips, None, clips))
    encoder = work.build().encoder
    before = state(encoder)
    assert work.raw() == work.probe(encoder)["knn"] == 1.0
    assert torch.equal(state(encoder), before)


def test_what_is_reconstructed(make):
    work = make()
    errors, (original, mixed, mask) = work.reconstruct(work.build())
    body = work.splits.test.skeleton
    hidden = torch.zeros(body.num_joints, dtype=torch.bool)
    for part in ("right_arm", "right_leg"):
        hidden[[body.index(joint) for joint in body.parts[part]]] = True
    assert torch.equal(mask, hidden[:, None].expand(-1, 8))
    assert torch.equal(original[~mask], mixed[~mask]) and "readout" not in errors
    assert 10.0 < errors["mean_pose_mm"] < 500.0  # of bodies, not of bodies scaled to one


def test_what_transformers_reconstruct(make):
    work = make("st_mae")
    errors, (original, mixed, mask) = work.reconstruct(work.build())
    assert errors == {} and original.shape == mixed.shape and mask.any()
    work = make("skeleton2vec")
    assert work.reconstruct(work.build()) == ({}, None)
