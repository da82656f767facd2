"""The steps of the demonstration: what is trained, probed and compared."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from pyg_skeletonmae.commands import run_folders as runs
from pyg_skeletonmae.commands.cards import model_card
from pyg_skeletonmae.commands.data_clips import Splits
from pyg_skeletonmae.commands.data_section import DataConfig
from pyg_skeletonmae.commands.demo.methods import (
    Method,
    Pretrained,
    build_classifier,
    build_pretraining,
    optimiser,
    restored_clip,
)
from pyg_skeletonmae.datasets import SkeletonDataset
from pyg_skeletonmae.evaluation import (
    evaluate_classifier,
    extract_features,
    knn,
    linear_probe,
    raw_features,
)
from pyg_skeletonmae.evaluation.reconstruction import reconstruct_clip, reconstruction_error
from pyg_skeletonmae.models import GraphSkeletonMAE, STSkeletonMAE
from pyg_skeletonmae.models.base import SkeletonEncoder
from pyg_skeletonmae.training import Trainer, save_release
from pyg_skeletonmae.transforms.masking import PartMask

_PENALTIES = (1e-3, 1e-2)  # few, to be quick: the best of a wider grid lay here on UI-PRMD

_log = logging.getLogger("pyg_skeletonmae")


@dataclass(frozen=True)
class Size:
    """How much the demonstration computes.

    Args:
        frames: Frames per clip.
        hidden: The width of the models.
        pretrain_epochs: Epochs of pre-training.
        finetune_epochs: Epochs of each fine-tuning.
        clips: The number of synthetic clips, where there are no others.
    """

    frames: int
    hidden: int
    pretrain_epochs: int
    finetune_epochs: int
    clips: int


@dataclass
class Demo:
    """One demonstration: what its steps share.

    Args:
        size: How much is computed.
        seed: Where weights, order and all draws derive from.
        folder: Where the runs are written.
        splits: The clips.
        data: How they are prepared.
        method: How is pre-trained.
    """

    size: Size
    seed: int
    folder: Path
    splits: Splits
    data: DataConfig
    method: Method = "graph_mae"
    seconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def step(self, name: str, about: str) -> Iterator[None]:
        """Says what is done, and keeps how long it took."""
        _log.info("[%4.0f s] %s", sum(self.seconds.values()), about)
        begin = time.monotonic()
        yield
        self.seconds[name] = time.monotonic() - begin

    def fit(self, model: nn.Module, name: str, dataset: SkeletonDataset) -> None:
        """Trains a model, with everything but its length chosen once for all models here."""
        epochs = self.size.pretrain_epochs if name == "pretrain" else self.size.finetune_epochs
        optim = optimiser(self.method, epochs)
        trainer = Trainer(
            epochs,
            optim=optim,
            accelerator="cpu",
            seed=self.seed,
            log_every=10,
            progress=-(-epochs // 4) if _log.isEnabledFor(logging.INFO) else 0,
        )
        trainer.fit(model, self.data.train_loader(dataset, self.seed), run_dir=self.folder / name)

    def keep(self, model: nn.Module, name: str, measured: Mapping[str, Any]) -> None:
        """Writes the release of a model, with what was measured."""
        trained = self.splits.train if name == "pretrain" else self.splits.labelled
        save_release(
            model,
            self.folder / name / runs.RELEASE,
            preprocessing=self.data.preprocessing(trained),
            card=model_card(self.data, self.splits, measured, f"demo {name}", trained=trained),
        )

    def build(self) -> Pretrained:
        """The model to pre-train, with fresh weights."""
        torch.manual_seed(self.seed)
        train, size = self.splits.train, self.size
        steps = size.pretrain_epochs * len(self.data.train_loader(train, self.seed))
        return build_pretraining(self.method, train, size.frames, size.hidden, steps)

    def pretrain(self) -> Pretrained:
        """Pre-trains on the training clips, without labels."""
        model = self.build()
        self.fit(model, "pretrain", self.splits.train)
        self.keep(model, "pretrain", {})
        return model

    def finetune(self, name: str, pretrained: Pretrained | None) -> dict[str, Any]:
        """Trains a classifier and tests it on the other subjects."""
        start = self.build() if pretrained is None else pretrained
        torch.manual_seed(self.seed)
        train, size = self.splits.labelled, self.size
        model = build_classifier(train, size.frames, size.hidden, start, pretrained is not None)
        self.fit(model, name, train)
        measured = evaluate_classifier(model, self.data.eval_loader(self.splits.test))
        self.keep(model, name, measured)
        return measured

    def probe(self, encoder: SkeletonEncoder) -> dict[str, float]:
        """Frozen features of an encoder: nearest neighbours and a linear classifier."""
        sides = (self.splits.labelled, self.splits.test)
        train, test = (
            extract_features(encoder, self.data.eval_loader(side), time=8) for side in sides
        )
        # 200 iterations are close enough for a demonstration.
        linear = linear_probe(train, test, _PENALTIES, self.seed, max_iter=200)
        return {"knn": knn(train, test)["top1"], "linear": linear["top1"]}

    def raw(self) -> float:
        """1-NN on the coordinates themselves."""
        sides = (self.splits.labelled, self.splits.test)
        train, test = (raw_features(self.data.eval_loader(side)) for side in sides)
        return float(knn(train, test, metric="euclidean")["top1"])

    def reconstruct(
        self, model: Pretrained
    ) -> tuple[dict[str, Any], tuple[Tensor, Tensor, Tensor] | None]:
        """The error at masked joints of unseen subjects, and one of their clips as a picture.

        Transformers have no error here, and only one that predicts coordinates has a picture.
        """
        if isinstance(model, STSkeletonMAE):
            return {}, restored_clip(model, next(iter(self.data.eval_loader(self.splits.test))))
        if not isinstance(model, GraphSkeletonMAE):
            return {}, None
        train, test, metric = (
            config.eval_loader(side)
            for config, side in (
                (self.data, self.splits.train),
                (self.data, self.splits.test),
                (replace(self.data, scale=None), self.splits.test),
            )
        )
        errors = reconstruction_error(model, train, test, self.splits.train.skeleton, metric)
        clips = next(iter(test))
        model.mask = PartMask((3, 5))  # the paper's best set, and easy to see
        return errors, reconstruct_clip(model, clips, errors.pop("readout"))
