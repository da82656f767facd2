"""A classifier on any encoder."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch_geometric.data import Data

from pyg_skeletonmae.errors import ConfigError, DataError
from pyg_skeletonmae.models.base import SkeletonModel, as_encoder, encode_clips
from pyg_skeletonmae.models.heads import Head as Head
from pyg_skeletonmae.models.heads import JointPool, head_defaults, make_head, pooling
from pyg_skeletonmae.nn.pool import pool_batch


class Classifier(SkeletonModel):
    """An encoder, pooling over the persons, joints and frames that are present, and a head.

    Missing joints do not enter the means, see :func:`~pyg_skeletonmae.nn.pool.pool_batch`.

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
    ) -> None:
        super().__init__()
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
        x = self.token_dropout(encode_clips(self.encoder, batch))
        logits = self.head(pool_batch(x, batch, self.joints, self.segments))
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
