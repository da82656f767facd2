"""What every protocol of ``skeletonmae evaluate`` works on."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import torch

from pyg_skeletonmae.config import DataConfig, Splits
from pyg_skeletonmae.datasets import SkeletonDataset
from pyg_skeletonmae.errors import ConfigError
from pyg_skeletonmae.evaluation import Features, extract_features, raw_features
from pyg_skeletonmae.evaluation.finetune import Select
from pyg_skeletonmae.models.base import SkeletonEncoder

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
        folder: The run folder; None: nothing is kept.
    """

    data: DataConfig
    splits: Splits
    encoder: SkeletonEncoder | None
    joints: Joints = "concat"
    segments: int = 1
    seed: int = 0
    select: Select = "last"
    folder: Path | None = None

    def needed_encoder(self, protocol: str) -> SkeletonEncoder:
        """The encoder.

        Raises:
            ConfigError: There is none.
        """
        if self.encoder is None:
            raise ConfigError(f"protocol {protocol}: trains on an encoder; name it by --pretrained")
        return self.encoder

    def features(self, dataset: SkeletonDataset, joints: Joints | None = None) -> Features:
        """One vector per clip of a view."""
        loader = self.data.eval_loader(dataset)
        if self.encoder is None:
            return raw_features(loader)
        time: Literal["mean"] | int = "mean" if self.segments == 1 else self.segments
        return extract_features(self.encoder, loader, joints or self.joints, time)

    def both(self, joints: Joints | None = None) -> tuple[Features, Features]:
        """Features of the labelled training clips and of the test clips."""
        return self.features(self.splits.labelled, joints), self.features(self.splits.test, joints)


def best_device() -> torch.device:
    """A GPU if there is one."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")
