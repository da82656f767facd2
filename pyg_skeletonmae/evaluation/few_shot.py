"""Few-shot recognition: classes from a handful of examples."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch
from sklearn.metrics import accuracy_score
from torch import Tensor
from torch.nn.functional import normalize

from pyg_skeletonmae.errors import ConfigError, DataError
from pyg_skeletonmae.evaluation.features import Features
from pyg_skeletonmae.evaluation.notes import noted


def few_shot(
    features: Features,
    ways: int = 5,
    shots: int = 1,
    queries: int = 15,
    episodes: int = 600,
    seed: int = 0,
) -> dict[str, Any]:
    """Nearest class means over many small problems, without any training.

    From `"Prototypical Networks for Few-shot Learning" <https://arxiv.org/abs/1703.05175>`_, with
    frozen features and cosine similarity. An episode draws ``ways`` classes, ``shots`` clips of
    each as examples and ``queries`` further ones to classify.

    Args:
        features: Clips of classes (and, in honest protocols, subjects) unseen in training.
        ways: Classes of an episode.
        shots: Examples of each class.
        queries: Clips to classify, of each class.
        episodes: How many episodes.
        seed: Draws the episodes.

    Returns:
        ``top1``, the mean accuracy of the episodes, and ``interval``, half the width of its 95 %
        interval, ``1.96 * std / sqrt(episodes)``; ``notes``, where classes are never drawn.

    Raises:
        ConfigError: A number is out of range.
        DataError: A clip has no class, or fewer than ``ways`` classes have ``shots + queries``
            clips.
    """
    if ways < 2 or min(shots, queries) < 1 or episodes < 2:
        raise ConfigError(
            f"few-shot: expected ways and episodes >= 2, shots and queries >= 1, found "
            f"ways={ways}, shots={shots}, queries={queries}, episodes={episodes}"
        )
    features.check_labels()
    clips = [
        (features.y == label).nonzero().flatten() for label in sorted(set(features.y.tolist()))
    ]
    enough = [own for own in clips if len(own) >= shots + queries]
    if len(enough) < ways:
        raise DataError(
            f"few-shot: {ways} classes with {shots + queries} clips each are needed, found "
            f"{len(enough)}; lower ways or queries"
        )
    x, rng = normalize(features.x), np.random.default_rng(seed)
    scores = torch.tensor(
        [_episode(x, enough, ways, shots, queries, rng) for _ in range(episodes)],
        dtype=torch.float64,
    )
    rare = len(clips) - len(enough)
    note = f"{rare} of {len(clips)} classes have fewer than {shots + queries} clips: never drawn"
    return {
        **noted(note if rare else None),
        "top1": float(scores.mean()),
        "interval": 1.96 * float(scores.std()) / math.sqrt(episodes),
    }


def _episode(
    x: Tensor, clips: list[Tensor], ways: int, shots: int, queries: int, rng: np.random.Generator
) -> float:
    drawn = []
    for label in rng.choice(len(clips), ways, replace=False):
        order = rng.choice(len(clips[label]), shots + queries, replace=False)
        drawn.append(x[clips[label][torch.from_numpy(order)]])
    episode = torch.stack(drawn)  # [ways, shots + queries, D]
    means = normalize(episode[:, :shots].mean(1))
    predicted = (episode[:, shots:] @ means.T).argmax(-1)
    truth = torch.arange(ways)[:, None].expand_as(predicted)
    return float(accuracy_score(truth.flatten(), predicted.flatten()))
