"""What masked pre-training predicts of hidden tokens."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any, Literal, cast, get_args

import torch
from torch import Tensor, nn

from pyg_skeletonmae.errors import ConfigError
from pyg_skeletonmae.models.base import SkeletonEncoder, SkeletonModel, TokenEncoder
from pyg_skeletonmae.models.pretraining.collapse import CollapseWatch
from pyg_skeletonmae.models.pretraining.masked import MaskedEncoder
from pyg_skeletonmae.nn.ema import EMA
from pyg_skeletonmae.nn.latent_target import LayerNorm, latent_target
from pyg_skeletonmae.nn.targets import Target, TargetNorm, bones, motion, standardise

Loss = Literal["squared", "cosine"]


class MaskedTarget(SkeletonModel):
    """What a :class:`~pyg_skeletonmae.models.MaskedPretrainer` predicts: one class, two methods."""

    losses: tuple[Loss, ...] = get_args(Loss)
    """The losses under which it cannot be had for nothing."""

    def attach(self, encoder: SkeletonEncoder) -> None:
        """Tells the target, once, whose tokens are hidden.

        Raises:
            ConfigError: It does not suit the encoder.
        """

    @abstractmethod
    def width(self, encoder: SkeletonEncoder) -> int:
        """How many numbers are predicted for each token."""

    @abstractmethod
    def forward(self, encoder: SkeletonEncoder, pos: Tensor, valid: Tensor) -> list[Target]:
        """The target of tracks: one, but for :class:`WeightedTargets`.

        Args:
            encoder: The encoder, as it is now.
            pos: Tracks ``[P, V, T, C]``.
            valid: Where joints are present, ``[P, V, T]``, bool.

        Returns:
            Each has ``[P, V, T, C]`` numbers of frames, or ``[P, V, S, D]`` numbers of tokens.
        """

    def logs(self, targets: Sequence[Target], masks: Sequence[Tensor]) -> dict[str, Tensor]:
        """What is worth logging of the targets, and of which of them are scored."""
        return {}

    def after_step(self, encoder: SkeletonEncoder) -> None:
        """Called after each step of the optimiser."""


class CoordinateTarget(MaskedTarget):
    """The coordinates of hidden tokens.

    Args:
        norm: ``"none"``, or how they are standardised: ``"patch"`` or ``"time"``, see
            :func:`~pyg_skeletonmae.nn.targets.standardise`.

    Raises:
        ConfigError: The norm is unknown. On use: the encoder does not tell its ``in_channels``.
    """

    def __init__(self, norm: TargetNorm = "none") -> None:
        super().__init__()
        if norm not in get_args(TargetNorm):
            raise ConfigError(f"norm {norm!r}: expected one of {get_args(TargetNorm)}")
        self.norm: TargetNorm = norm

    def width(self, encoder: SkeletonEncoder) -> int:
        """The numbers of a token."""
        if encoder.clip_channels is None:
            raise ConfigError(
                f"{type(encoder).__name__}: coordinates are a target of encoders with an argument "
                "in_channels"
            )
        return encoder.frames_per_token * encoder.clip_channels

    @torch.no_grad()
    def forward(self, encoder: SkeletonEncoder, pos: Tensor, valid: Tensor) -> list[Target]:
        """See :class:`MaskedTarget`; joints that are missing are unknown."""
        pos, valid = self.quantity(encoder, pos, valid)
        return [standardise(pos, valid, self.norm, encoder.frames_per_token)]

    def quantity(
        self, encoder: SkeletonEncoder, pos: Tensor, valid: Tensor
    ) -> tuple[Tensor, Tensor]:
        """What is predicted, ``[P, V, T, C]``, and where it is known, ``[P, V, T]``."""
        return pos, valid

    def __repr__(self) -> str:
        return f"{type(self).__name__}(norm={self.norm!r})"


class MotionTarget(CoordinateTarget):
    """The displacement of hidden tokens some frames ahead, as in MAMP.

    `"Masked Motion Predictors are Strong 3D Action Representation Learners"
    <https://arxiv.org/abs/2308.07092>`_ (ICCV 2023).

    Args:
        stride: How many frames ahead.
        norm: As in :class:`CoordinateTarget`.

    Raises:
        ConfigError: The norm is unknown, or clips are no longer than the stride.
    """

    def __init__(self, stride: int = 1, norm: TargetNorm = "none") -> None:
        super().__init__(norm)
        if stride < 1:
            raise ConfigError(f"motion stride {stride}: expected one frame or more")
        self.stride = stride

    def attach(self, encoder: SkeletonEncoder) -> None:
        """See :class:`MaskedTarget`."""
        if isinstance(encoder, MaskedEncoder) and self.stride >= encoder.frames:
            most = encoder.frames - 1
            raise ConfigError(f"motion_stride {self.stride}: expected 1 to {most} frames")

    def quantity(
        self, encoder: SkeletonEncoder, pos: Tensor, valid: Tensor
    ) -> tuple[Tensor, Tensor]:
        """See :func:`~pyg_skeletonmae.nn.targets.motion`."""
        return motion(pos, valid, self.stride)

    def __repr__(self) -> str:
        return f"{type(self).__name__}(stride={self.stride}, norm={self.norm!r})"


class BoneTarget(CoordinateTarget):
    """Hidden joints as seen from their parents: lengths and directions of bones (our choice)."""

    def quantity(
        self, encoder: SkeletonEncoder, pos: Tensor, valid: Tensor
    ) -> tuple[Tensor, Tensor]:
        """See :func:`~pyg_skeletonmae.nn.targets.bones`."""
        return bones(pos, valid, encoder.skeleton.bone_index)


class EmbeddingTarget(MaskedTarget):
    """What the encoder's embedding makes of hidden tokens, before they are mixed.

    `"SkeletonMAE: Graph-based Masked Autoencoder for Skeleton Sequence Pre-training"
    <https://arxiv.org/abs/2307.08476>`_ (ICCV 2023). It depends on trained weights, so a constant
    embedding would be a perfect score: the mean cosine between targets is logged as
    ``target_cosine``, and a warning is raised when it stays above 0.99. With a squared error it
    would shrink to a constant, so that is refused.

    Args:
        detach: Stops the gradient through the target (our choice, against collapse).
        advice: What the warning says to try.
    """

    losses = ("cosine",)

    def __init__(
        self, detach: bool = True, advice: str = "another normalisation of the input"
    ) -> None:
        super().__init__()
        self.detach = detach
        self.collapse = CollapseWatch(advice=advice)

    def attach(self, encoder: SkeletonEncoder) -> None:
        """See :class:`MaskedTarget`."""
        check_halves(encoder, self)

    def width(self, encoder: SkeletonEncoder) -> int:
        """The width of the embedding."""
        return encoder.embed_channels

    def forward(self, encoder: SkeletonEncoder, pos: Tensor, valid: Tensor) -> list[Target]:
        """See :class:`MaskedTarget`; a token is known if its joint is present in all frames."""
        embedding = cast(TokenEncoder, encoder).embed(pos)
        value = embedding.detach() if self.detach else embedding
        known = whole_tokens(valid, encoder.frames_per_token)
        return [Target(value, known, embedding=embedding)]

    def logs(self, targets: Sequence[Target], masks: Sequence[Tensor]) -> dict[str, Tensor]:
        """The mean cosine between targets."""
        return {"target_cosine": self.collapse(targets[0].value, masks[0])}

    def after_step(self, encoder: SkeletonEncoder) -> None:
        """Warns when targets have been the same direction for a while."""
        self.collapse.check()

    def __repr__(self) -> str:
        return f"{type(self).__name__}(detach={self.detach})"


class LatentTarget(MaskedTarget):
    """What a teacher, the moving average of the encoder, makes of hidden tokens: it sees all.

    `"Skeleton2vec" <https://arxiv.org/abs/2401.00921>`_; see
    :class:`~pyg_skeletonmae.models.Skeleton2Vec` for the equations.

    Args:
        top_k: The mean of how many of the teacher's last layers; none: all.
        norm: How each of them is normalised, ``"instance"`` or ``"layer"``, see
            :func:`~pyg_skeletonmae.nn.latent_target.latent_target`.
        final_norm: Whether their mean is normalised.
        start: The teacher's decay at first, see :class:`~pyg_skeletonmae.nn.ema.EMA`.
        end: The decay at the end.
        steps: The number of updates from one to the other.

    Raises:
        ConfigError: A setting is out of range; on use: the encoder has fewer layers.
    """

    def __init__(
        self,
        top_k: int | None = None,
        norm: LayerNorm = "instance",
        final_norm: bool = True,
        start: float = 0.9999,
        end: float = 1.0,
        steps: int = 251_200,
    ) -> None:
        super().__init__()
        if norm not in get_args(LayerNorm):
            raise ConfigError(f"norm {norm!r}: expected one of {get_args(LayerNorm)}")
        EMA(nn.Identity(), start, end, steps)  # refuses what is out of range
        self.top_k, self.final_norm = top_k, final_norm
        self.norm: LayerNorm = norm
        self.schedule = (start, end, steps)

    def attach(self, encoder: SkeletonEncoder) -> None:
        """Begins the teacher as a copy of the encoder."""
        check_halves(encoder, self)
        last = encoder.num_states if self.top_k is None else self.top_k
        if not 1 <= last <= encoder.num_states:
            raise ConfigError(
                f"top_k {last}: the encoder has {encoder.num_states} layers to average, expected "
                f"1 to {encoder.num_states}"
            )
        self.last = last
        self.teacher = EMA(encoder, *self.schedule)

    def width(self, encoder: SkeletonEncoder) -> int:
        """The width of the encoder's features."""
        return encoder.out_channels

    @torch.no_grad()
    def forward(self, encoder: SkeletonEncoder, pos: Tensor, valid: Tensor) -> list[Target]:
        """See :class:`MaskedTarget`; a token is known if its joint is present in all frames."""
        teacher = self.teacher.module
        pos = pos.to(next(teacher.parameters()).dtype)
        value = latent_target(teacher.hidden_states(pos, self.last), self.norm, self.final_norm)
        known = whole_tokens(valid, encoder.frames_per_token)
        return [Target(value.view(*known.shape, -1), known)]

    def after_step(self, encoder: SkeletonEncoder) -> None:
        """Moves the teacher towards the encoder."""
        self.teacher.update(encoder)

    def __repr__(self) -> str:
        return f"{type(self).__name__}(top_k={self.top_k}, norm={self.norm!r})"


class WeightedTargets(MaskedTarget):
    """Several targets at once: the loss is the weighted sum of theirs.

    Args:
        targets: The targets.
        weights: One factor for each.

    Raises:
        ConfigError: There is no target, not one positive weight for each, or one of them is of
            this kind itself.
    """

    def __init__(self, targets: Sequence[MaskedTarget], weights: Sequence[float]) -> None:
        super().__init__()
        if not targets or len(targets) != len(weights) or min(weights) <= 0:
            raise ConfigError(
                f"weights {list(weights)}: expected a positive one for each of {len(targets)} "
                "targets"
            )
        if any(isinstance(target, WeightedTargets) for target in targets):
            raise ConfigError("targets: weighted ones within weighted ones; give one flat list")
        self.targets, self.weights = nn.ModuleList(targets), tuple(weights)
        self.losses = tuple(
            loss for loss in get_args(Loss) if all(loss in target.losses for target in targets)
        )

    def attach(self, encoder: SkeletonEncoder) -> None:
        """See :class:`MaskedTarget`."""
        for target in self._all():
            target.attach(encoder)

    def width(self, encoder: SkeletonEncoder) -> int:
        """The widths of all targets together."""
        return sum(target.width(encoder) for target in self._all())

    def forward(self, encoder: SkeletonEncoder, pos: Tensor, valid: Tensor) -> list[Target]:
        """The targets of each, weighted."""
        return [
            one._replace(weight=weight * one.weight)
            for target, weight in zip(self._all(), self.weights, strict=True)
            for one in target(encoder, pos, valid)
        ]

    def logs(self, targets: Sequence[Target], masks: Sequence[Tensor]) -> dict[str, Tensor]:
        """What each of them logs, by the name and its number."""
        return {
            f"{name}_{number}": value
            for number, target in enumerate(self._all())
            for name, value in target.logs(targets[number:], masks[number:]).items()
        }

    def after_step(self, encoder: SkeletonEncoder) -> None:
        """See :class:`MaskedTarget`."""
        for target in self._all():
            target.after_step(encoder)

    def _all(self) -> Sequence[MaskedTarget]:
        return cast(Any, self.targets)  # type: ignore[no-any-return]

    def __repr__(self) -> str:
        return f"{type(self).__name__}({list(self._all())}, weights={list(self.weights)})"


def whole_tokens(valid: Tensor, frames: int) -> Tensor:
    """Which tokens ``[P, V, S]`` have all of their frames, from ``[P, V, T]``."""
    return valid.view(*valid.shape[:2], -1, frames).all(-1)


def check_halves(encoder: SkeletonEncoder, part: object) -> None:
    """Refuses an encoder that is not in two halves.

    Raises:
        ConfigError: It has no ``embed``, or no ``mix``.
    """
    for name in ("embed", "mix"):
        if not callable(getattr(encoder, name, None)):
            raise ConfigError(
                f"{type(part).__name__}: {type(encoder).__name__} has no method {name}: it cannot "
                "be pre-trained so, see TokenEncoder"
            )
