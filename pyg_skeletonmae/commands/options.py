"""The options of ``skeletonmae evaluate`` that belong to one protocol each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from pyg_skeletonmae.errors import ConfigError
from pyg_skeletonmae.evaluation.label_curve import LABELS
from pyg_skeletonmae.evaluation.recipe import Recipe
from pyg_skeletonmae.evaluation.semi import FRACTIONS
from pyg_skeletonmae.models.heads import Head


@dataclass
class TuneConfig:
    """What differs from the protocol's own recipe where a classifier is trained.

    Args:
        head: The head.
        epochs: Epochs to train.
        clips: Clips to train on in place of epochs, each counted as often as it is seen.
        lr: Peak learning rate.
        weight_decay: Weight decay.
        evaluate_every: Evaluate after every so many epochs, where weights are selected.
        recipe: Whose recipe: ``mamp``, ``skeleton2vec`` or ``sttformer``, as published for the data
            set; or ``ours``. None: that of the publication whose encoder and pipeline these are,
            else ours.
        batch_size: Clips per batch in training. None: ``data.batch_size`` if it is not the
            default, else the recipe's.
    """

    head: Head | None = None
    epochs: int | None = None
    lr: float | None = None
    weight_decay: float | None = None
    evaluate_every: int = 1
    clips: int | None = None
    recipe: Literal["mamp", "skeleton2vec", "sttformer", "ours"] | None = None
    batch_size: int | None = None

    def apply(self, recipe: Recipe) -> Recipe:
        """The recipe with these settings.

        Raises:
            ConfigError: Both epochs and clips are given.
        """
        if self.epochs is not None and self.clips is not None:
            raise ConfigError("tune.epochs, tune.clips: give one of the two")
        recipe = recipe if self.clips is None else recipe.within(self.clips)
        optim = recipe.optim
        if self.lr is not None:
            optim = replace(optim, lr=self.lr, min_lr=min(optim.min_lr, self.lr))
        if self.weight_decay is not None:
            optim = replace(optim, weight_decay=self.weight_decay)
        if self.epochs is not None and optim.swa_start is not None:  # as early in a shorter run
            optim = optim.averaged_from(optim.swa_start * self.epochs // recipe.epochs)
        return replace(
            recipe,
            head=self.head or recipe.head,
            epochs=recipe.epochs if self.epochs is None else self.epochs,
            clips=recipe.clips if self.epochs is None else None,
            evaluate_every=self.evaluate_every,
            batch_size=self.batch_size or recipe.batch_size,
            optim=optim,
        )


@dataclass
class SemiConfig:
    """The semi-supervised protocol; ``data.balanced`` draws a share of each class.

    Args:
        fractions: Shares of labels.
        draws: Draws of each, numbered as ``data.label_draw``.
        by: Fine-tune a classifier on the labelled clips, or a linear probe of frozen features,
            whose penalty (``l2``) can be chosen where a class has two labelled clips.
    """

    fractions: list[float] = field(default_factory=lambda: list(FRACTIONS))
    draws: int = 5
    by: Literal["finetune", "linear"] = "finetune"


@dataclass
class CurveConfig:
    """Accuracy against labels a class.

    Args:
        labels: How many of each class; all labels always come last.
        draws: Draws of each, numbered as ``data.label_draw``.
        scratch: Train the same network from random weights on those labels as well.
        finetune: Fine-tune the pre-trained encoder on them, in as many clips.
    """

    labels: list[int] = field(default_factory=lambda: list(LABELS))
    draws: int = 3
    scratch: bool = True
    finetune: bool = False


@dataclass
class FewShotConfig:
    """Few-shot episodes, drawn from the test clips.

    Args:
        ways: Classes of an episode.
        shots: Examples of each class.
        queries: Clips to classify, of each class.
        episodes: How many episodes.
    """

    ways: int = 5
    shots: int = 1
    queries: int = 15
    episodes: int = 600


@dataclass
class TemporalConfig:
    """Detection in untrimmed recordings.

    Args:
        window: The length of a window in frames, resampled to ``data.frames``.
        stride: From window to window in test recordings, in frames.
        train_stride: The same in training recordings.
        shortest: Detections of fewer frames are dropped.
    """

    window: int = 64
    stride: int = 16
    train_stride: int = 32
    shortest: int = 10


@dataclass
class EnsembleConfig:
    """Several classifiers as one.

    Args:
        runs: Folders of fine-tuned classifiers; each reads clips as its run did (stream, frames,
            centre, unit).
        weights: One per run; null: equal ones.
    """

    runs: list[str] = field(default_factory=list)
    weights: list[float] | None = None


@dataclass
class Options:
    """What a protocol is told besides the clips and the encoder; each reads its own.

    Args:
        k: How many neighbours vote; a list: each of them.
        tune: The training of classifiers.
        semi: The semi-supervised protocol.
        few_shot: The few-shot protocol.
        temporal: The temporal protocol.
        ensemble: The ensemble.
        curve: The curve over labels a class.
        segments: Into how many equal segments features keep time apart; 1: its average.
    """

    k: int | list[int] = 1
    tune: TuneConfig = field(default_factory=TuneConfig)
    semi: SemiConfig = field(default_factory=SemiConfig)
    few_shot: FewShotConfig = field(default_factory=FewShotConfig)
    temporal: TemporalConfig = field(default_factory=TemporalConfig)
    ensemble: EnsembleConfig = field(default_factory=EnsembleConfig)
    curve: CurveConfig = field(default_factory=CurveConfig)
    segments: Sequence[int] = (1,)
