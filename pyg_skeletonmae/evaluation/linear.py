"""Linear classifiers on frozen features."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Collection, Sequence
from typing import Any

import numpy as np
import torch
from sklearn.linear_model import LogisticRegression, RidgeClassifier
from sklearn.model_selection import StratifiedShuffleSplit
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits
from torch import Tensor

from pyg_skeletonmae.errors import ConfigError, DataError
from pyg_skeletonmae.evaluation.features import Features
from pyg_skeletonmae.evaluation.metrics import accuracy, prediction_accuracy

L2_GRID = (1e-3, 1e-2, 1e-1, 1.0, 10.0)


def linear_probe(
    train: Features,
    test: Features,
    l2_grid: Sequence[float] = L2_GRID,
    seed: int = 0,
    val_subjects: Collection[int] | None = None,
    max_iter: int = 500,
) -> dict[str, Any]:
    r"""Multinomial logistic regression, the usual measure of frozen features.

    The features are standardised with mean and deviation of the training clips. It minimises

    .. math::
        \frac{1}{n} \sum_i \mathrm{CE}_i + \frac{\lambda}{2} \lVert W \rVert^2

    over the full batch by scikit-learn's L-BFGS. :math:`\lambda` is the best of ``l2_grid`` in a
    cross-validation over the *training* subjects; then all their clips are fitted again. The test
    clips are looked at once.

    Args:
        train: Training clips.
        test: Test clips.
        l2_grid: Values of :math:`\lambda` to try; a single one needs no validation.
        seed: Deals the training subjects into folds.
        val_subjects: Training subjects to validate on. Default: three folds of subjects in turn
            (a single subject is too noisy a judge); if there is one subject only, a fifth of its
            clips, class by class.
        max_iter: Most iterations of L-BFGS.

    Returns:
        What :func:`~pyg_skeletonmae.evaluation.metrics.accuracy` returns, and ``l2`` (the chosen
        value), ``val_top1`` (value to validation accuracy), ``logits`` ``[n, K]``.

    Raises:
        ConfigError: The grid is empty or not positive.
        DataError: There is one class only, the widths differ, or no validation part can be cut.
    """

    def make(l2: float, clips: int) -> Pipeline:
        model = LogisticRegression(C=1.0 / (l2 * clips), max_iter=max_iter)
        return make_pipeline(StandardScaler(), model)

    model, report = _fit(make, train, test, l2_grid, seed, val_subjects)
    logits = torch.full((len(test), _num_classes(train, test)), -torch.inf)
    scores = torch.from_numpy(model.decision_function(test.x.numpy())).float()
    if scores.dim() == 1:  # one column for two classes: how much likelier the second is
        scores = torch.stack([torch.zeros_like(scores), scores], 1)
    logits[:, torch.from_numpy(model.classes_)] = scores
    return {**accuracy(logits, test.y), **report, "logits": logits}


def ridge(
    train: Features,
    test: Features,
    l2_grid: Sequence[float] = L2_GRID,
    seed: int = 0,
    val_subjects: Collection[int] | None = None,
) -> dict[str, Any]:
    r"""Least squares on one-hot classes: the linear bar for raw coordinates.

    Arguments and errors as in :func:`linear_probe`; the penalty is
    :math:`\lambda n \lVert W \rVert^2` on standardised features.

    Returns:
        What :func:`~pyg_skeletonmae.evaluation.metrics.prediction_accuracy` returns, and ``l2``,
        ``val_top1``, ``predicted`` ``[n]``.
    """

    def make(l2: float, clips: int) -> Pipeline:
        return make_pipeline(StandardScaler(), RidgeClassifier(alpha=l2 * clips))

    model, report = _fit(make, train, test, l2_grid, seed, val_subjects)
    predicted = torch.from_numpy(model.predict(test.x.numpy()))
    metrics = prediction_accuracy(predicted, test.y, _num_classes(train, test))
    return {**metrics, **report, "predicted": predicted}


def _fit(
    make: Callable[[float, int], Pipeline],
    train: Features,
    test: Features,
    l2_grid: Sequence[float],
    seed: int,
    val_subjects: Collection[int] | None,
) -> tuple[Pipeline, dict[str, Any]]:
    """The classifier of the best penalty, fitted on all training clips, and how it was chosen."""
    train.check_fits(test)
    if not l2_grid or min(l2_grid) <= 0:
        raise ConfigError(f"l2_grid {list(l2_grid)}: expected one positive value or more")
    if len(_distinct(train.y)) < 2:
        raise DataError("a classifier needs training clips of at least two classes")
    # The steps are too small for threads: where cores are busy, two took 20 times as long as one.
    with threadpool_limits(1), warnings.catch_warnings():
        # Few clips of many classes are what label-poor protocols are about.
        warnings.filterwarnings("ignore", message="The number of unique classes is greater")
        val_top1 = dict.fromkeys(l2_grid, 0.0)
        masks = validation_masks(train, seed, val_subjects) if len(l2_grid) > 1 else []
        for mask in masks:
            fit, val = train.select(~mask), train.select(mask)
            for l2 in l2_grid:
                model = make(l2, len(fit)).fit(fit.x.numpy(), fit.y.numpy())
                val_top1[l2] += float(model.score(val.x.numpy(), val.y.numpy())) / len(masks)
        # Among equals the strongest penalty: it moves the weights least.
        best = max(l2_grid, key=lambda l2: (val_top1[l2], l2))
        model = make(best, len(train)).fit(train.x.numpy(), train.y.numpy())
    return model, {"l2": best, "val_top1": val_top1 if masks else {}}


def validation_masks(
    train: Features, seed: int = 0, val_subjects: Collection[int] | None = None
) -> list[Tensor]:
    """The clips to validate on, a bool mask ``[n]`` per fold; see :func:`linear_probe`.

    Raises:
        DataError: A fold holds out nothing, or leaves clips of fewer than two classes.
    """
    subjects = _distinct(train.subject)
    if val_subjects is not None:
        folds = [np.array(sorted(val_subjects))]
    else:
        order = np.random.default_rng(seed).permutation(subjects)
        folds = np.array_split(order, min(3, len(order)))
    masks = [torch.isin(train.subject, torch.from_numpy(fold)) for fold in folds]
    if val_subjects is None and len(subjects) == 1:
        masks = [_fifth_of_each_class(train.y, seed)]
    if any(not mask.any() or len(_distinct(train.y[~mask])) < 2 for mask in masks):
        raise DataError(
            f"no validation part can be cut from training subjects {subjects}"
            + (f" with val_subjects {sorted(val_subjects)}" if val_subjects is not None else "")
            + "; give other val_subjects, or a single penalty (l2_grid, --l2)"
        )
    return masks


def _fifth_of_each_class(y: Tensor, seed: int) -> Tensor:
    mask = torch.zeros(len(y), dtype=torch.bool)
    split = StratifiedShuffleSplit(n_splits=1, test_size=0.2, random_state=seed)
    try:
        _, held_out = next(split.split(y[:, None].numpy(), y.numpy()))
    except ValueError:  # a class with a single clip, or fewer clips than classes
        return mask
    mask[torch.from_numpy(held_out)] = True
    return mask


def _distinct(values: Tensor) -> list[int]:
    return sorted(set(values.tolist()))


def _num_classes(train: Features, test: Features) -> int:
    return 1 + int(max(train.y.max(), test.y.max()))
