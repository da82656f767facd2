"""The protocols of ``skeletonmae evaluate`` on frozen features."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any, Literal

from pyg_skeletonmae.commands.evaluation_context import Job, Joints
from pyg_skeletonmae.commands.options import FewShotConfig, TemporalConfig
from pyg_skeletonmae.commands.run_steps import answer
from pyg_skeletonmae.datasets import SkeletonDataset
from pyg_skeletonmae.datasets.sets.pkummd import PKUMMD
from pyg_skeletonmae.errors import ConfigError
from pyg_skeletonmae.evaluation import (
    Features,
    few_shot,
    knn,
    knn_curve,
    linear_probe,
    retrieval,
    ridge,
    temporal,
)
from pyg_skeletonmae.evaluation.detection import Segment
from pyg_skeletonmae.evaluation.notes import noted
from pyg_skeletonmae.evaluation.windows import WindowLoader
from pyg_skeletonmae.io.pku import NUM_CLASSES

Frozen = Literal["knn", "linear", "all", "ridge", "retrieval"]


def frozen(job: Job, protocol: str, k: int | list[int]) -> dict[str, Any]:
    """Labelled training clips against test clips."""
    if protocol == "all":
        return _all(job, k)
    return _compared(*job.both(), job, protocol, k)


def _compared(
    train: Features, test: Features, job: Job, protocol: str, k: int | list[int]
) -> dict[str, Any]:
    if protocol == "knn":
        return answer(knn(train, test, k) if isinstance(k, int) else knn_curve(train, test, k))
    if protocol == "retrieval":
        return retrieval(train, test)
    fit = linear_probe if protocol == "linear" else ridge
    return answer(fit(train, test, job.l2_grid, job.seed))


def _all(job: Job, k: int | list[int]) -> dict[str, Any]:
    """Top-1 of two protocols on both kinds of features; coordinates are of one kind."""
    if not isinstance(k, int):
        raise ConfigError(f"k {k}: expected one number for protocol all")
    kinds: dict[str, Joints] = {"pooled": "mean", "per_joint": "concat"}
    if job.encoder is None:
        del kinds["pooled"]
    features = {kind: job.both(joints) for kind, joints in kinds.items()}
    results: dict[str, Any] = {}
    notes = []
    for protocol in ("knn", "linear"):
        for kind, sides in features.items():
            found = _compared(*sides, job, protocol, k)
            results[f"{protocol}_{kind}"] = found["top1"]
            notes += [f"{protocol}_{kind}: {note}" for note in found.get("notes", [])]
    return {**results, **noted(*notes)}


def episodes(job: Job, options: FewShotConfig) -> dict[str, Any]:
    """Few-shot episodes from the test clips."""
    found = few_shot(job.features(job.splits.test), seed=job.seed, **asdict(options))
    return {**answer(found), **asdict(options)}


def detect(job: Job, options: TemporalConfig) -> dict[str, Any]:
    """Windows of untrimmed recordings, a linear classifier on their features, and detections."""
    train = _windows(job, job.splits.labelled, options.window, options.train_stride)
    test = _windows(job, job.splits.test, options.window, options.stride)
    windows = [len(starts) for starts in train.starts]
    known = job.training_features(train, job.splits.labelled, repeats=windows)
    asked = job.features_of(test)
    found = linear_probe(known, asked, job.l2_grid, job.seed)
    results = temporal(
        test.split(found["logits"].softmax(-1)), test.starts, test.frames, test.annotations,
        options.window, test.background, options.shortest,
    )  # fmt: skip
    counts = {"train_windows": sum(windows), "test_windows": len(asked)}
    window = {"window_top1": found["top1"], "l2": found["l2"]}
    return {**answer({**results, **noted(*found.get("notes", []))}), **window, **counts}


def _windows(job: Job, dataset: SkeletonDataset, window: int, stride: int) -> WindowLoader:
    if not isinstance(dataset, PKUMMD) or not dataset.untrimmed:
        raise ConfigError(
            "protocol temporal: needs whole recordings: data.name pkummd1 or pkummd2, "
            "data.policy untrimmed"
        )
    truth = [_actions(dataset, number) for number in dataset.indices()]
    transform = job.data.transform(dataset, train=False)
    return WindowLoader(dataset, truth, window, stride, NUM_CLASSES, transform)


def _actions(dataset: PKUMMD, number: int) -> list[Segment]:
    """The actions in a recording, as far as they lie in it."""
    frames, found = int(dataset.store.length[number]), []
    for action in dataset.annotations(dataset.store.names[number]):
        segment = Segment(max(0, action.start), min(action.end, frames), action.label)
        if segment.start < segment.stop:
            found.append(segment)
    return found
