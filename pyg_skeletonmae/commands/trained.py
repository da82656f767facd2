"""The protocols of ``skeletonmae evaluate`` that train classifiers, or take trained ones."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np

from pyg_skeletonmae.commands import run_folders as runs
from pyg_skeletonmae.commands.cards import model_card
from pyg_skeletonmae.commands.data_clips import same_sides
from pyg_skeletonmae.commands.data_section import DataConfig
from pyg_skeletonmae.commands.encoders import PRETRAIN_ONLY, check_fits
from pyg_skeletonmae.commands.evaluation_context import Job
from pyg_skeletonmae.commands.options import Options, TuneConfig
from pyg_skeletonmae.commands.publications import Tuning, clips_of, publication_of, published
from pyg_skeletonmae.commands.run_steps import (
    answer,
    check_validation,
    keep_confusion,
    keep_labels,
    kept,
    loader_device,
    numbers,
    try_batch,
)
from pyg_skeletonmae.datasets import SkeletonDataset
from pyg_skeletonmae.errors import ArgumentError, CheckpointError, ConfigError, SkeletonMAEError
from pyg_skeletonmae.evaluation import (
    LINEAR_SGD,
    ensemble,
    evaluate_classifier,
    finetune_recipe,
    linear_probe,
    semi_supervised,
    train_classifier,
)
from pyg_skeletonmae.evaluation.notes import noted, unknown_note
from pyg_skeletonmae.evaluation.recipe import Recipe
from pyg_skeletonmae.files.write import write_file
from pyg_skeletonmae.models import Classifier
from pyg_skeletonmae.training import load_release

SCORES = "scores.npz"


def probe(job: Job, options: Options) -> dict[str, Any]:
    """The linear probe of the publications: by SGD, on augmented clips."""
    return _train_once(job, "linear", options)


def finetune(job: Job, options: Options) -> dict[str, Any]:
    """Fine-tuning."""
    return _train_once(job, "finetune", options)


def _train_once(job: Job, tuning: Tuning, options: Options) -> dict[str, Any]:
    """The run folder gets the release, so that it can be part of an ensemble."""
    if job.folder is not None and len(job.splits.labelled) < len(job.splits.train):
        keep_labels(job.folder, job.splits.labelled)
    release = None if job.folder is None else job.folder / runs.RELEASE
    recipe = _recipe(job, tuning, options.tune)
    found = train_on(job, recipe, job.splits.labelled, job.folder, release)
    if release is not None:
        model = _classifier(str(release), job).to(job.device)
        tested = evaluate_classifier(model, job.data.eval_loader(job.splits.test, job.device))
        keep_confusion(tested["predicted"], job.splits.test, job.folder)
    return found


def _recipe(job: Job, tuning: Tuning, tune: TuneConfig) -> Recipe:
    """How a classifier is trained: as published for this data set, and said so, or as we do it."""
    encoder, clips = job.needed_encoder(), clips_of(job.data)
    name = tune.recipe or publication_of(encoder, job.data, tuning) or "ours"
    if name == "ours":
        recipe = LINEAR_SGD if tuning == "linear" else finetune_recipe(encoder)
        return tune.apply(recipe)
    recipe = published(tuning, name, clips)
    if job.data.batch_size != DataConfig.batch_size:  # what is given by default is not meant
        recipe = replace(recipe, batch_size=job.data.batch_size)
    recipe = tune.apply(recipe)
    logging.getLogger("pyg_skeletonmae").info(
        "%s: as published (%s, %s), %s at %g, batches of %d; --tune.recipe ours is ours",
        job.protocol or tuning, name, clips, recipe.optim.name, recipe.optim.lr, recipe.batch_size,
    )  # fmt: skip
    return recipe


def semi(job: Job, options: Options) -> dict[str, Any]:
    """Shares of the labels; a draw that is finished in the run folder is not trained again."""
    told = options.semi
    test = job.features(job.splits.test) if told.by == "linear" else None
    notes: list[str] = []

    def measure(subset: SkeletonDataset, name: str) -> Mapping[str, Any]:
        folder = None if job.folder is None else job.folder / name
        found = kept(folder, subset, lambda: measured(subset, folder))
        notes.extend(f"{name}: {note}" for note in found.get("notes", []))
        return found

    def measured(subset: SkeletonDataset, folder: Path | None) -> dict[str, Any]:
        if test is not None:
            return answer(linear_probe(job.training(subset), test, job.l2_grid, job.seed))
        recipe = _recipe(job, "finetune", options.tune)
        return answer(train_on(job, recipe, subset, folder))

    labels, dataset = Path(job.data.cache) / "labels", job.splits.labelled
    balanced = job.data.balanced
    results = semi_supervised(
        measure, dataset, labels, told.fractions, told.draws, balanced=balanced
    )
    on = {"last": "last", "val-best": "val", "test-best": "test"}[job.select]
    chosen = {"by": told.by, "balanced": balanced, "selected_on": on}
    return {**results, **chosen, **noted(*notes)}


def classify(job: Job, options: Options) -> dict[str, Any]:
    """A trained classifier as it is, on the test clips; the run folder gets its scores."""
    if job.pretrained is None:
        raise ConfigError("protocol classify: name a classifier by --pretrained")
    model = _classifier(job.pretrained, job).to(job.device)
    found = evaluate_classifier(model, job.loader(job.splits.test, job.device))
    if job.folder is not None:
        test = job.splits.test
        names = np.array([test.store.names[i] for i in test.indices()])
        scores = {"name": names, "logits": found["logits"].numpy(), "y": found["y"].numpy()}
        write_file(job.folder / SCORES, lambda file: np.savez(file, **scores))
    keep_confusion(found["predicted"], job.splits.test, job.folder)
    return numbers(found)


def _classifier(run: str, job: Job) -> Classifier:
    """The classifier in a run or release folder, for the test clips.

    Raises:
        CheckpointError: There is none, or it reads other clips or knows other classes.
    """
    model, test = load_release(run, job.classes), job.splits.test
    if not isinstance(model, Classifier):
        raise CheckpointError(f"{run}: expected a classifier, found {model!r:.80}")
    check_fits(model.encoder, test, run)
    if model.num_classes != test.num_classes:
        raise CheckpointError(
            f"{run}: a classifier of {model.num_classes} classes, the clips have "
            f"{test.num_classes}; --protocol knn measures its encoder on them"
        )
    return model


def together(job: Job, options: Options) -> dict[str, Any]:
    """Classifiers of several runs as one, on the test clips."""
    told = options.ensemble
    if len(told.runs) < 2:
        raise ConfigError("ensemble.runs: expected two run folders or more")
    scores, y = [], job.splits.test.labels
    for run in told.runs:
        model = _classifier(run, job)
        _check_same_split(Path(run), job)
        own = replace(job, data=_as_in_its_run(Path(run), job.data))
        loader = own.loader(job.splits.test)
        scores.append(evaluate_classifier(model, loader)["logits"])
    found = ensemble(scores, y, told.weights)
    keep_confusion(found["probabilities"].argmax(1), job.splits.test, job.folder)
    return {**numbers(found), "runs": told.runs, "weights": told.weights}


def train_on(
    job: Job,
    recipe: Recipe,
    dataset: SkeletonDataset,
    folder: Path | None,
    release: Path | None = None,
) -> dict[str, Any]:
    """A classifier on a copy of the job's encoder, trained on labelled clips and tested.

    Args:
        job: The encoder and the clips.
        recipe: The head and its training.
        dataset: The labelled clips.
        folder: The run folder, whose run goes on if there is one; None: none is kept.
        release: The folder for the classifier as it was tested; None: it is not kept.
    """
    encoder = job.needed_encoder()
    if job.select == "val-best":
        check_validation(job.splits._replace(labelled=dataset))
    device = loader_device(job.device)
    data = replace(job.data, batch_size=recipe.batch_size or job.data.batch_size)
    loader = data.train_loader(dataset, job.seed, device, drop_small=True)
    try_batch(recipe.classifier(encoder, dataset.num_classes).cpu(), loader)
    val = None if job.splits.val is None else job.data.eval_loader(job.splits.val, device)
    how = f"evaluate {job.protocol}".rstrip()
    card = model_card(job.data, job.splits, {}, how, trained=dataset, pretrained=job.pretrained)
    found = train_classifier(
        encoder, dataset.num_classes, loader, job.data.eval_loader(job.splits.test, device), val,
        recipe=recipe, folder=folder, resume=True, select=job.select, seed=job.seed,
        release=release, preprocessing=job.data.preprocessing(dataset), card=card,
    )  # fmt: skip
    unknown = unknown_note(dataset.labels, job.splits.test.labels)
    found |= noted(*found.get("notes", []), unknown)
    return {name.removeprefix("test/"): value for name, value in found.items()}


def _check_same_split(run: Path, job: Job) -> None:
    """Refuses a classifier that may have been trained on the clips it is to be tested on."""
    different = runs.split_differences(run, asdict(job.data))
    if not different:
        return
    before = _with_settings_of(run, job.data, runs.SPLIT)
    try:
        same = same_sides(before, job.data, job.seed)
    except SkeletonMAEError:  # a protocol or a subject that these clips do not have
        same = False
    if not same:
        raise ConfigError(f"{run}: trained on another split: {'; '.join(different)}")


def _as_in_its_run(run: Path, data: DataConfig) -> DataConfig:
    """The data section with what a classifier's run prepared in its own way."""
    if not (run / runs.CONFIG).is_file():
        raise ConfigError(f"{run}: no run folder; its {runs.CONFIG} tells how clips are prepared")
    return _with_settings_of(run, data, PRETRAIN_ONLY)


def _with_settings_of(run: Path, data: DataConfig, keys: Sequence[str]) -> DataConfig:
    own = runs.data_section(run)
    try:
        return replace(data, **{key: own[key] for key in keys if key in own})
    except ArgumentError as error:
        raise CheckpointError(f"{run / runs.CONFIG}: {error}") from None
