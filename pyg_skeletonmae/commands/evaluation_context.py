"""What every protocol of ``skeletonmae evaluate`` works on."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import torch
from torch_geometric.data import Data

from pyg_skeletonmae.commands.data_clips import Splits
from pyg_skeletonmae.commands.data_section import DataConfig
from pyg_skeletonmae.datasets import SkeletonDataset
from pyg_skeletonmae.datasets.sets.pkummd import PKUMMD
from pyg_skeletonmae.errors import ConfigError
from pyg_skeletonmae.evaluation import (
    Features,
    extract_features,
    raw_features,
    refit_statistics,
)
from pyg_skeletonmae.evaluation.finetune import Select
from pyg_skeletonmae.evaluation.linear import L2_GRID
from pyg_skeletonmae.evaluation.shares import InTurn
from pyg_skeletonmae.loader import SkeletonLoader
from pyg_skeletonmae.models.base import SkeletonEncoder
from pyg_skeletonmae.transforms.augment import FlipSides

Joints = Literal["mean", "concat"]


@dataclass
class Job:
    """The clips, the encoder, and how its features are pooled.

    Args:
        data: The clips.
        splits: Their sides.
        encoder: The encoder; None: the coordinates themselves.
        joints: Features averaged over the joints, or one vector for each.
        segments: Features averaged over time (1), or over this many equal segments.
        seed: Where all draws derive from.
        select: Which weights of a training are tested.
        l2: The penalty of linear classifiers on frozen features; None: chosen on training clips.
        folder: The run folder; None: nothing is kept.
        flip: Training clips come a second time, mirrored, to nearest neighbours and linear
            classifiers on frozen features.
        classes: The user's own classes that releases may name.
        protocol: What the protocol is called.
        pretrained: The folder that the encoder comes from.
        rank: The number of this process among those that divide the clips.
        world_size: How many there are.
    """

    data: DataConfig
    splits: Splits
    encoder: SkeletonEncoder | None
    joints: Joints = "concat"
    segments: int = 1
    seed: int = 0
    select: Select = "last"
    l2: float | None = None
    folder: Path | None = None
    flip: bool = False
    classes: tuple[type, ...] = ()
    protocol: str = ""
    pretrained: str | None = None
    rank: int = 0
    world_size: int = 1

    @property
    def device(self) -> torch.device:
        """Where the encoder is, and with it what is trained on it; coordinates are on the CPU."""
        parameters = () if self.encoder is None else self.encoder.parameters()
        return next((p.device for p in parameters), torch.device("cpu"))

    @property
    def l2_grid(self) -> Sequence[float]:
        """The penalties to try."""
        return L2_GRID if self.l2 is None else (self.l2,)

    def needed_encoder(self) -> SkeletonEncoder:
        """The encoder.

        Raises:
            ConfigError: There is none.
        """
        if self.encoder is None:
            raise ConfigError("protocol: this one trains on an encoder; name it by --pretrained")
        return self.encoder

    def features(self, dataset: SkeletonDataset, joints: Joints | None = None) -> Features:
        """One vector per clip of a view."""
        return by_performance(self.features_of(self.loader(dataset), joints), dataset)

    def loader(
        self, dataset: SkeletonDataset, device: torch.device | str = "cpu"
    ) -> Iterable[Data]:
        """The batches of a view that are this process's."""
        return self.data.eval_loader(dataset, device, self.rank, self.world_size)

    def features_of(self, loader: Iterable[Data], joints: Joints | None = None) -> Features:
        """One vector per clip of a loader, whichever process its batches are of."""
        if not isinstance(loader, InTurn):
            loader = InTurn(loader, self.rank, self.world_size)
        if self.encoder is None:
            return raw_features(loader)
        time: Literal["mean"] | int = "mean" if self.segments == 1 else self.segments
        return extract_features(self.encoder, loader, joints or self.joints, time)

    def both(self, joints: Joints | None = None) -> tuple[Features, Features]:
        """Features of the labelled training clips and of the test clips."""
        return self.training(self.splits.labelled, joints), self.features(self.splits.test, joints)

    def training(self, dataset: SkeletonDataset, joints: Joints | None = None) -> Features:
        """One vector per clip to be trained on, and with ``flip`` one of its mirror image."""
        return self.training_features(self.loader(dataset), dataset, joints)

    def training_features(
        self,
        loader: Iterable[Data],
        dataset: SkeletonDataset,
        joints: Joints | None = None,
        repeats: Sequence[int] | int = 1,
    ) -> Features:
        """The same for a loader of the view's clips, or of several parts of each."""
        if not isinstance(loader, InTurn):
            loader = InTurn(loader, self.rank, self.world_size)
        own = by_performance(self.features_of(loader, joints), dataset, repeats)
        if not self.flip:
            return own
        mirror = FlipSides(dataset.skeleton, p=1.0)
        return own.with_copies(self.features_of(loader.map(mirror), joints))

    def refit_statistics(self) -> list[str]:
        """Gives the encoder batch statistics of training clips; what there is to say of it."""
        encoder, train = self.needed_encoder(), self.splits.train
        transform = self.data.transform(train, train=False)
        loader = SkeletonLoader(
            train, self.data.batch_size, transform, shuffle=True, seed=self.seed
        )
        if refit_statistics(encoder, loader):
            return []
        return ["statistics: the encoder has no batch norm, so there is nothing to refit"]


def by_performance(
    features: Features, dataset: SkeletonDataset, repeats: Sequence[int] | int = 1
) -> Features:
    """Features that are told apart by performances where performers are not known.

    So that no penalty is chosen on clips of a performance that was fitted.

    Args:
        features: Of each clip of the view, or of several parts of each.
        dataset: The view.
        repeats: How many parts of each clip there are.
    """
    if not isinstance(dataset, PKUMMD) or bool((features.subject >= 0).any()):
        return features
    performances = dataset.performances.repeat_interleave(torch.tensor(repeats))
    return replace(features, subject=performances)
