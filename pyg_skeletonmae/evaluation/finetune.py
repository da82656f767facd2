"""Training classifiers: fine-tuning, and the linear probe by gradient descent."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal, get_args

import torch
from torch import nn
from torch_geometric.data import Data

from pyg_skeletonmae.errors import ConfigError, renamed
from pyg_skeletonmae.evaluation.classify import evaluate_classifier
from pyg_skeletonmae.evaluation.notes import chance_note, noted
from pyg_skeletonmae.evaluation.recipe import LINEAR_SGD, Recipe
from pyg_skeletonmae.models.base import SkeletonEncoder
from pyg_skeletonmae.models.preprocessing import Preprocessing
from pyg_skeletonmae.training import ModelCard, Trainer, load_model, save_release
from pyg_skeletonmae.training.batches import Loader
from pyg_skeletonmae.training.run_checkpoints import BEST, Resume

Select = Literal["last", "val-best", "test-best"]


def finetune(
    model: nn.Module,
    trainer: Trainer,
    loader: Loader,
    test: Iterable[Data],
    val: Iterable[Data] | None = None,
    folder: str | Path | None = None,
    resume: Resume = False,
    select: Select = "last",
) -> dict[str, Any]:
    """Trains a classifier and tests it.

    Args:
        model: The classifier; it ends with the weights that were tested.
        trainer: The trainer. Where it has a ``monitor``, ``select`` is ``"val-best"``.
        loader: Labelled training batches.
        test: Test batches.
        val: Batches of training subjects that were held out, evaluated every
            ``trainer.evaluate_every`` epochs.
        folder: The run folder; None = none is kept.
        resume: Go on with the run in the folder; ``"auto"``: if there is one.
        select: Which weights are tested: the ``"last"``; the best on held-out subjects
            (``"val-best"``); or the best on the test clips themselves (``"test-best"``), which
            overstates, and is for comparison with publications that did so.

    Returns:
        What the trainer returns, ``test/top1``, ``test/top5``, ``test/mean_class``, and
        ``selected_on``: ``"last"``, ``"val"`` or ``"test"``. A ``"test"`` has to stand beside every
        number taken from here. ``notes`` where the epoch was chosen at chance level.

    Raises:
        ConfigError: ``"val-best"`` without ``val``, an unknown ``select``, or a trainer that takes
            the least ``top1`` for the best.
        SkeletonMAEError: As :meth:`~pyg_skeletonmae.training.Trainer.fit` says.
    """
    selected_on = _selected_on(trainer, val is not None, select)
    watched = test if selected_on == "test" else val

    def judge(net: nn.Module) -> dict[str, float]:
        assert watched is not None
        return _numbers(evaluate_classifier(net, watched))

    monitor = trainer.monitor
    with tempfile.TemporaryDirectory() as spare:
        run_dir = spare if folder is None and selected_on != "last" else folder
        if selected_on != "last":
            trainer.monitor = monitor or "top1"
        try:
            numbers = trainer.fit(
                model, loader, judge if watched is not None else None, run_dir, resume
            )
        finally:
            trainer.monitor = monitor
        results: dict[str, Any] = dict(numbers)
        if selected_on != "last" and run_dir is not None:
            if trainer.rank == 0:
                load_model(model, Path(run_dir) / BEST)
            if trainer.world_size > 1:
                model.load_state_dict(trainer.fabric.broadcast(model.state_dict()))
            if selected_on == "val" and val is not None:
                judged = evaluate_classifier(model, val)
                results |= noted(chance_note("the best epoch", judged["top1"], judged["y"]))
    tested = _numbers(evaluate_classifier(model, test))
    results |= {f"test/{name}": value for name, value in tested.items()}
    return {**results, "selected_on": selected_on}


def train_classifier(
    encoder: SkeletonEncoder,
    num_classes: int,
    loader: Loader,
    test: Iterable[Data],
    val: Iterable[Data] | None = None,
    recipe: Recipe = LINEAR_SGD,
    folder: str | Path | None = None,
    resume: bool = False,
    select: Select = "last",
    seed: int = 0,
    release: str | Path | None = None,
    preprocessing: Preprocessing | None = None,
    card: ModelCard | None = None,
) -> dict[str, Any]:
    """A classifier on an encoder, trained by a recipe and tested.

    Unless told otherwise it is the linear probe of the publications: a BatchNorm without learned
    factors and one linear layer on the mean over persons, joints and time; SGD, 0.1, no weight
    decay, cosine, 100 epochs (MAMP's and Skeleton2vec's public codes). The quick one, without
    augmentation, is :func:`~pyg_skeletonmae.evaluation.linear_probe`.

    Args:
        encoder: The encoder; a copy of it is used.
        num_classes: The number of classes.
        loader: Labelled, augmented training batches, of 256 clips in the publications.
        test: Test batches.
        val: Batches of held-out training subjects.
        recipe: The head and its training; ``FINETUNE`` trains the encoder as well.
        folder: The run folder; None = none is kept.
        resume: Go on with the run in the folder, if it has got as far as a checkpoint.
        select: See :func:`finetune`.
        seed: Of the head's first weights and of the training.
        release: The folder for the classifier as it was tested; None = it is not kept.
        preprocessing: How its clips are prepared, for the release.
        card: What the release says of its classes and its data; what is measured here is added.

    Returns:
        What :func:`finetune` returns.
    """
    trainer = recipe.trainer(seed)
    torch.manual_seed(seed)
    model = recipe.classifier(encoder, num_classes)
    results = finetune(
        model,
        trainer,
        loader,
        test,
        val,
        folder=folder,
        resume="auto" if resume else False,
        select=select,
    )
    if release is not None:
        figures = {**_numbers(results), "selected_on": results["selected_on"]}
        card = replace(card or ModelCard(), metrics=figures)
        save_release(model.cpu(), release, preprocessing=preprocessing, card=card)
    return results


linear_probe_sgd = renamed(train_classifier, "linear_probe_sgd", dropped_in="0.3")


def _selected_on(trainer: Trainer, has_val: bool, select: Select) -> str:
    """What the weights are chosen on."""
    if select not in get_args(Select):
        raise ConfigError(f"select {select!r}: expected one of {', '.join(get_args(Select))}")
    if select == "last" and trainer.monitor is None:
        return "last"
    if select != "test-best" and not has_val:
        raise ConfigError("select: the best on validation needs data.val_subjects")
    if trainer.monitor is None and trainer.mode != "max":
        raise ConfigError(f"mode {trainer.mode!r}: weights are selected by top1; expected 'max'")
    return "test" if select == "test-best" else "val"


def _numbers(results: dict[str, Any]) -> dict[str, float]:
    return {name: value for name, value in results.items() if isinstance(value, float)}
