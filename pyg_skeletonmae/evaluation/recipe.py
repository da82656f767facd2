"""How classifiers on encoders are trained in published protocols."""

from __future__ import annotations

import copy
import logging
from dataclasses import dataclass, replace

from pyg_skeletonmae.models import Classifier, STEncoder
from pyg_skeletonmae.models.base import SkeletonEncoder, with_drop_path
from pyg_skeletonmae.models.heads import Head
from pyg_skeletonmae.training import OptimConfig, Trainer

_log = logging.getLogger("pyg_skeletonmae")


@dataclass(frozen=True)
class Recipe:
    """A head on an encoder, and its training.

    Args:
        head: See :class:`~pyg_skeletonmae.models.Classifier`.
        epochs: Epochs to train.
        optim: Optimiser and schedule.
        freeze: Train the head alone; the encoder stays in evaluation mode.
        label_smoothing: The share of the target spread over all classes.
        drop_path: The rate of stochastic depth of a transformer encoder; None: its own.
        evaluate_every: Evaluate after every so many epochs, on held-out subjects if there are any.
        clips: Clips to train on, each counted as often as it is seen, in place of ``epochs``.
        norm_eps: The epsilon of the head's BatchNorm.
        batch_size: Clips per batch, where that belongs to the recipe.
    """

    head: Head
    epochs: int
    optim: OptimConfig
    freeze: bool = False
    label_smoothing: float = 0.0
    drop_path: float | None = None
    evaluate_every: int = 1
    clips: int | None = None
    norm_eps: float = 1e-5
    batch_size: int | None = None

    def within(self, clips: int) -> Recipe:
        """The recipe with its length in clips; the warm-up stays the same share of it.

        Weights are not averaged then: epochs differ from data set to data set.
        """
        share = self.optim.warmup_epochs / max(self.epochs, 1)
        optim = replace(self.optim, warmup_epochs=0.0, warmup_fraction=min(share, 0.5))
        optim = optim.averaged_from(0)
        return replace(self, clips=clips, optim=optim)

    def classifier(self, encoder: SkeletonEncoder, num_classes: int) -> Classifier:
        """A classifier on a copy of the encoder.

        Raises:
            ConfigError: The encoder has no stochastic depth, but there is to be some.
        """
        encoder = copy.deepcopy(encoder).requires_grad_(True)
        encoder = with_drop_path(encoder, self.drop_path)
        return Classifier(
            encoder,
            num_classes,
            self.head,
            label_smoothing=self.label_smoothing,
            freeze_encoder=self.freeze,
            norm_eps=self.norm_eps,
        )

    def trainer(self, seed: int = 0, accelerator: str = "auto") -> Trainer:
        """The trainer; it says every ten epochs where it stands, if the library's logger is heard.

        On a terminal that is a progress bar, as :class:`~pyg_skeletonmae.training.Trainer` says.
        """
        return Trainer(
            self.epochs if self.clips is None else None,
            max_clips=self.clips,
            optim=self.optim,
            seed=seed,
            accelerator=accelerator,
            evaluate_every=self.evaluate_every,
            progress=10 if _log.isEnabledFor(logging.INFO) else 0,
        )


# What the probes of MAMP's and Skeleton2vec's public codes share: batches of 256, augmented. Each
# as it is: configs/finetune/linear_probe.yaml, and joints_mlp.yaml for the following.
LINEAR_SGD = Recipe(
    "bn-linear",
    100,
    OptimConfig("sgd", lr=0.1, weight_decay=0.0, momentum=0.9, schedule="cosine"),
    freeze=True,
)
# The fine-tuning of both, batches of 48.
FINETUNE = Recipe(
    "joints-mlp",
    100,
    OptimConfig(
        "adamw", lr=3e-4, weight_decay=0.05, schedule="cosine", warmup_epochs=5, min_lr=1e-5,
        layer_decay=0.8,
    ),
    label_smoothing=0.1,
    drop_path=0.3,
)  # fmt: skip
# The same for encoders that have neither numbered layers nor stochastic depth.
FINETUNE_PLAIN = replace(FINETUNE, optim=replace(FINETUNE.optim, layer_decay=1.0), drop_path=None)

# From random weights, on few labels or many: a larger step than where weights are to be kept.
SCRATCH = replace(FINETUNE_PLAIN, optim=replace(FINETUNE_PLAIN.optim, lr=1e-3)).within(20_000)


def finetune_recipe(encoder: SkeletonEncoder) -> Recipe:
    """``FINETUNE`` for a vision transformer, ``FINETUNE_PLAIN`` for any other encoder."""
    return FINETUNE if isinstance(encoder, STEncoder) else FINETUNE_PLAIN
