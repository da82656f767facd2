"""A classifier on any encoder."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch_geometric.data import Data

from pyg_skeletonmae.errors import ConfigError, DataError
from pyg_skeletonmae.models.base import SkeletonEncoder, SkeletonModel
from pyg_skeletonmae.nn.pool import pool_tracks

Head = Literal["linear", "mlp"]


class Classifier(SkeletonModel):
    """An encoder, pooling over persons, joints and time, and a head.

    Args:
        encoder: Any encoder of this library, or one with the same attributes.
        num_classes: The number of classes.
        head: ``"linear"``, or ``"mlp"``: Linear, BatchNorm, ReLU, dropout, Linear.
        hidden: The width of the MLP.
        dropout: The dropout rate before the last layer.
        label_smoothing: The share of the target spread over all classes.
        joints: ``"mean"`` over the joints, or ``"concat"``.
        segments: Mean over time (1), or over this many equal segments, concatenated.
        freeze_encoder: Trains the head alone; the encoder stays in evaluation mode.

    Shapes:
        - **input:** a batch with ``pos [P * V, T, C]`` of ``B`` clips
        - **output:** ``{"logits": [B, num_classes]}``, and ``"loss"`` and ``"accuracy"`` where the
          batch has ``y``
    """

    def __init__(
        self,
        encoder: SkeletonEncoder,
        num_classes: int,
        head: Head = "mlp",
        hidden: int = 256,
        dropout: float = 0.0,
        label_smoothing: float = 0.0,
        joints: Literal["mean", "concat"] = "mean",
        segments: int = 1,
        freeze_encoder: bool = False,
    ) -> None:
        super().__init__()
        if num_classes < 2:
            raise ConfigError(f"num_classes {num_classes}: expected at least 2")
        self.encoder = encoder
        self.joints, self.segments, self.label_smoothing = joints, segments, label_smoothing
        self.num_classes, self.freeze_encoder = num_classes, freeze_encoder
        width = encoder.out_channels * segments
        width *= encoder.skeleton.num_joints if joints == "concat" else 1
        self.head = _head(head, width, hidden, num_classes, dropout)
        encoder.requires_grad_(not freeze_encoder)

    def train(self, mode: bool = True) -> Classifier:
        """Sets the mode; a frozen encoder stays in evaluation mode."""
        super().train(mode)
        if self.freeze_encoder:
            self.encoder.eval()
        return self

    def forward(self, batch: Data) -> dict[str, Tensor]:
        """Scores of all clips of a batch."""
        x = self.encoder(batch)
        logits = self.head(pool_tracks(x, batch.num_tracks, self.joints, self.segments))
        y = batch.get("y")
        if y is None:
            return {"logits": logits}
        # Only where looking costs nothing: on a GPU it would wait for the device at every step.
        if y.device.type == "cpu" and (int(y.max()) >= self.num_classes or int(y.min()) < 0):
            raise DataError(f"labels {int(y.min())}..{int(y.max())} for {self.num_classes} classes")
        loss = F.cross_entropy(logits, y, label_smoothing=self.label_smoothing)
        with torch.no_grad():
            accuracy = (logits.argmax(-1) == y).float().mean()
        return {"logits": logits, "loss": loss, "accuracy": accuracy}

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.encoder!r}, classes={self.num_classes})"


def _head(head: Head, width: int, hidden: int, num_classes: int, dropout: float) -> nn.Module:
    if head == "linear":
        return nn.Sequential(nn.Dropout(dropout), nn.Linear(width, num_classes))
    return nn.Sequential(
        nn.Linear(width, hidden),
        nn.BatchNorm1d(hidden),
        nn.ReLU(),
        nn.Dropout(dropout),
        nn.Linear(hidden, num_classes),
    )
