"""Linear classifiers on frozen features."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Collection, Sequence
from typing import Any

import numpy as np
import torch
from sklearn.linear_model import LogisticRegression, RidgeClassifier
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits

from pyg_skeletonmae.errors import ConfigError, DataError
from pyg_skeletonmae.evaluation.features import Features
from pyg_skeletonmae.evaluation.folds import deal_folds
from pyg_skeletonmae.evaluation.metrics import accuracy, prediction_accuracy
from pyg_skeletonmae.evaluation.notes import chance_note, noted, unknown_note

L2_GRID = (1e-3, 1e-2, 1e-1, 1.0, 10.0)


def linear_probe(
    train: Features,
    test: Features,
    l2_grid: Sequence[float] = L2_GRID,
    seed: int = 0,
    val_subjects: Collection[int] | None = None,
    max_iter: int = 3000,
) -> dict[str, Any]:
    r"""Multinomial logistic regression, the usual measure of frozen features.

    The features are standardised with mean and deviation of the training clips. It minimises

    .. math::
        \frac{1}{n} \sum_i \mathrm{CE}_i + \frac{\lambda}{2} \lVert W \rVert^2

    over the full batch by scikit-learn's L-BFGS. :math:`\lambda` is the best of ``l2_grid`` in a
    cross-validation over *training* clips, by subjects where these show the same classes, see
    :func:`~pyg_skeletonmae.evaluation.folds.deal_folds`; then all of them are fitted again. The
    test clips are looked at once.

    Args:
        train: Training clips.
        test: Test clips.
        l2_grid: Values of :math:`\lambda` to try; a single one needs no validation.
        seed: Deals the training subjects, or clips, into folds.
        val_subjects: Training subjects to validate on, instead of the folds.
        max_iter: Most iterations of L-BFGS.

    Returns:
        What :func:`~pyg_skeletonmae.evaluation.metrics.accuracy` returns, and ``l2`` (the chosen
        value), ``val_top1`` (value to validation accuracy), ``val_by`` (``"subjects"``,
        ``"clips"``, or None where nothing was chosen), ``logits`` ``[n, K]``, and, where
        something has to stand beside the number, ``notes``: a choice at chance level, a solver that
        has not converged, test classes that no training clip has.

    Raises:
        ConfigError: The grid is empty or not positive.
        DataError: There is one class only, a clip has none, the widths differ, or no validation
            part can be cut.
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
        ``val_top1``, ``val_by``, ``notes``, ``predicted`` ``[n]``.
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
    if len(np.unique(train.y)) < 2:
        raise DataError("a classifier needs training clips of at least two classes")
    best = l2_grid[0]
    report: dict[str, Any] = {"val_top1": {}, "val_by": None}
    notes: list[str | None] = [unknown_note(train.y, test.y)]
    # The steps are too small for threads: where cores are busy, two took 20 times as long as one.
    with threadpool_limits(1):
        if len(l2_grid) > 1:
            best, report, chosen_notes = _choose(make, train, l2_grid, seed, val_subjects)
            notes += chosen_notes
        model, problem = _fitted(make(best, len(train)), train)
    if problem:
        notes.append(f"the classifier itself (l2 {best:g}): {problem}")
    return model, {"l2": best, **report, **noted(*notes)}


def _choose(
    make: Callable[[float, int], Pipeline],
    train: Features,
    l2_grid: Sequence[float],
    seed: int,
    val_subjects: Collection[int] | None,
) -> tuple[float, dict[str, Any], list[str | None]]:
    """The penalty that is best on held-out clips, how it was chosen, and what there is to say."""
    folds = deal_folds(train, seed, val_subjects)
    val_top1 = dict.fromkeys(l2_grid, 0.0)
    problems: dict[str, list[float]] = {}
    for rest, mask in zip(folds.rest, folds.masks, strict=True):
        fit, val = train.select(rest), train.select(mask)
        for l2 in l2_grid:
            model, problem = _fitted(make(l2, len(fit)), fit)
            if problem and l2 not in problems.setdefault(problem, []):
                problems[problem].append(l2)
            score = float(model.score(val.x.numpy(), val.y.numpy()))
            val_top1[l2] += score / len(folds.masks)
    # Among equals the strongest penalty: it moves the weights least.
    best = max(l2_grid, key=lambda l2: (val_top1[l2], l2))
    notes = [
        folds.note(len(np.unique(train.subject))),
        chance_note("l2", val_top1[best], torch.cat([train.y[mask] for mask in folds.masks])),
    ]
    notes += [f"in the choice of l2, {values}: {text}" for text, values in problems.items()]
    return best, {"val_top1": val_top1, "val_by": folds.by}, notes


def _fitted(model: Pipeline, train: Features) -> tuple[Pipeline, str]:
    """Fits a classifier; what its solver warned of belongs into the answer, not to stderr."""
    with warnings.catch_warnings(record=True) as messages:
        warnings.simplefilter("always")
        # Few clips of many classes are what label-poor protocols are about.
        warnings.filterwarnings("ignore", message="The number of unique classes is greater")
        model.fit(train.x.numpy(), train.y.numpy())
    return model, "; ".join(dict.fromkeys(str(one.message).partition("\n")[0] for one in messages))


def _num_classes(train: Features, test: Features) -> int:
    return 1 + int(max(train.y.max(), test.y.max()))
