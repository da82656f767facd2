"""What the subcommands do. Their signatures are their options."""

from __future__ import annotations

import math
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import torch
from torch import nn

from pyg_skeletonmae import runs
from pyg_skeletonmae.config import DataConfig, Splits, open_dataset, split
from pyg_skeletonmae.errors import ConfigError
from pyg_skeletonmae.evaluation import (
    evaluate_classifier,
    extract_features,
    knn,
    linear_probe,
    raw_features,
)
from pyg_skeletonmae.loader import SkeletonLoader
from pyg_skeletonmae.models import (
    GraphSkeletonMAE,
    Skeleton2Vec,
    STSkeletonMAE,
)
from pyg_skeletonmae.pretrained import (
    ClassifierBuilder,
    build_classifier,
    check_fits,
    check_settings,
    load_encoder,
)
from pyg_skeletonmae.skeleton import Skeleton
from pyg_skeletonmae.training import Trainer, load_model, save_release
from pyg_skeletonmae.training.run import BEST
from pyg_skeletonmae.training.trainer import Evaluate

Joints = Literal["mean", "concat"]


def pretrain(
    model: Callable[[Skeleton, int], GraphSkeletonMAE | STSkeletonMAE | Skeleton2Vec],
    trainer: Trainer,
    data: DataConfig,
    resolved: dict[str, Any],
    out: str = "runs/pretrain",
    seed: int = 0,
    resume: bool = False,
) -> dict[str, Any]:
    """Pre-trains a model on the training subjects, without their labels.

    Args:
        model: Builds the model from the skeleton and the number of channels of the data.
        trainer: The trainer.
        data: The clips.
        resolved: The whole configuration, for the run folder.
        out: The run folder.
        seed: Where weights, order and all draws derive from.
        resume: Go on with the run in the folder.
    """
    folder = Path(out)
    splits = _begin(trainer, folder, resolved, data, seed, resume)
    net = model(splits.train.skeleton, splits.train.store.num_channels)
    loader = data.train_loader(
        splits.train, seed, trainer.fabric.device, trainer.rank, trainer.world_size
    )
    _try(net, loader)
    if trainer.rank == 0:
        runs.start(folder, resolved, seed)
    evaluate = None if splits.val is None else _knn_on(splits, data, trainer)
    results = trainer.fit(net, loader, evaluate, folder, resume)
    return _finish(trainer, net, folder, {**results, "clips": len(splits.train)})


def finetune(
    model: ClassifierBuilder,
    trainer: Trainer,
    data: DataConfig,
    resolved: dict[str, Any],
    pretrained: str | None = None,
    freeze: bool = False,
    drop_path: float | None = None,
    random_init: bool = False,
    out: str = "runs/finetune",
    seed: int = 0,
    resume: bool = False,
) -> dict[str, Any]:
    """Trains a classifier on the labelled training subjects and tests it on the others.

    Args:
        model: Builds the classifier: STRL, or a head on any pre-trained encoder.
        trainer: The trainer.
        data: The clips.
        resolved: The whole configuration, for the run folder.
        pretrained: The run or release folder of a pre-training; none: from scratch.
        freeze: Keep the pre-trained weights of STRL as they are; ``Classifier`` has
            ``freeze_encoder``.
        drop_path: The rate of stochastic depth of a transformer encoder; none: its own.
        random_init: Give the pre-trained encoder fresh weights: what its architecture does alone.
        out: The run folder.
        seed: Where weights, order and all draws derive from.
        resume: Go on with the run in the folder.
    """
    settings = {
        **resolved, "pretrained": pretrained, "freeze": freeze, "drop_path": drop_path,
        "random_init": random_init,
    }  # fmt: skip
    check_settings(settings)
    folder = Path(out)
    splits = _begin(trainer, folder, resolved, data, seed, resume)
    dataset = splits.labelled
    net = build_classifier(model, dataset, settings)
    loader = data.train_loader(
        dataset, seed, trainer.fabric.device, trainer.rank, trainer.world_size
    )
    _try(net, loader)
    if trainer.rank == 0:
        runs.start(folder, resolved, seed)
    evaluate = None
    if splits.val is not None:
        val = data.eval_loader(splits.val, trainer.fabric.device)

        def evaluate(net: nn.Module) -> dict[str, float]:
            return _numbers(evaluate_classifier(net, val))

    results = trainer.fit(net, loader, evaluate, folder, resume)
    if trainer.monitor is not None and trainer.rank == 0:
        load_model(net, folder / BEST)
    test = evaluate_classifier(net, data.eval_loader(splits.test, trainer.fabric.device))
    results |= {f"test/{name}": value for name, value in _numbers(test).items()}
    counts = {"clips": len(dataset), "test_clips": len(splits.test)}
    return _finish(trainer, net, folder, {**results, **counts})


def evaluate(
    data: DataConfig,
    resolved: dict[str, Any],
    pretrained: str | None = None,
    protocol: Literal["knn", "linear", "all"] = "knn",
    k: int = 1,
    joints: Joints = "concat",
    segments: int = 1,
    random_init: bool = False,
    out: str | None = None,
    seed: int = 0,
) -> dict[str, Any]:
    """Measures frozen features: labelled training subjects against the test subjects.

    Args:
        data: The clips.
        resolved: The whole configuration, for the run folder.
        pretrained: The run or release folder; none: the coordinates themselves, the bar to beat.
        protocol: Nearest neighbours by cosine, or a linear classifier on standardised features;
            ``all``: both, on features averaged over the joints and on those per joint.
        k: How many neighbours vote.
        joints: Features averaged over the joints, or one vector for each.
        segments: Features averaged over time (1), or over this many equal segments.
        random_init: Give the pre-trained model fresh weights: what its architecture does alone.
        out: A folder for the results; none: only print them.
        seed: Draws the validation subjects of the linear classifier, and fresh weights.
    """
    folder = None if out is None else Path(out)
    if folder is not None:
        runs.check_folder(folder, resolved, resume=False)
    if random_init and pretrained is None:
        raise ConfigError("random_init: name the model to build anew with --pretrained")
    splits = split(open_dataset(data, seed), data)
    encoder: nn.Module | None = None
    if pretrained is not None:
        torch.manual_seed(seed)
        encoder = trained = load_encoder(Path(pretrained), resolved["data"], random_init)
        check_fits(trained, splits.test, pretrained)
    loaders = data.eval_loader(splits.labelled), data.eval_loader(splits.test)
    time: Literal["mean"] | int = "mean" if segments == 1 else segments

    def measure(protocol: str, joints: Joints) -> dict[str, float]:
        train, test = (
            raw_features(loader)
            if encoder is None
            else extract_features(encoder, loader, joints, time)
            for loader in loaders
        )
        found = knn(train, test, k) if protocol == "knn" else linear_probe(train, test, seed=seed)
        return _numbers(found)

    found = _measure_all(measure) if protocol == "all" else measure(protocol, joints)
    results = {
        "protocol": protocol,
        "features": "coordinates" if pretrained is None else pretrained,
        "random_init": random_init,
        "train_clips": len(splits.labelled),
        "test_clips": len(splits.test),
        **found,
    }
    if folder is not None:
        runs.start(folder, resolved, seed)
        runs.write_json(folder / runs.RESULTS, results)
    return results


def _measure_all(measure: Callable[[str, Joints], dict[str, float]]) -> dict[str, float]:
    """Top-1 of both protocols on both kinds of features."""
    kinds: dict[str, Joints] = {"pooled": "mean", "per_joint": "concat"}
    return {
        f"{protocol}_{kind}": measure(protocol, joints)["top1"]
        for protocol in ("knn", "linear")
        for kind, joints in kinds.items()
    }


def _begin(
    trainer: Trainer,
    folder: Path,
    resolved: dict[str, Any],
    data: DataConfig,
    seed: int,
    resume: bool,
) -> Splits:
    """Checks the run folder, starts the processes, opens the data, seeds the weights."""
    if "LOCAL_RANK" not in os.environ:  # The others were started by this one.
        runs.check_folder(folder, resolved, resume)
    if trainer.monitor is not None and not data.val_subjects:
        raise ConfigError("trainer.monitor: needs data.val_subjects to evaluate on while training")
    trainer.launch()
    splits = split(open_dataset(data, seed), data)
    torch.manual_seed(seed)
    return splits


@torch.no_grad()
def _try(net: nn.Module, loader: SkeletonLoader) -> None:
    """One batch through the model, so that what does not fit is said before a folder is made."""
    training, device = net.training, next(net.parameters()).device
    net.eval()(next(iter(loader)).to(device))
    net.train(training)
    loader.load_state_dict({**loader.state_dict(), "batch": 0})


def _knn_on(splits: Splits, data: DataConfig, trainer: Trainer) -> Evaluate:
    """Nearest neighbours of the validation subjects among the labelled training subjects."""
    assert splits.val is not None
    train = data.eval_loader(splits.labelled, trainer.fabric.device)
    val = data.eval_loader(splits.val, trainer.fabric.device)

    def evaluate(net: nn.Module) -> dict[str, float]:
        encoder = net.get_submodule("encoder")
        known, asked = (extract_features(encoder, side, "concat") for side in (train, val))
        return {"knn": float(knn(known, asked)["top1"])}

    return evaluate


def _numbers(results: dict[str, Any]) -> dict[str, float]:
    return {name: value for name, value in results.items() if isinstance(value, float)}


def _finish(
    trainer: Trainer, net: nn.Module, folder: Path, results: dict[str, float]
) -> dict[str, Any]:
    """Writes the release folder and the results, on the first process."""
    if trainer.rank == 0:
        save_release(net.cpu(), folder / runs.RELEASE)
        finite = {name: value if math.isfinite(value) else None for name, value in results.items()}
        runs.write_json(folder / runs.RESULTS, finite)
    return {**results, "folder": str(folder)}
