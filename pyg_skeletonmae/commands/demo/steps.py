"""The steps of the demonstration: what is trained, probed and compared."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from statistics import fmean
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
from pyg_skeletonmae.models import GraphSkeletonMAE, MaskedPretrainer
from pyg_skeletonmae.models.base import SkeletonEncoder
from pyg_skeletonmae.training import Trainer, save_release
from pyg_skeletonmae.transforms.masking import PartMask

_PENALTIES = (1e-2,)  # where few clips have labels there are none to choose on

_log = logging.getLogger("pyg_skeletonmae")


@dataclass(frozen=True)
class Size:
    """How much the demonstration computes.

    Args:
        frames: Frames per clip.
        hidden: The width of the models.
        pretrain_epochs: Epochs of pre-training.
        finetune_epochs: How often each fine-tuning sees as many clips as there are to train on,
            however few of them have labels.
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
        draws: Draws of few labelled clips, over which results are averaged; none: all of them.
    """

    size: Size
    seed: int
    folder: Path
    splits: Splits
    data: DataConfig
    method: Method = "graph_temporal"
    draws: Sequence[SkeletonDataset] = ()
    seconds: dict[str, float] = field(default_factory=dict)

    @property
    def labelled(self) -> Sequence[SkeletonDataset]:
        """The clips with labels, draw by draw."""
        return self.draws or (self.splits.labelled,)

    @contextmanager
    def step(self, name: str, about: str) -> Iterator[None]:
        """Says what is done, and keeps how long it took."""
        _log.info("[%4.0f s] %s", sum(self.seconds.values()), about)
        begin = time.monotonic()
        yield
        self.seconds[name] = time.monotonic() - begin

    def fit(self, model: nn.Module, name: str, dataset: SkeletonDataset) -> None:
        """Trains a model, with everything but its length chosen once for all models here."""
        passes = self.size.pretrain_epochs if name == "pretrain" else self.size.finetune_epochs
        clips = passes * len(self.splits.train)
        quarter = max(1, clips // (4 * len(dataset)))
        trainer = Trainer(
            max_clips=clips,
            optim=optimiser(self.method),
            accelerator="cpu",
            seed=self.seed,
            log_every=10,
            progress=quarter if _log.isEnabledFor(logging.INFO) else 0,
        )
        trainer.fit(model, self.data.train_loader(dataset, self.seed), run_dir=self.folder / name)

    def keep(
        self, model: nn.Module, name: str, trained: SkeletonDataset, measured: Mapping[str, Any]
    ) -> None:
        """Writes the release of a model, with the clips it has seen and what was measured."""
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
        self.keep(model, "pretrain", self.splits.train, {})
        return model

    def finetune(
        self, name: str, pretrained: Pretrained | None, train: SkeletonDataset
    ) -> dict[str, Any]:
        """Trains a classifier on labelled clips and tests it on the other subjects."""
        start, size = self.build() if pretrained is None else pretrained, self.size
        torch.manual_seed(self.seed)
        model = build_classifier(train, size.frames, size.hidden, start, pretrained is not None)
        self.fit(model, name, train)
        measured = evaluate_classifier(model, self.data.eval_loader(self.splits.test))
        self.keep(model, name, train, measured)
        return measured

    def finetunes(self, name: str, pretrained: Pretrained | None) -> list[dict[str, Any]]:
        """A classifier for each draw of labels, in folders ``name``, ``name-1``, ..."""
        return [
            self.finetune(name if draw == 0 else f"{name}-{draw}", pretrained, train)
            for draw, train in enumerate(self.labelled)
        ]

    def probe(self, encoder: SkeletonEncoder) -> dict[str, float]:
        """Frozen features of an encoder: nearest neighbours and a linear classifier.

        Means over the draws of labels.
        """
        *trains, test = (
            extract_features(encoder, self.data.eval_loader(side), "concat", time=4)
            for side in (*self.labelled, self.splits.test)
        )
        # 200 iterations are close enough for a demonstration.
        linear = [
            linear_probe(train, test, _PENALTIES, self.seed, max_iter=200)["top1"]
            for train in trains
        ]
        return {"knn": fmean(knn(train, test)["top1"] for train in trains), "linear": fmean(linear)}

    def raw(self) -> float:
        """1-NN on the coordinates themselves, the mean over the draws of labels."""
        *trains, test = (
            raw_features(self.data.eval_loader(side)) for side in (*self.labelled, self.splits.test)
        )
        return fmean(knn(train, test, metric="euclidean")["top1"] for train in trains)

    def reconstruct(
        self, model: Pretrained
    ) -> tuple[dict[str, Any], tuple[Tensor, Tensor, Tensor] | None]:
        """The error at masked joints of unseen subjects, and one of their clips as a picture.

        Only the graph SkeletonMAE has an error here, and Skeleton2vec has no picture: it predicts
        features.
        """
        if not isinstance(model, MaskedPretrainer):
            return {}, None
        if not isinstance(model, GraphSkeletonMAE):
            return {}, restored_clip(model, next(iter(self.data.eval_loader(self.splits.test))))
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
