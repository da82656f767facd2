from __future__ import annotations

import copy
from dataclasses import replace

import numpy as np
import pytest
import torch
from protocol_helpers import loader_of, shifted_clips, small_encoder
from sklearn.linear_model import LogisticRegression
from torch_geometric.data import Batch
from training_helpers import Task, make_loader

from pyg_skeletonmae.errors import ConfigError
from pyg_skeletonmae.evaluation import (
    LINEAR_SGD,
    Recipe,
    evaluate_classifier,
    extract_features,
    finetune,
    linear_probe_sgd,
    train_classifier,
)
from pyg_skeletonmae.training import OptimConfig, Trainer, load_release, read_metrics

PROBE = Recipe("bn-linear", 3, OptimConfig("sgd", lr=0.1, schedule="cosine"), freeze=True)


def trainer(epochs: int = 3, **changes) -> Trainer:
    return Trainer(epochs, optim=OptimConfig(lr=0.05), accelerator="cpu", progress=False, **changes)


def test_the_last_weights_are_tested(tmp_path):
    model, test = Task(), make_loader(shuffle=False)
    found = finetune(model, trainer(), make_loader(), test, folder=tmp_path / "run")
    assert found["selected_on"] == "last" and found["epoch"] == 3
    assert found["test/top1"] == evaluate_classifier(model, test)["top1"]
    assert not (tmp_path / "run/best.ckpt").exists()


def test_the_best_on_the_test_clips_is_said_to_be(tmp_path):
    """With labels dealt at random the best epoch is not the last, as a rule."""
    test = make_loader(shuffle=False)
    for number, own in enumerate(test.dataset):
        own.y = torch.tensor([number * 7 // 5 % 2])
    model = Task(seed=3)
    found = finetune(model, trainer(4), make_loader(), test, folder=tmp_path, select="test-best")
    curve = [line["eval/top1"] for line in read_metrics(tmp_path) if "eval/top1" in line]
    assert len(curve) == 4 and found["test/top1"] == max(curve)
    assert found["selected_on"] == "test"
    again = finetune(Task(seed=3), trainer(4), make_loader(), test, select="test-best")
    assert again["test/top1"] == found["test/top1"]  # without a folder, too


def test_the_best_on_held_out_clips():
    val, test = make_loader(6, shuffle=False), make_loader(shuffle=False)
    found = finetune(Task(), trainer(), make_loader(), test, val, select="val-best")
    assert found["selected_on"] == "val" and found["best"] >= found["eval/top1"]
    monitored = finetune(Task(), trainer(monitor="top1"), make_loader(), test, val)
    assert monitored["selected_on"] == "val"
    watched = finetune(Task(), trainer(), make_loader(), test, val)
    assert watched["selected_on"] == "last" and "eval/top1" in watched


def test_selections_that_cannot_be():
    loader = make_loader()
    with pytest.raises(ConfigError, match=r"needs data\.val_subjects"):
        finetune(Task(), trainer(), loader, loader, select="val-best")
    with pytest.raises(ConfigError, match=r"needs data\.val_subjects"):
        finetune(Task(), trainer(monitor="top1"), loader, loader)
    with pytest.raises(ConfigError, match="expected one of last, val-best, test-best"):
        finetune(Task(), trainer(), loader, loader, select="best")
    with pytest.raises(ConfigError, match="mode 'min': weights are selected by top1"):
        finetune(Task(), trainer(mode="min"), loader, loader, select="test-best")


def test_the_trainer_stays_as_it_was():
    own, test = trainer(), make_loader(shuffle=False)
    finetune(Task(), own, make_loader(), test, select="test-best")
    assert own.monitor is None
    assert finetune(Task(), own, make_loader(), test, test)["selected_on"] == "last"


def test_the_tested_classifier_is_kept_if_wanted(tmp_path):
    test = loader_of(24)
    found = train_classifier(
        small_encoder(), 2, loader_of(24, shuffle=True), test, recipe=PROBE,
        release=tmp_path / "release",
    )  # fmt: skip
    kept = load_release(tmp_path / "release")
    assert evaluate_classifier(kept, test)["top1"] == found["test/top1"]


def test_the_probe_leaves_the_encoder_alone():
    encoder = small_encoder()
    before = copy.deepcopy(encoder.state_dict())
    found = train_classifier(
        encoder,
        2,
        loader_of(24, shuffle=True),
        loader_of(16, seed=1),
        recipe=replace(PROBE, epochs=8),
    )
    assert found["test/top1"] > 0.8 and found["clips_seen"] == 192
    assert all(torch.equal(value, before[name]) for name, value in encoder.state_dict().items())
    assert all(parameter.requires_grad for parameter in encoder.parameters())
    assert not encoder.training


def test_it_converges_to_scikit_learns_logistic_regression(monkeypatch):
    """The whole set as one batch, so that the BatchNorm standardises it as a scaler does."""
    encoder, kept, build = small_encoder(), [], Recipe.classifier
    monkeypatch.setattr(Recipe, "classifier", lambda *a: kept.append(build(*a)) or kept[-1])
    optim = OptimConfig("sgd", lr=0.3, weight_decay=1.0, momentum=0.5)
    recipe = Recipe("bn-linear", 40, optim, freeze=True)
    clips = [Batch.from_data_list(shifted_clips(24))]
    train_classifier(encoder, 2, clips, loader_of(4), recipe=recipe)
    features = extract_features(encoder, clips)
    x = (features.x - features.x.mean(0)) / (features.x.var(0, correction=0) + 1e-5).sqrt()
    # Two weight vectors with a penalty on each are one, their difference, with half of it.
    model = LogisticRegression(C=2 / len(x), tol=1e-8).fit(x.numpy(), features.y.numpy())
    weight, bias = (value.detach() for value in kept[0].head[-1].parameters())
    np.testing.assert_allclose(weight[1] - weight[0], model.coef_[0], atol=1e-3)
    np.testing.assert_allclose(bias[1] - bias[0], model.intercept_[0], atol=1e-3)


def test_a_stopped_probe_goes_on(tmp_path):
    encoder, test = small_encoder(), loader_of(8, seed=1)
    arguments = (encoder, 2, loader_of(24, shuffle=True), test)
    whole = train_classifier(*arguments, recipe=PROBE, folder=tmp_path / "a")
    # A run that is resumed before its first step is the run.
    resumed = train_classifier(*arguments, recipe=PROBE, folder=tmp_path / "b", resume=True)
    again = train_classifier(*arguments, recipe=PROBE, folder=tmp_path / "b", resume=True)
    for name in ("test/top1", "train/loss", "clips_seen"):
        assert whole[name] == resumed[name] == again[name]


def test_the_published_recipe():
    assert (LINEAR_SGD.epochs, LINEAR_SGD.optim.lr, LINEAR_SGD.optim.momentum) == (100, 0.1, 0.9)
    assert LINEAR_SGD.optim.weight_decay == 0 and LINEAR_SGD.optim.schedule == "cosine"
    batch = Batch.from_data_list(shifted_clips(4))
    assert LINEAR_SGD.classifier(small_encoder(), 3)(batch)["logits"].shape == (4, 3)


def test_an_epoch_chosen_at_chance_level_is_said():
    """Held-out clips with the other class's label: every epoch is wrong, and one is the best."""
    val, test = make_loader(6, shuffle=False), make_loader(shuffle=False)
    for number, own in enumerate(val.dataset):
        own.y = torch.tensor([number * 7 // 5 % 2])
    arguments = (make_loader(), test, val)
    (note,) = finetune(Task(), trainer(), *arguments, select="val-best")["notes"]
    assert note.startswith("the best epoch: chosen at chance level")
    assert "notes" not in finetune(Task(), trainer(), *arguments)


def test_the_old_name_still_trains():
    clips = loader_of(8)
    recipe = replace(PROBE, epochs=1)
    with pytest.warns(DeprecationWarning, match="train_classifier"):
        results = linear_probe_sgd(small_encoder(), 2, clips, clips, recipe=recipe)
    assert results == pytest.approx(
        train_classifier(small_encoder(), 2, clips, clips, recipe=recipe)
        | {"seconds": results["seconds"]}
    )
