"""``skeletonmae finetune``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from torch import nn

from pyg_skeletonmae import runs
from pyg_skeletonmae.commands.steps import begin, check_monitor, finish, numbers, try_batch
from pyg_skeletonmae.config import DataConfig
from pyg_skeletonmae.evaluation import evaluate_classifier
from pyg_skeletonmae.pretrained import ClassifierBuilder, build_classifier, check_settings
from pyg_skeletonmae.training import Trainer, load_model
from pyg_skeletonmae.training.run import BEST


def finetune(
    model: ClassifierBuilder,
    trainer: Trainer,
    data: DataConfig,
    resolved: dict[str, Any],
    pretrained: str | None = None,
    freeze: bool = False,
    drop_path: float | None = None,
    random_init: bool = False,
    out: str = "runs/finetune",
    seed: int = 0,
    resume: bool = False,
) -> dict[str, Any]:
    """Trains a classifier on the labelled training subjects and tests it on the others.

    Args:
        model: Builds the classifier: STRL, or a head on any pre-trained encoder.
        trainer: The trainer.
        data: The clips.
        resolved: The whole configuration, for the run folder.
        pretrained: The run or release folder of a pre-training; none: from scratch.
        freeze: Keep the pre-trained weights of STRL as they are; ``Classifier`` has
            ``freeze_encoder``.
        drop_path: The rate of stochastic depth of a transformer encoder; none: its own.
        random_init: Give the pre-trained encoder fresh weights: what its architecture does alone.
        out: The run folder.
        seed: Where weights, order and all draws derive from.
        resume: Go on with the run in the folder.
    """
    settings = {
        **resolved, "pretrained": pretrained, "freeze": freeze, "drop_path": drop_path,
        "random_init": random_init,
    }  # fmt: skip
    check_settings(settings)
    folder = Path(out)
    check_monitor(trainer, data)
    splits = begin(trainer, folder, resolved, data, seed, resume)
    dataset = splits.labelled
    net = build_classifier(model, dataset, settings)
    loader = data.train_loader(
        dataset, seed, trainer.fabric.device, trainer.rank, trainer.world_size
    )
    try_batch(net, loader)
    if trainer.rank == 0:
        runs.start(folder, resolved, seed)
    evaluate = None
    if splits.val is not None:
        val = data.eval_loader(splits.val, trainer.fabric.device)

        def evaluate(net: nn.Module) -> dict[str, float]:
            return numbers(evaluate_classifier(net, val))

    results = trainer.fit(net, loader, evaluate, folder, resume)
    if trainer.monitor is not None and trainer.rank == 0:
        load_model(net, folder / BEST)
    test = evaluate_classifier(net, data.eval_loader(splits.test, trainer.fabric.device))
    results |= {f"test/{name}": value for name, value in numbers(test).items()}
    counts = {"clips": len(dataset), "test_clips": len(splits.test)}
    return finish(trainer, net, folder, splits, {**results, **counts})
