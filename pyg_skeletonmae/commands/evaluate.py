"""``skeletonmae evaluate``."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import torch
from torch import nn

from pyg_skeletonmae import runs
from pyg_skeletonmae.commands.steps import measured, numbers
from pyg_skeletonmae.config import DataConfig, open_dataset, split
from pyg_skeletonmae.errors import ConfigError
from pyg_skeletonmae.evaluation import extract_features, knn, linear_probe, raw_features
from pyg_skeletonmae.pretrained import check_fits, load_encoder

Joints = Literal["mean", "concat"]


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
        return numbers(found)

    found = _measure_all(measure) if protocol == "all" else measure(protocol, joints)
    results = {
        "protocol": protocol,
        "features": "coordinates" if pretrained is None else pretrained,
        "random_init": random_init,
        "train_clips": len(splits.labelled),
        "test_clips": len(splits.test),
        **found,
        **measured(splits),
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
