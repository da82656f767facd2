"""What has to be said beside a result: the entry ``notes`` of what evaluations return."""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor


def noted(*notes: str | None) -> dict[str, list[str]]:
    """The entry ``notes`` of a result; nothing where there is nothing to say."""
    texts = [note for note in notes if note]
    return {"notes": texts} if texts else {}


def chance_note(what: str, top1: float, y: Tensor) -> str | None:
    """What to say of a choice by an accuracy that a constant answer reaches as well.

    Chance is the share of the most frequent class, and two standard errors of so many clips (our
    choice).

    Args:
        what: What was chosen, ``"l2"``.
        top1: The best accuracy on the clips that judge.
        y: Their classes ``[n]``.
    """
    counts = np.unique(y, return_counts=True)[1]
    share = float(counts.max()) / len(y)
    if top1 > share + 2.0 * math.sqrt(share * (1.0 - share) / len(y)):
        return None
    return (
        f"{what}: chosen at chance level, {top1:.3f} on {len(y)} held-out clips of "
        f"{len(counts)} classes, the most frequent of which has {share:.3f}; it means nothing"
    )


def unknown_note(train: Tensor, test: Tensor, what: str = "test") -> str | None:
    """What to say of clips whose class no training clip has: they cannot be right.

    Args:
        train: Classes of the training clips.
        test: Classes of the others.
        what: What the others are.
    """
    unknown = ~torch.isin(test, train)
    if not bool(unknown.any()):
        return None
    classes = np.unique(test[unknown]).tolist()
    return (
        f"{int(unknown.sum())} of {len(test)} {what} clips are of classes that no training clip "
        f"has, {classes[:5]}{' ...' if len(classes) > 5 else ''}: they count as wrong"
    )
