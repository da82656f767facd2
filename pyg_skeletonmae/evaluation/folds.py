"""Which training clips are held out where a setting is chosen.

A clip can only judge a classifier that was trained on its class. By subjects this holds as long as
people do the same things; where they do not, clips are held out class by class.
"""

from __future__ import annotations

import warnings
from collections.abc import Collection, Iterator
from typing import Literal, NamedTuple

import numpy as np
import torch
from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold
from torch import Tensor

from pyg_skeletonmae.errors import DataError
from pyg_skeletonmae.evaluation.features import Features

_FOLDS = 3


class Folds(NamedTuple):
    """Clips to validate on.

    Args:
        masks: The clips that judge in each fold, ``[n]``, bool. Clips of a class that the others
            lack judge nothing: they are in no mask.
        rest: The clips to fit on in each fold, ``[n]``, bool.
        by: What was dealt into folds.
    """

    masks: list[Tensor]
    rest: list[Tensor]
    by: Literal["subjects", "clips"]

    @property
    def judged(self) -> int:
        """How many clips are held out, over all folds."""
        return sum(int(mask.sum()) for mask in self.masks)

    def note(self, subjects: int) -> str | None:
        """What to say where clips judge, although the clips are those of several subjects."""
        if self.by == "subjects" or subjects < 2:
            return None
        return (
            f"validated on held-out clips of each class, not on held-out subjects: the {subjects} "
            "subjects show different classes"
        )


def deal_folds(
    train: Features, seed: int = 0, val_subjects: Collection[int] | None = None
) -> Folds:
    """Folds for a cross-validation over training clips, whose classes the other clips have.

    Three folds of subjects (a single subject is too noisy a judge); where that would hold out
    classes that the rest lacks, folds of subjects that spread the classes (scikit-learn's
    ``StratifiedGroupKFold``), if more clips can judge so. Where not even half of the clips can, and
    where there is one subject only, three folds of the clips of each class (``StratifiedKFold``);
    copies of a clip stay together, and the only clip of a class is never held out.

    Args:
        train: The clips.
        seed: Deals subjects, or clips, into folds.
        val_subjects: The subjects to hold out, as one fold.

    Raises:
        DataError: No fold can be cut: all classes of clips to hold out are unknown to the rest, or
            the rest has fewer than two classes.
    """
    train.check_labels()
    if val_subjects is not None:
        held_out = [torch.isin(train.subject, torch.tensor(sorted(val_subjects)))]
        folds = _judges(held_out, train.y, "subjects")
    else:
        folds = max(_by_subjects(train, seed), key=lambda own: own.judged)
        if 2 * folds.judged < len(train):
            folds = _judges(_by_clips(train, seed), train.y, "clips")
    if not folds.masks:
        subjects = np.unique(train.subject).tolist()
        raise DataError(
            f"no validation part can be cut from training subjects {subjects}"
            + (f" with val_subjects {sorted(val_subjects)}" if val_subjects is not None else "")
            + ": its classes have to have other clips to fit on; give other val_subjects, or a "
            "single penalty (l2_grid, --l2)"
        )
    return folds


def check_known(train: Tensor, val: Tensor) -> None:
    """Refuses validation clips that say nothing about training.

    Args:
        train: Classes of the labelled training clips.
        val: Classes of the validation clips.

    Raises:
        DataError: No training clip has any of their classes.
    """
    if not bool(torch.isin(val, train).any()):
        raise DataError(
            "data.val_subjects: none of the classes of their clips has a labelled training clip, "
            "so all weights would score 0; name subjects who do what the others do"
        )


def _judges(held_out: list[Tensor], y: Tensor, by: Literal["subjects", "clips"]) -> Folds:
    """The folds in which some clip can judge."""
    masks = [mask & torch.isin(y, y[~mask]) for mask in held_out]
    good = [i for i, mask in enumerate(masks) if mask.any() and len(np.unique(y[~held_out[i]])) > 1]
    return Folds([masks[i] for i in good], [~held_out[i] for i in good], by)


def _by_subjects(train: Features, seed: int) -> Iterator[Folds]:
    subject, y = train.subject, train.y
    people = np.unique(subject)
    order = np.random.default_rng(seed).permutation(people)
    dealt = np.array_split(order, min(_FOLDS, len(people)))
    first = _judges([torch.isin(subject, torch.from_numpy(fold)) for fold in dealt], y, "subjects")
    yield first
    count = min(_FOLDS, len(people), int(np.unique(y, return_counts=True)[1].max()))
    if first.judged < len(train) and count > 1:
        split = StratifiedGroupKFold(count, shuffle=True, random_state=seed)
        yield _judges(_held_out(split, torch.arange(len(y)), y, subject), y, "subjects")


def _by_clips(train: Features, seed: int) -> list[Tensor]:
    """Clips of each class in turn, masks ``[n]``; none if no class has two."""
    clips, place = np.unique(train.clip, return_index=True)
    y = train.y[torch.from_numpy(place)]
    _, label, count = np.unique(y, return_inverse=True, return_counts=True)
    several = torch.from_numpy((count[label] > 1).nonzero()[0])
    if not len(several):
        return []
    split = StratifiedKFold(min(_FOLDS, int(count.max())), shuffle=True, random_state=seed)
    parts = _held_out(split, several, y)
    return [torch.isin(train.clip, torch.from_numpy(clips)[part]) for part in parts]


def _held_out(
    split: StratifiedKFold | StratifiedGroupKFold,
    numbers: Tensor,
    y: Tensor,
    group: Tensor | None = None,
) -> list[Tensor]:
    """The clips that each fold of a split of ``numbers`` holds out, masks over all clips."""
    own = y[numbers].numpy()
    masks = []
    with warnings.catch_warnings():
        # Few clips of many classes are what label-poor protocols are about.
        warnings.filterwarnings("ignore", message="The least populated class")
        warnings.filterwarnings("ignore", message="The number of unique classes is greater")
        for _, held_out in split.split(own, own, None if group is None else group.numpy()):
            masks.append(torch.zeros(len(y), dtype=torch.bool))
            masks[-1][numbers[torch.from_numpy(held_out)]] = True
    return masks
