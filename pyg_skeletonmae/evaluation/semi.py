"""Semi-supervised protocols: a share of the labels, several draws of which."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from pyg_skeletonmae.datasets import SkeletonDataset
from pyg_skeletonmae.datasets.label_subsets import label_subset
from pyg_skeletonmae.errors import ConfigError, DataError
from pyg_skeletonmae.evaluation.metrics import confidence_interval

FRACTIONS = (0.01, 0.05, 0.1, 0.2, 0.5)
Measure = Callable[[SkeletonDataset, str], Mapping[str, Any]]


def semi_supervised(
    measure: Measure,
    dataset: SkeletonDataset,
    folder: str | Path,
    fractions: Sequence[float] = FRACTIONS,
    draws: int = 5,
    balanced: bool = False,
) -> dict[str, float]:
    """Measures with shares of the labels of the training clips, over several draws.

    Args:
        measure: Trains on the labelled clips it is given and returns numbers, ``top1`` among them;
            its second argument names the draw (``0.1-draw3``), for a folder of its own.
        dataset: The training clips.
        folder: The label files, see :func:`~pyg_skeletonmae.datasets.label_subsets.label_subset`:
            written once, from then on read.
        fractions: Shares of labels.
        draws: How many draws of each; at least 5 are advised.
        balanced: The share of each class, instead of the share of all clips.

    Returns:
        For each fraction, here 0.1: ``top1_0.1``, the mean over draws; ``interval_0.1``, half the
        width of its 95 % interval (Student's t; infinite for one draw); ``clips_0.1``; and
        ``top1_0.1_draw0`` ...

    Raises:
        ConfigError: There is no draw or no fraction, or one is out of range.
        DataError: The clips have no labels, a label file does not fit them, or a draw was measured
            without ``top1``.
    """
    if draws < 1 or not fractions:
        raise ConfigError(
            f"semi: expected a draw and a fraction or more, found {draws}, {fractions}"
        )
    results: dict[str, float] = {}
    for fraction in fractions:
        scores, clips = [], 0
        for draw in range(draws):
            subset = label_subset(dataset, folder, fraction, draw, balanced)
            measured = measure(subset, f"{fraction:g}-draw{draw}")
            if measured.get("top1") is None:
                raise DataError(f"{fraction:g}-draw{draw}: expected top1, found {list(measured)}")
            scores.append(float(measured["top1"]))
            clips = len(subset)
        mean, half = confidence_interval(scores)
        results |= {f"top1_{fraction:g}": mean, f"interval_{fraction:g}": half}
        results[f"clips_{fraction:g}"] = clips
        results |= {f"top1_{fraction:g}_draw{i}": value for i, value in enumerate(scores)}
    return results
