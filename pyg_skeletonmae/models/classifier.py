"""A classifier on any encoder."""

from __future__ import annotations

import copy
from typing import get_args

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch_geometric.data import Data

from pyg_skeletonmae.batch import readable, tracks_of_views
from pyg_skeletonmae.errors import ConfigError, DataError, check_choice
from pyg_skeletonmae.models.base import SkeletonModel, as_encoder, encode_clips
from pyg_skeletonmae.models.heads import Head as Head
from pyg_skeletonmae.models.heads import JointPool, head_defaults, make_head, pooling
from pyg_skeletonmae.nn.pool import pool_batch
from pyg_skeletonmae.nn.processes import global_mean
from pyg_skeletonmae.transforms.pipelines import PERSONS
from pyg_skeletonmae.transforms.tracks import Fill, KeepPersons


class Classifier(SkeletonModel):
    """An encoder, pooling over the persons, joints and frames that are present, and a head.

    Missing joints do not enter the means, see :func:`~pyg_skeletonmae.nn.pool.pool_batch`. Of a
    clip that was sampled several times (``num_views``) the logits are the mean of those of its
    views, as in Skeleton2vec's and pyskl's tests.

    Args:
        encoder: Any encoder of this library, or any module with ``encode_tracks``, ``out_channels``
            and ``skeleton``, see :class:`~pyg_skeletonmae.models.Encoder`. To be saved as a
            release it has to know its arguments: derive it from
            :class:`~pyg_skeletonmae.models.SkeletonModel`.
        num_classes: The number of classes.
        head: One of

            - ``"linear"``;
            - ``"mlp"``: Linear, BatchNorm, ReLU, dropout, Linear;
            - ``"mean-linear"``: linear on the mean over persons, joints and time, the probe in
              MAMP's model file;
            - ``"bn-linear"``: a BatchNorm without learned factors before it, the probe of
              Skeleton2vec (``norm_eps=1e-5``) and of MAMP's script (``norm_eps=1e-6``);
            - ``"joints-mlp"``: dropout on the features of tokens, mean over time, joints
              concatenated, mean over persons, Linear, BatchNorm, ReLU, Linear: the head both are
              fine-tuned with.
        hidden: The width of the hidden layer. (default: 256, ``"joints-mlp"``: 2048)
        dropout: The dropout rate before the last layer, or on tokens. (default: 0,
            ``"joints-mlp"``: 0.3)
        label_smoothing: The share of the target spread over all classes.
        joints: ``"mean"`` over the joints, or ``"concat"``. (default: the head's, else the mean)
        segments: Mean over time (1), or over this many equal segments, concatenated.
        freeze_encoder: Trains the head alone; the encoder stays in evaluation mode.
        norm_eps: The epsilon of the head's BatchNorm.
        absent: What a head was trained to see where a clip shows one person: ``"none"``, nobody;
            ``"zeros"``, a second person with all joints at the origin, or ``"loop"``, the same
            person again, as the public codes have it (for those of their classifiers that are
            imported). With the last two, persons after the second are left out.

    Shapes:
        - **input:** a batch with ``pos [P * V, T, C]`` of ``B`` clips
        - **output:** ``{"logits": [B, num_classes]}``, and ``"loss"`` and ``"accuracy"`` where the
          batch has ``y``

    Raises:
        ArgumentError: The encoder lacks one of these attributes.
        ConfigError: A setting is out of range, or does not fit the head.
    """

    def __init__(
        self,
        encoder: nn.Module,
        num_classes: int,
        head: Head = "mlp",
        hidden: int | None = None,
        dropout: float | None = None,
        label_smoothing: float = 0.0,
        joints: JointPool | None = None,
        segments: int = 1,
        freeze_encoder: bool = False,
        norm_eps: float = 1e-5,
        absent: Fill = "none",
    ) -> None:
        super().__init__()
        check_choice("absent", absent, get_args(Fill))
        self.absent = absent
        self.persons = None if absent == "none" else KeepPersons(PERSONS, absent)
        if num_classes < 2:
            raise ConfigError(f"num_classes {num_classes}: expected at least 2")
        features = as_encoder(encoder)
        self.encoder = encoder
        self.joints: JointPool = pooling(head, joints, segments)
        self.segments, self.label_smoothing = segments, label_smoothing
        self.num_classes, self.freeze_encoder = num_classes, freeze_encoder
        defaults = head_defaults(head)
        hidden = defaults.hidden if hidden is None else hidden
        dropout = defaults.dropout if dropout is None else dropout
        width = features.out_channels * segments
        width *= features.skeleton.num_joints if self.joints == "concat" else 1
        self.token_dropout = nn.Dropout(dropout if head == "joints-mlp" else 0.0)
        self.head = make_head(
            head, width, num_classes, hidden=hidden, dropout=dropout, norm_eps=norm_eps
        )
        encoder.requires_grad_(not freeze_encoder)

    def train(self, mode: bool = True) -> Classifier:
        """Sets the mode; a frozen encoder stays in evaluation mode."""
        super().train(mode)
        if self.freeze_encoder:
            self.encoder.eval()
        return self

    def forward(self, batch: Data) -> dict[str, Tensor]:
        """Scores of all clips of a batch."""
        if self.persons is not None:
            batch = self.persons(batch)
        x = self.token_dropout(encode_clips(self.encoder, batch))
        views = batch.get("num_views")
        if views is None:
            logits = self.head(pool_batch(x, batch, self.joints, self.segments))
        else:
            batch = copy.copy(batch)
            batch["num_tracks"], clip = tracks_of_views(batch)
            each = self.head(pool_batch(x, batch, self.joints, self.segments))
            logits = each.new_zeros(len(views), self.num_classes).index_add_(0, clip, each)
            logits = logits / views[:, None]
        y = batch.get("y")
        if y is None:
            return {"logits": logits}
        if readable(y) and (int(y.max()) >= self.num_classes or int(y.min()) < 0):
            raise DataError(f"labels {int(y.min())}..{int(y.max())} for {self.num_classes} classes")
        loss = F.cross_entropy(logits, y, label_smoothing=self.label_smoothing)
        with torch.no_grad():
            accuracy = (logits.argmax(-1) == y).float().mean()
        loss, accuracy = (global_mean(mean, len(y)) for mean in (loss, accuracy))
        return {"logits": logits, "loss": loss, "accuracy": accuracy}

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.encoder!r}, classes={self.num_classes})"
