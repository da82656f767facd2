"""How many labels are needed: accuracy against labels a class."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from pyg_skeletonmae.datasets import SkeletonDataset
from pyg_skeletonmae.datasets.label_subsets import label_subset
from pyg_skeletonmae.errors import ConfigError, DataError
from pyg_skeletonmae.evaluation.metrics import confidence_interval
from pyg_skeletonmae.evaluation.notes import noted

LABELS = (1, 2, 5, 10, 20)
ALL = "all"
Measure = Callable[[SkeletonDataset, str], Mapping[str, float]]


def label_curve(
    measure: Measure,
    dataset: SkeletonDataset,
    folder: str | Path,
    labels: Sequence[int] = LABELS,
    draws: int = 3,
) -> dict[str, Any]:
    """Measures with a few labels of each class, over several draws, and with all labels.

    Args:
        measure: Learns from the labelled clips it is given and returns accuracies by name, the same
            names for each draw; its second argument names the draw (``5-draw1``, ``all-draw0``).
        dataset: The training clips.
        folder: The label files, see :func:`~pyg_skeletonmae.datasets.label_subsets.label_subset`;
            two labels of a draw are among its five.
        labels: How many of each class.
        draws: How many draws of each; of all labels there is one.

    Returns:
        Lists with a place for each number of labels: ``labels``, the last of which is ``"all"``;
        ``clips``; by name ``top1``, the mean over draws, ``interval``, half the width of its 95 %
        interval (Student's t; None for a single draw), and ``draws``, the accuracies themselves.
        ``notes`` where a class has fewer clips than asked for: those numbers are left out.

    Raises:
        ConfigError: There is no draw, or a number of labels below 1.
        DataError: The clips have no labels, or draws were measured under different names.
    """
    if draws < 1 or min(labels, default=1) < 1:
        raise ConfigError(f"curve: expected a draw and labels, found {draws}, {list(labels)}")
    least = min(Counter(dataset.labels.tolist()).values())
    numbers = [count for count in sorted(set(labels)) if count <= least]
    found: dict[str, list[list[float]]] = {}
    clips = []
    for subsets in _subsets(dataset, folder, numbers, draws):
        measured = [measure(subset, name) for name, subset in subsets.items()]
        names = found.keys() or measured[0].keys()
        for name, own in zip(subsets, measured, strict=True):
            if own.keys() != names:
                raise DataError(f"{name}: expected {', '.join(names)}, found {', '.join(own)}")
        for key in names:
            found.setdefault(key, []).append([float(own[key]) for own in measured])
        clips.append(len(next(iter(subsets.values()))))
    left_out = ", ".join(str(count) for count in sorted(set(labels)) if count > least)
    note = f"labels a class {left_out}: left out, a class has {least} training clips"
    spread = {key: [confidence_interval(one) for one in own] for key, own in found.items()}
    return {
        "labels": [*numbers, ALL],
        "clips": clips,
        "top1": {key: [mean for mean, _ in own] for key, own in spread.items()},
        "interval": {
            key: [half if math.isfinite(half) else None for _, half in own]
            for key, own in spread.items()
        },
        "draws": found,
        **noted(note if left_out else None),
    }


def _subsets(
    dataset: SkeletonDataset, folder: str | Path, numbers: Sequence[int], draws: int
) -> Iterator[dict[str, SkeletonDataset]]:
    """The draws of each number of labels by their names, and all labels."""
    for count in numbers:
        yield {
            f"{count}-draw{draw}": label_subset(dataset, folder, draw=draw, per_class=count)
            for draw in range(draws)
        }
    yield {f"{ALL}-draw0": dataset}
