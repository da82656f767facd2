"""The protocols of ``skeletonmae evaluate`` on frozen features."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import Any

from pyg_skeletonmae.commands.evaluation_context import Job, Joints
from pyg_skeletonmae.commands.options import Options
from pyg_skeletonmae.commands.run_steps import answer, keep_confusion
from pyg_skeletonmae.datasets import SkeletonDataset
from pyg_skeletonmae.datasets.sets.pkummd import PKUMMD
from pyg_skeletonmae.errors import ConfigError
from pyg_skeletonmae.evaluation import (
    centroid,
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


def nearest(job: Job, options: Options) -> dict[str, Any]:
    """The nearest of the labelled training clips vote on each test clip."""
    k, (train, test) = options.k, job.both()
    return _told(job, knn(train, test, k) if isinstance(k, int) else knn_curve(train, test, k))


def linear(job: Job, options: Options) -> dict[str, Any]:
    """A linear classifier on standardised features of the labelled training clips."""
    return _told(job, linear_probe(*job.both(), job.l2_grid, job.seed))


def least_squares(job: Job, options: Options) -> dict[str, Any]:
    """The same by least squares."""
    return _told(job, ridge(*job.both(), job.l2_grid, job.seed))


def means(job: Job, options: Options) -> dict[str, Any]:
    """The class whose mean of labelled training clips is nearest."""
    return _told(job, centroid(*job.both()))


def _told(job: Job, found: dict[str, Any]) -> dict[str, Any]:
    """What is printed; the run folder gets what test clips were taken for, if that is one class."""
    predicted = found["logits"].argmax(1) if "logits" in found else found.get("predicted")
    if predicted is not None:
        keep_confusion(predicted, job.splits.test, job.folder)
    return answer(found)


def search(job: Job, options: Options) -> dict[str, Any]:
    """Test clips search in training clips."""
    return retrieval(*job.both())


def both_kinds(job: Job, options: Options) -> dict[str, Any]:
    """Top-1 of two protocols on each kind of features; coordinates are of one kind.

    Of several numbers of segments the first has the plain keys.
    """
    k = options.k
    if not isinstance(k, int):
        raise ConfigError(f"k {k}: expected one number for protocol all")
    kinds: dict[str, Joints] = {"pooled": "mean", "per_joint": "concat"}
    features = {}
    for segments in options.segments:
        named = "" if segments == options.segments[0] else f"_segments{segments}"
        for kind, joints in kinds.items():
            if job.encoder is not None or (kind, named) == ("per_joint", ""):
                features[kind + named] = replace(job, segments=segments).both(joints)
    found = {f"knn_{kind}": knn(*sides, k) for kind, sides in features.items()}
    for kind, sides in features.items():
        found[f"linear_{kind}"] = linear_probe(*sides, job.l2_grid, job.seed)
    notes = [f"{name}: {note}" for name, own in found.items() for note in own.get("notes", [])]
    return {**{name: own["top1"] for name, own in found.items()}, **noted(*notes)}


def episodes(job: Job, options: Options) -> dict[str, Any]:
    """Few-shot episodes from the test clips."""
    told = asdict(options.few_shot)
    found = few_shot(job.features(job.splits.test), seed=job.seed, **told)
    return {**answer(found), **told}


def detect(job: Job, options: Options) -> dict[str, Any]:
    """Windows of untrimmed recordings, a linear classifier on their features, and detections."""
    told = options.temporal
    train = _windows(job, job.splits.labelled, told.window, told.train_stride)
    test = _windows(job, job.splits.test, told.window, told.stride)
    windows = [len(starts) for starts in train.starts]
    known = job.training_features(train, job.splits.labelled, repeats=windows)
    asked = job.features_of(test)
    found = linear_probe(known, asked, job.l2_grid, job.seed)
    results = temporal(
        test.split(found["logits"].softmax(-1)),
        test.starts,
        test.frames,
        test.annotations,
        window=told.window,
        background=test.background,
        shortest=told.shortest,
    )
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
    once = job.data.once(dataset)
    return WindowLoader(dataset, truth, window, stride, NUM_CLASSES, transform, once=once)


def _actions(dataset: PKUMMD, number: int) -> list[Segment]:
    """The actions in a recording, as far as they lie in it."""
    frames, found = int(dataset.store.length[number]), []
    for action in dataset.annotations(dataset.store.names[number]):
        segment = Segment(max(0, action.start), min(action.end, frames), action.label)
        if segment.start < segment.stop:
            found.append(segment)
    return found
