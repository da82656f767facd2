from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from model_helpers import make_batch, make_clip
from torch import nn
from torch_geometric.loader import DataLoader
from training_helpers import SlicedLoader, Task, assert_identical, make_clips, make_loader

from pyg_skeletonmae import layouts
from pyg_skeletonmae.datasets import SkeletonDataset
from pyg_skeletonmae.errors import ConfigError, DataError
from pyg_skeletonmae.loader import SkeletonLoader
from pyg_skeletonmae.models import (
    STGCN,
    STRL,
    Classifier,
    GraphEncoder,
    GraphSkeletonMAE,
    STSkeletonMAE,
    ViTBackbone,
)
from pyg_skeletonmae.training import OptimConfig, Trainer
from pyg_skeletonmae.training.batch_sizes import batch_sizes, norms_checked, steps_for
from pyg_skeletonmae.transforms import Resample

BODY = layouts.COCO17
MLP = partial(STRL, BODY, 2, 2, 4, 8, num_layers=1, depth=1)
CLASSIFIERS = {
    "strl": MLP,
    "strl-persons": partial(MLP, share_persons=False, strides=[0]),
    "mlp": lambda: Classifier(GraphEncoder(BODY, 2, 8, 1), 2),
    "bn-linear": lambda: Classifier(GraphEncoder(BODY, 2, 8, 1), 2, "bn-linear"),
    "joints-mlp": lambda: Classifier(GraphEncoder(BODY, 2, 8, 1), 2, "joints-mlp", 8),
    "frozen": lambda: Classifier(GraphEncoder(BODY, 2, 8, 1), 2, freeze_encoder=True),
}
OTHERS = {
    "st_gcn": partial(STGCN, BODY, 2, 2, channels=[8]),
    "linear": lambda: Classifier(GraphEncoder(BODY, 2, 8, 1), 2, "linear"),
    "graph_mae": partial(GraphSkeletonMAE, BODY, 2, 8, 1),
    "st_mae": lambda: STSkeletonMAE(
        BODY, 2, 4, ViTBackbone(2, 8, 1, 2, decoder_channels=8, decoder_depth=1)
    ),
}


def dataset(count: int, folder: Path) -> SkeletonDataset:
    rng = np.random.default_rng(0)
    clips = [rng.normal(size=(6, 17, 2)).astype("f4") for _ in range(count)]
    return SkeletonDataset.from_arrays(clips, [i % 2 for i in range(count)], "coco17", root=folder)


def train(model: nn.Module, loader: object, **settings: object) -> dict[str, float]:
    return Trainer(1, accelerator="cpu", progress=False, **settings).fit(model, loader)


@pytest.mark.parametrize("accumulate", [1, 2])
@pytest.mark.parametrize("name", CLASSIFIERS | OTHERS)
def test_every_model_trains_on_one_clip_more_than_its_batches(tmp_path, name, accumulate):
    loader = SkeletonLoader(dataset(5, tmp_path), 2, Resample(4), shuffle=True)
    assert loader.batch_sizes == [2, 3]
    model = (CLASSIFIERS | OTHERS)[name]()
    assert train(model, loader, accumulate=accumulate)["clips_seen"] == 5


@pytest.mark.parametrize("name", CLASSIFIERS)
def test_a_single_clip_is_refused_before_the_first_step(tmp_path, name):
    clips, model = dataset(5, tmp_path), CLASSIFIERS[name]()
    before = {key: value.clone() for key, value in model.state_dict().items()}
    for loader in (
        SkeletonLoader(clips, 2, Resample(4)),
        SkeletonLoader(clips, 1, Resample(4), shuffle=True),
        SkeletonLoader(clips[:1], 2, Resample(4), shuffle=True),
        DataLoader([Resample(4)(clip) for clip in clips], 2, shuffle=True),
        DataLoader([Resample(4)(clips[0])], 2),
    ):
        with pytest.raises(DataError, match=r"1 clip\(s\) .*a single value.*two clips at a time"):
            train(model, loader)
        after = model.state_dict()
        names = [name for name, _ in model.named_parameters()]
        assert all(torch.equal(after[key], before[key]) for key in names)
    assert not any(module._forward_pre_hooks for module in model.modules())


@pytest.mark.parametrize("name", OTHERS)
def test_models_that_can_are_trained_on_single_clips(tmp_path, name):
    clips = dataset(3, tmp_path)
    assert train(OTHERS[name](), SkeletonLoader(clips, 1, Resample(4)))["step"] == 3
    assert train(OTHERS[name](), SkeletonLoader(clips, 2, Resample(4)))["step"] == 2
    assert train(OTHERS[name](), SkeletonLoader(clips[:1], 2, Resample(4)))["step"] == 1


def test_a_loader_that_does_not_tell_is_refused_when_the_clip_comes():
    clips = [make_clip(BODY, 1, 4, 2, number) for number in range(3)]
    for clip in clips:
        clip.y %= 2
    loader = SlicedLoader(clips, 1)
    assert batch_sizes(loader) is None
    with pytest.raises(DataError, match=r"a batch of 1 clip\(s\) gives a BatchNorm"):
        train(MLP(), loader)


def test_several_clips_can_be_a_single_value_too():
    class Pooled(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.norm = nn.BatchNorm1d(2)

        def forward(self, batch):
            return {"loss": self.norm(batch.pos.mean((0, 1))[None]).sum()}

    with pytest.raises(DataError, match=r"a batch of 4 clip\(s\) gives a BatchNorm"):
        train(Pooled(), [make_batch(BODY, channels=2)])
    with pytest.raises(ValueError, match="something else"), norms_checked(Pooled(), 4, 1):
        raise ValueError("something else")


def test_leftover_clips_are_two_at_least(tmp_path):
    clips = dataset(9, tmp_path)
    for count in range(2, 10):
        for size in (2, 3, 4):
            loaders = [
                SkeletonLoader(clips[:count], size, None, True, rank=rank, world_size=2)
                for rank in range(2)
            ]
            sizes = loaders[0].batch_sizes
            assert sum(sizes) == count and len(sizes) == len(loaders[1])
            assert min(sizes) >= 2
            if count % (2 * size) >= 2:
                assert sizes == SkeletonLoader(clips[:count], 2 * size).batch_sizes


def test_batches_in_order_are_as_ever(tmp_path):
    clips = dataset(5, tmp_path)
    assert SkeletonLoader(clips, 2).batch_sizes == [2, 2, 1]
    assert SkeletonLoader(clips, 2, shuffle=True, drop_last=True).batch_sizes == [2, 2]
    assert SkeletonLoader(clips, 1, shuffle=True).batch_sizes == [1] * 5
    assert SkeletonLoader(clips[:1], 2, shuffle=True).batch_sizes == [1]


def test_sizes_of_other_loaders():
    assert batch_sizes(make_loader(7, 3)) == [3, 3, 1]
    assert batch_sizes(DataLoader(make_clips(7), 3, drop_last=True)) == [3, 3]
    sampler = torch.utils.data.SubsetRandomSampler(range(4))
    assert batch_sizes(DataLoader(make_clips(7), 3, sampler=sampler)) == [3, 1]
    assert batch_sizes([1, 2]) is None


def test_steps_until_clips_are_seen():
    sizes = [4, 4, 2]
    seen = 0
    for step in range(1, 9):
        for clips in range(seen + 1, seen + sizes[(step - 1) % 3] + 1):
            assert steps_for(clips, sizes, 1) == step
        seen += sizes[(step - 1) % 3]
    assert [steps_for(clips, sizes, 2) for clips in (1, 8, 9, 10, 11)] == [1, 1, 2, 2, 3]
    with pytest.raises(ConfigError, match="max_clips: this loader does not tell"):
        steps_for(5, None, 1)


@pytest.mark.parametrize("accumulate", [1, 2])
def test_max_clips_ends_a_run_with_the_step_that_reaches_them(accumulate):
    for clips in (1, 3, 4, 12, 13, 30):
        trainer = Trainer(max_clips=clips, accelerator="cpu", accumulate=accumulate)
        result = trainer.fit(Task(), make_loader(12, 3))
        assert clips <= result["clips_seen"] < clips + 3 * accumulate and result["finished"] == 1


def test_small_and_large_sets_train_as_long():
    results = [
        Trainer(max_clips=48, accelerator="cpu").fit(Task(), make_loader(count, 4))
        for count in (4, 12, 24)
    ]
    assert {(result["step"], result["clips_seen"]) for result in results} == {(12, 48)}
    assert [result["epoch"] for result in results] == [12, 4, 2]


def test_max_clips_resumes_exactly(tmp_path):
    optim = OptimConfig(lr=0.05, schedule="cosine", warmup_epochs=1)

    def run(folder: str, resume: bool = False, stop: int | None = None) -> Task:
        model = Task()
        trainer = Trainer(max_clips=30, accelerator="cpu", optim=optim)
        if stop is not None:
            model.on_step = lambda step: trainer.stop() if step == stop else None
        trainer.fit(model, make_loader(12, 3), run_dir=tmp_path / folder, resume=resume)
        return model

    whole = run("whole")
    run("halves", stop=5)
    assert_identical(dict(run("halves", resume=True).state_dict()), dict(whole.state_dict()))
    with pytest.raises(ConfigError, match="cannot resume with total_steps = 20"):
        other = Trainer(max_clips=60, accelerator="cpu", optim=optim)
        other.fit(Task(), make_loader(12, 3), run_dir=tmp_path / "whole", resume=True)


@pytest.mark.parametrize("settings", [{"max_epochs": 3}, {"max_epochs": 100}, {"max_steps": 3}])
def test_max_clips_stands_alone(settings):
    with pytest.raises(ConfigError, match=r"max_clips 9: give one of the three"):
        Trainer(max_clips=9, **settings)
    assert Trainer(max_clips=9, max_epochs=None).max_epochs is None
    with pytest.raises(ConfigError, match="max_clips: expected a number >= 1"):
        Trainer(max_clips=0)
