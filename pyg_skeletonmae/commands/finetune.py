"""``skeletonmae finetune``."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from pyg_skeletonmae.commands import run_folders as runs
from pyg_skeletonmae.commands.data_section import DataConfig
from pyg_skeletonmae.commands.encoders import ClassifierBuilder, build_classifier, check_settings
from pyg_skeletonmae.commands.run_steps import (
    begin,
    check_selection,
    check_validation,
    finish,
    keep_confusion,
    keep_labels,
    loader_device,
    try_batch,
)
from pyg_skeletonmae.datasets.store.stamp import Verify
from pyg_skeletonmae.evaluation import evaluate_classifier
from pyg_skeletonmae.evaluation import finetune as train
from pyg_skeletonmae.evaluation.finetune import Select
from pyg_skeletonmae.training import Trainer
from pyg_skeletonmae.training.run_checkpoints import Resume


def finetune(
    model: ClassifierBuilder,
    trainer: Trainer,
    data: DataConfig,
    resolved: dict[str, Any],
    pretrained: str | None = None,
    freeze: bool = False,
    drop_path: float | None = None,
    random_init: bool = False,
    bridge: bool = False,
    select: Select = "last",
    out: str = "runs/finetune",
    seed: int = 0,
    resume: Resume = False,
    verify: Verify = "stamp",
    classes: Iterable[type] = (),
) -> dict[str, Any]:
    """Trains a classifier on the labelled training subjects and tests it on the others.

    Args:
        model: Builds the classifier: STRL, or a head on any pre-trained encoder.
        trainer: The trainer.
        data: The clips.
        resolved: The whole configuration, for the run folder.
        pretrained: The run or release folder of a pre-training, or its ``user/name`` on the Hub;
            none: from scratch.
        freeze: Keep the pre-trained weights of STRL as they are; ``Classifier`` has
            ``freeze_encoder``.
        drop_path: The rate of stochastic depth of a transformer encoder; none: its own.
        random_init: Give the pre-trained encoder fresh weights: what its architecture does alone.
        bridge: Let the encoder have been pre-trained on another skeleton: what belongs to its
            joints goes by their names.
        select: Which weights are tested: the last; the best on ``data.val_subjects``; or
            (``test-best``) the best on the test clips, which overstates and is for comparison with
            publications that did so.
        out: The run folder.
        seed: Where weights, order and all draws derive from.
        resume: Go on with the run in the folder; ``auto``: if there is one, else start.
        verify: Compare the clips with their hash: all of them (``full``), unless a stamp beside
            them says that this was done and nothing has changed since (``stamp``), or not.
        classes: The user's own classes that a release may name.
    """
    settings = {
        **resolved, "pretrained": pretrained, "freeze": freeze, "drop_path": drop_path,
        "random_init": random_init, "bridge": bridge,
    }  # fmt: skip
    check_settings(settings, classes)
    folder = Path(out)
    check_selection(data, trainer.monitor, select)
    splits = begin(trainer, folder, resolved, data, seed, resume=resume, verify=verify)
    if trainer.monitor is not None or select == "val-best":
        check_validation(splits)
    dataset = splits.labelled
    net = build_classifier(model, dataset, settings, classes)
    device = loader_device(trainer.fabric.device)
    loader = data.train_loader(
        dataset, seed, device, trainer.rank, trainer.world_size, drop_small=True
    )
    try_batch(net, loader)
    if trainer.rank == 0:
        runs.start(folder, resolved, seed, splits.train.store, curves=True)
        if len(dataset) < len(splits.train):
            keep_labels(folder, dataset)
    val, test = (
        None if side is None else data.eval_loader(side, device, trainer.rank, trainer.world_size)
        for side in (splits.val, splits.test)
    )
    assert test is not None
    results = train(
        net,
        trainer,
        loader,
        test,
        val=val,
        folder=folder,
        resume="auto" if resume else False,
        select=select,
    )
    if trainer.rank == 0:
        keep_confusion(evaluate_classifier(net, test)["predicted"], splits.test, folder)
    counts = {"clips": len(dataset), "test_clips": len(splits.test)}
    return finish(
        trainer, net, folder, splits, data, {**results, **counts},
        how="finetune", pretrained=None if random_init else pretrained,
    )  # fmt: skip
