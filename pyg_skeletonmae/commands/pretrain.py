"""``skeletonmae pretrain``."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

from torch import nn

from pyg_skeletonmae.commands import run_folders as runs
from pyg_skeletonmae.commands.board import Board
from pyg_skeletonmae.commands.data_clips import Splits
from pyg_skeletonmae.commands.data_section import DataConfig
from pyg_skeletonmae.commands.run_steps import (
    begin,
    check_selection,
    check_validation,
    finish,
    loader_device,
    try_batch,
)
from pyg_skeletonmae.datasets.store.stamp import Verify
from pyg_skeletonmae.errors import ConfigError
from pyg_skeletonmae.evaluation import extract_features, knn
from pyg_skeletonmae.models import MaskedPretrainer, Skeleton2Vec, SkeletonEncoder
from pyg_skeletonmae.skeleton import Skeleton
from pyg_skeletonmae.training import Trainer
from pyg_skeletonmae.training.run_checkpoints import Resume
from pyg_skeletonmae.training.trainer import Evaluate


class PretrainerBuilder(Protocol):
    """A pre-training model but for what the data or the setting ``encoder`` give."""

    def __call__(
        self, skeleton: Skeleton = ..., in_channels: int = ..., encoder: SkeletonEncoder = ...
    ) -> MaskedPretrainer | Skeleton2Vec:
        """Builds it: ``MaskedPretrainer`` of an encoder, presets for a skeleton and channels."""
        ...


def pretrain(
    model: PretrainerBuilder,
    trainer: Trainer,
    data: DataConfig,
    resolved: dict[str, Any],
    out: str = "runs/pretrain",
    seed: int = 0,
    resume: Resume = False,
    verify: Verify = "stamp",
    encoder: Callable[[Skeleton, int], SkeletonEncoder] | None = None,
    pictures: int = 0,
) -> dict[str, Any]:
    """Pre-trains a model on the training subjects, without their labels.

    Args:
        model: Builds the model from the skeleton and the number of channels of the data, or from
            the encoder.
        trainer: The trainer.
        data: The clips.
        resolved: The whole configuration, for the run folder.
        out: The run folder.
        seed: Where weights, order and all draws derive from.
        resume: Go on with the run in the folder; ``auto``: if there is one, else start.
        verify: Compare the clips with their hash: all of them (``full``), unless a stamp beside
            them says that this was done and nothing has changed since (``stamp``), or not.
        encoder: What ``MaskedPretrainer`` pre-trains, by its class; the data give the rest:
            skeleton, channels, frames. The other models bring their own.
        pictures: Epochs from picture to picture for TensorBoard: how a clip is restored, and a map
            of the features of up to 2,000 clips. 0: none.
    """
    name = str(resolved.get("model", {}).get("class_path")).rpartition(".")[2]
    general = name == MaskedPretrainer.__name__
    if general and encoder is None:
        raise ConfigError(f"{name}: needs an encoder, give --encoder STGCNEncoder or another")
    if encoder is not None and not general:
        raise ConfigError(
            f"encoder: {name} brings its own; leave --encoder out, or take MaskedPretrainer"
        )
    folder = Path(out)
    check_selection(data, trainer.monitor)
    splits = begin(trainer, folder, resolved, data, seed, resume=resume, verify=verify)
    if trainer.monitor is not None:
        check_validation(splits)
    skeleton, channels = splits.train.skeleton, splits.train.store.num_channels
    net = (
        model(skeleton, channels) if encoder is None else model(encoder=encoder(skeleton, channels))
    )
    loader = data.train_loader(
        splits.train, seed, loader_device(trainer.fabric.device), trainer.rank, trainer.world_size
    )
    try_batch(net, loader)
    evaluate = None if splits.val is None else _knn_on(splits, data, trainer)
    board = Board(trainer, data, splits, folder, pictures, evaluate) if pictures else None
    if board is not None:
        board.restored(net)  # so that what cannot be restored is said before a folder is made
    if trainer.rank == 0:
        runs.start(folder, resolved, seed, splits.train.store, curves=True)
    results = trainer.fit(net, loader, board or evaluate, folder, "auto" if resume else False)
    if board is not None and results["finished"]:
        board.draw(net, int(results["step"]))
    return finish(trainer, net, folder, splits, data, {**results, "clips": len(splits.train)})


def _knn_on(splits: Splits, data: DataConfig, trainer: Trainer) -> Evaluate:
    """Nearest neighbours of the validation subjects among the labelled training subjects."""
    assert splits.val is not None
    device = loader_device(trainer.fabric.device)
    train, val = (
        data.eval_loader(side, device, trainer.rank, trainer.world_size)
        for side in (splits.labelled, splits.val)
    )

    def evaluate(net: nn.Module) -> dict[str, float]:
        encoder = net.get_submodule("encoder")
        known, asked = (extract_features(encoder, side, "concat") for side in (train, val))
        return {"knn": float(knn(known, asked)["top1"])}

    return evaluate
