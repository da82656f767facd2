from __future__ import annotations

import pytest
import torch

from pyg_skeletonmae.commands.data_section import DataConfig
from pyg_skeletonmae.commands.demo.methods import (
    ABOUT,
    build_classifier,
    build_pretraining,
    optimiser,
    restored_clip,
)
from pyg_skeletonmae.datasets.sets.synthetic import SyntheticActions


@pytest.fixture(scope="module")
def dataset():
    return SyntheticActions(12, seed=0)


@pytest.mark.parametrize("method", ABOUT)
def test_a_classifier_starts_from_its_pretraining(dataset, method):
    batch = next(iter(DataConfig(frames=8).eval_loader(dataset)))
    model = build_pretraining(method, dataset, 8, 8, steps=3)
    assert model(batch)["loss"].isfinite()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    classifier = build_classifier(dataset, 8, 8, model, pretrained=True)
    classifier(batch)["loss"].backward()
    after = model.state_dict()
    assert all(torch.equal(before[name], after[name]) for name in before)
    assert all(p.grad is None for p in model.parameters())
    if method != "graph_mae":
        names, copied = (dict(net.encoder.named_parameters()) for net in (model, classifier))
        assert all(torch.equal(names[name], copied[name]) for name in names)


def test_the_picture_keeps_what_was_seen(dataset):
    batch = next(iter(DataConfig(frames=8).eval_loader(dataset)))
    model = build_pretraining("st_mae", dataset, 8, 8, steps=3)
    original, mixed, mask = restored_clip(model, batch)
    assert original.shape == (dataset.skeleton.num_joints, 8, 3) == mixed.shape
    assert torch.equal(original[~mask], mixed[~mask])
    assert mask.any() and (original[mask] != mixed[mask]).any()


def test_rates_are_those_of_the_presets():
    assert optimiser("st_mae").lr == 1e-3
    assert optimiser("graph_temporal").lr == 2e-3
