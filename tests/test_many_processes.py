"""Any number of processes equals one with the same global batch, for every system."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from process_helpers import run_processes
from test_every_model import FRAMES, MODELS
from transforms_helpers import make_clips

from pyg_skeletonmae.datasets import SkeletonDataset
from pyg_skeletonmae.evaluation import evaluate_classifier, extract_features
from pyg_skeletonmae.layouts import UIPRMD22
from pyg_skeletonmae.loader import SkeletonLoader
from pyg_skeletonmae.nn.norm import BatchNorm
from pyg_skeletonmae.training import OptimConfig, Trainer
from pyg_skeletonmae.transforms import standard_transform

# The model, how it normalises, and its learning rate: STRL magnifies rounding at higher ones.
SYSTEMS: dict[str, tuple[str, BatchNorm, float]] = {
    "graph_mae": ("graph_mae", "sync", 0.005),
    "graph_mae-edges": ("graph_mae-edges", "sync", 0.005),
    "st_mae-vit": ("st_mae-vit", "sync", 0.005),
    "st_mae-sttformer": ("st_mae-sttformer", "sync", 0.005),
    "skeleton2vec": ("skeleton2vec", "sync", 0.005),
    "masked-graph_temporal": ("masked-graph_temporal", "sync", 0.005),
    "masked-attention": ("masked-attention", "sync", 0.005),
    "masked-st_gcn": ("masked-st_gcn", "sync", 0.005),
    "strl": ("strl", "sync", 0.0002),
    "strl-frozen": ("strl", "frozen", 0.005),
}
CLIPS, GLOBAL_BATCH = 21, 8  # two whole batches and one of five: uneven slices of two, of four none
TRAIN = standard_transform(UIPRMD22, FRAMES, train=True, rotate=(0, 180, 0), jitter=0.01, flip=0.5)


def write_clips(root: Path) -> None:
    """Clips of one to three persons, of several lengths, with joints that are missing."""
    joints, generator = UIPRMD22.num_joints, torch.Generator().manual_seed(0)
    clips = make_clips([1 + i % 3 for i in range(CLIPS)], frames=16)
    ends = [16 - i % 5 for i in range(CLIPS)]
    tracks = [
        clip.pos.view(-1, joints, 16, 3).transpose(1, 2)[:, :end]
        for clip, end in zip(clips, ends, strict=True)
    ]
    valid = [
        torch.rand(x.shape[:3], generator=generator) > 0.5 * (i % 3 == 0)
        for i, x in enumerate(tracks)
    ]
    labels = [int(clip.y) % 3 for clip in clips]
    SkeletonDataset.from_arrays(tracks, labels, UIPRMD22, root=root, valid=valid)


def loader(root: Path, trainer: Trainer) -> SkeletonLoader:
    return SkeletonLoader(
        SkeletonDataset(root),
        GLOBAL_BATCH // trainer.world_size,
        TRAIN,
        shuffle=True,
        seed=3,
        rank=trainer.rank,
        world_size=trainer.world_size,
    )


def train(
    root: Path,
    processes: int,
    system: str,
    steps: int,
    run_dir: Path | None = None,
    strategy: str = "auto",
    optim: str = "sgd",
    precision: str = "64-true",
    evaluate: Callable[[torch.nn.Module], dict[str, float]] | None = None,
) -> torch.nn.Module:
    name, norm, lr = SYSTEMS[system]
    trainer = Trainer(
        max_steps=steps,
        optim=OptimConfig(name=optim, lr=lr),
        accelerator="cpu",
        devices=processes,
        strategy=strategy,
        precision=precision,
        batch_norm=norm,
        progress=False,
    )
    torch.manual_seed(0)
    model = MODELS[name](UIPRMD22, in_channels=3)
    model = model.double() if precision == "64-true" else model
    resume = "auto" if run_dir is not None else False
    trainer.fit(model, loader(root, trainer), evaluate, run_dir, resume)
    return model


def arrays(tensors: dict[str, Any]) -> dict[str, np.ndarray]:
    return {name: value.detach().numpy() for name, value in tensors.items()}


def train_all(root: Path, processes: int, systems: Sequence[str]) -> dict[str, Any]:
    """The gradients of the first step, and the weights after twenty, of each system."""
    found = {}
    for system in systems:
        model = train(root, processes, system, 1)
        gradients = {n: p.grad for n, p in model.named_parameters() if p.grad is not None}
        found[system] = arrays(gradients), arrays(train(root, processes, system, 20).state_dict())
    return found


@pytest.fixture(scope="module")
def root(tmp_path_factory) -> Path:
    root = tmp_path_factory.mktemp("clips") / "store"
    write_clips(root)
    return root


@pytest.fixture(scope="module")
def trained(root):
    return cache(partial(run_with, root))


def run_with(root: Path, processes: int, *systems: str) -> list[dict[str, Any]]:
    return run_processes(processes, train_all, root, processes, systems)


@pytest.mark.parametrize("system", SYSTEMS)
def test_two_processes_equal_one(trained, system):
    assert_equal(trained(1, *SYSTEMS), trained(2, *SYSTEMS), system)


QUICK = ("st_mae-vit", "skeleton2vec", "strl-frozen")


@pytest.mark.parametrize("system", QUICK)
def test_four_processes_equal_one(trained, system):
    assert_equal(trained(1, *SYSTEMS), trained(4, *QUICK), system)


@pytest.mark.slow
@pytest.mark.long
@pytest.mark.parametrize("system", sorted(set(SYSTEMS) - set(QUICK)))
def test_four_processes_with_all_norms_equal_one(trained, system):
    assert_equal(trained(1, *SYSTEMS), trained(4, *SYSTEMS), system)


def assert_equal(alone: list[dict[str, Any]], many: list[dict[str, Any]], system: str) -> None:
    (one,) = alone
    for rank in many:
        for which, tolerance in ((0, 1e-6), (1, 1e-5)):
            found, expected = rank[system][which], one[system][which]
            assert found.keys() == expected.keys()
            for name, value in expected.items():
                np.testing.assert_allclose(found[name], value, 0, tolerance, err_msg=name)
    assert any(value.any() for value in one[system][0].values())


def train_in_parts(root: Path, folder: Path) -> dict[str, Any]:
    """One step of each system with whole weights and with cut ones; two, with a file between."""
    found, evaluated = {}, []

    def evaluate(model: torch.nn.Module) -> dict[str, float]:
        with torch.no_grad():
            evaluated.append(float(model(next(iter(whole_loader)))["loss"]))
        return {}

    whole_loader = SkeletonLoader(SkeletonDataset(root), 4, TRAIN)
    for system in SYSTEMS:
        models = [
            train(root, 2, system, 1, strategy=strategy, precision="32-true", evaluate=evaluate)
            for strategy in ("ddp", "fsdp")
        ]
        found[system] = [arrays(model.state_dict()) for model in models], evaluated[-2:]
    adam = partial(train, root, 2, "skeleton2vec", optim="adamw", precision="32-true")
    for before, after in (("ddp", "fsdp"), ("fsdp", "ddp"), ("fsdp", "fsdp")):
        run_dir = folder / f"{before}-{after}"
        adam(1, run_dir, before)
        found[before, after] = arrays(adam(2, run_dir, after).state_dict())
    found["whole"] = arrays(adam(2).state_dict())
    return found


# Whose file of the first step is read by both strategies; Skeleton2vec's is, above, with Adam.
FILED = ("graph_mae", "st_mae-vit", "st_mae-sttformer", "masked-graph_temporal", "strl")


def train_with_files(root: Path, folder: Path) -> dict[str, Any]:
    """Two steps of each system at once, and with a checkpoint of cut weights between them."""
    found = {}
    for system in FILED:
        two = partial(train, root, 2, system, 2, precision="32-true")
        one = partial(train, root, 2, system, 1, precision="32-true")
        found[system, "at once"] = arrays(two(strategy="fsdp").state_dict())
        for after in ("ddp", "fsdp"):
            run_dir = folder / f"{system}-{after}"
            one(run_dir=run_dir, strategy="fsdp")
            found[system, after] = arrays(two(run_dir=run_dir, strategy=after).state_dict())
    return found


def test_files_of_cut_weights_are_read_by_both_strategies(root, tmp_path):
    for found in run_processes(2, train_with_files, root, tmp_path):
        for system in FILED:
            for name, value in found[system, "at once"].items():
                for after in ("ddp", "fsdp"):
                    message = f"{system} {after} {name}"
                    other = found[system, after][name]
                    np.testing.assert_allclose(other, value, 0, 1e-6, err_msg=message)


def test_cut_weights_equal_whole_ones(root, tmp_path):
    for found in run_processes(2, train_in_parts, root, tmp_path):
        whole = found.pop("whole")
        for system in SYSTEMS:
            (a, b), losses = found.pop(system)
            assert losses[0] == pytest.approx(losses[1], abs=1e-5)
            for name, value in a.items():
                np.testing.assert_allclose(value, b[name], 0, 1e-6, err_msg=f"{system} {name}")
        for strategies, weights in found.items():
            for name, value in whole.items():
                # Adam's steps are of one size, also where a gradient is nothing but rounding.
                tolerance = 1e-4 if name.endswith(".qkv.bias") else 1e-6
                message = f"{strategies} {name}"
                np.testing.assert_allclose(weights[name], value, 0, tolerance, err_msg=message)


def train_on(root: Path, run_dir: Path, processes: int, steps: int, systems: Sequence[str]) -> Any:
    return {
        system: arrays(train(root, processes, system, steps, run_dir / system).state_dict())
        for system in systems
    }


def test_a_run_goes_on_with_another_number_of_processes(root, tmp_path):
    systems = ("skeleton2vec", "masked-graph_temporal")
    (whole,) = run_processes(1, train_on, root, tmp_path / "whole", 1, 20, systems)
    for processes, steps in ((2, 7), (1, 11), (4, 20)):
        found = run_processes(
            processes, train_on, root, tmp_path / "parts", processes, steps, systems
        )
    for system in systems:
        for name, value in whole[system].items():
            np.testing.assert_allclose(found[0][system][name], value, 0, 1e-5, err_msg=name)
        lines = [
            (tmp_path / which / system / "metrics.jsonl").read_text().splitlines()
            for which in ("whole", "parts")
        ]
        one, parts = ({(d := json.loads(line))["step"]: d for line in side} for side in lines)
        for step in one:
            assert parts[step]["clips_seen"] == one[step]["clips_seen"]
            if step not in (9, 12):  # of the means there, a part was told when a run ended
                assert parts[step]["train/loss"] == pytest.approx(one[step]["train/loss"], abs=1e-6)


def evaluate_all(root: Path, processes: int, clips: int) -> dict[str, Any]:
    trainer = Trainer(max_steps=1, accelerator="cpu", devices=processes, progress=False)
    torch.manual_seed(0)
    model = MODELS["strl"](UIPRMD22, in_channels=3)
    seen: list[int] = []
    model.encoder.register_forward_pre_hook(lambda _, batch: seen.extend(batch[0].clip_id.tolist()))
    shares = SkeletonLoader(
        SkeletonDataset(root)[:clips],
        8 // processes,
        standard_transform(UIPRMD22, FRAMES, train=False),
        rank=trainer.rank,
        world_size=trainer.world_size,
    )
    features = extract_features(model.encoder, shares)
    once, seen[:] = list(seen), []
    return {
        "seen": once,
        "x": features.x.numpy(),
        "y": features.y.numpy(),
        **arrays({"logits": evaluate_classifier(model, shares)["logits"]}),
    }


@pytest.mark.parametrize("clips", [17, 21])  # of the last batch, one clip or five
def test_processes_share_an_evaluation(root, clips):
    (one,) = run_processes(1, evaluate_all, root, 1, clips)
    many = run_processes(2, evaluate_all, root, 2, clips)
    assert sorted(many[0]["seen"] + many[1]["seen"]) == list(range(clips))
    for rank in many:
        assert rank["y"].tolist() == one["y"].tolist()
        np.testing.assert_allclose(rank["x"], one["x"], 1e-5, 1e-6)
        np.testing.assert_allclose(rank["logits"], one["logits"], 1e-5, 1e-6)
