"""Masking policies over joints and time, with the same number of visible tokens in each track.

A policy is called with tracks ``[P, V, T, C]``, where a token is one frame of one joint, or with
patches ``[P, V, S, F, C]``, where it is ``F`` frames of one joint. The mask is ``[P, V, T]`` or
``[P, V, S]``, bool, True = masked. Below each policy lies a pure function of its random numbers.
"""

from __future__ import annotations

import math
from abc import abstractmethod
from typing import Literal

from torch import Tensor

from pyg_skeletonmae.draws import Draws
from pyg_skeletonmae.errors import ConfigError
from pyg_skeletonmae.skeleton import Skeleton
from pyg_skeletonmae.transforms.masking import (
    Hidden,
    KeepRule,
    MaskPolicy,
    keep_count,
    mask_all_but,
    ranks,
)

Level = Literal["both", "joint", "frame"]


class TokenMaskPolicy(MaskPolicy):
    """A policy that leaves the same, known number of tokens visible in every track."""

    @abstractmethod
    def num_visible(self, joints: int, steps: int) -> int:
        """How many of the ``joints * steps`` tokens of a track stay visible.

        Raises:
            ConfigError: None would, or the settings do not fit these numbers.
        """

    def hide(self, pos: Tensor, skeleton: Skeleton, draws: Draws) -> Hidden:
        """The mask and its number of visible tokens."""
        return Hidden(self(pos, skeleton, draws), self.num_visible(*pos.shape[1:3]))


def mask_tokens(scores: Tensor, keep: int) -> Tensor:
    """Masks all but the ``keep`` smallest scores of each track; ``[P, V, S]``, True = masked."""
    return mask_all_but(scores.flatten(1), keep).view_as(scores)


def num_tubes(steps: int, tube: int) -> int:
    """How many tubes of ``tube`` steps cover ``steps`` steps; the last one may be shorter.

    Raises:
        ConfigError: A tube is longer than the clip, or no step long.
    """
    if not 1 <= tube <= steps:
        raise ConfigError(f"a tube of {tube} steps: this clip has {steps}, expected 1 to {steps}")
    return math.ceil(steps / tube)


def rank_in_tubes(scores: Tensor, steps: int, tube: int) -> Tensor:
    """The rank of each joint's score among all joints, in each tube, for all of its steps.

    Args:
        scores: One number for each joint and tube, ``[P, V, tubes]``.
        steps: The number of steps ``S``.
        tube: The steps of a tube.

    Returns:
        ``[P, V, S]``, long, 0 = smallest.
    """
    return ranks(scores, dim=1).repeat_interleave(tube, dim=2)[:, :, :steps]


def mask_tubes(scores: Tensor, keep: int, steps: int, tube: int) -> Tensor:
    """Masks all but the ``keep`` joints of smallest score in each tube, in all of its steps.

    See :func:`rank_in_tubes`; ``[P, V, S]``, bool, True = masked.
    """
    return rank_in_tubes(scores, steps, tube) >= keep


class RandomTokenMask(TokenMaskPolicy):
    """Masks tokens uniformly at random, over joints and time together.

    The masking of the vision-transformer form of SkeletonMAE; its public code has a ratio of 0.9
    and ``keep="published"``.

    Args:
        ratio: The share of tokens to mask.
        keep: How the number of visible tokens is rounded, see
            :func:`~pyg_skeletonmae.transforms.masking.keep_count`.

    Raises:
        ConfigError: The ratio is out of range; on use: it leaves no token.
    """

    def __init__(self, ratio: float = 0.9, keep: KeepRule = "exact") -> None:
        keep_count(10**6, ratio, keep)
        self.ratio, self.keep = ratio, keep

    def num_visible(self, joints: int, steps: int) -> int:
        """See :class:`TokenMaskPolicy`."""
        return keep_count(joints * steps, self.ratio, self.keep)

    def __call__(self, pos: Tensor, skeleton: Skeleton, draws: Draws) -> Tensor:
        """The mask of tracks or patches."""
        joints, steps = pos.shape[1:3]
        return mask_tokens(draws.uniform(joints, steps), self.num_visible(joints, steps))

    def __repr__(self) -> str:
        return f"{type(self).__name__}(ratio={self.ratio}, keep={self.keep!r})"


class TubeMaskPolicy(TokenMaskPolicy):
    """A policy that keeps the joints of smallest score in each tube of ``tube`` steps.

    Args:
        ratio: The share of joints to mask in each tube.
        tube: The steps of a tube; a last, shorter tube fills the clip (our choice).
        keep: How the number of visible joints is rounded, see
            :func:`~pyg_skeletonmae.transforms.masking.keep_count`.
    """

    def __init__(self, ratio: float, tube: int, keep: KeepRule) -> None:
        keep_count(10**6, ratio, keep)
        num_tubes(max(tube, 1), tube)
        self.ratio, self.tube, self.keep = ratio, tube, keep

    @abstractmethod
    def scores(self, pos: Tensor, draws: Draws) -> Tensor:
        """One number for each joint and tube of tracks or patches, ``[P, V, tubes]``."""

    def num_visible(self, joints: int, steps: int) -> int:
        """See :class:`TokenMaskPolicy`."""
        num_tubes(steps, self.tube)
        return keep_count(joints, self.ratio, self.keep) * steps

    def ranks(self, pos: Tensor, draws: Draws) -> Tensor:
        """See :func:`rank_in_tubes`; from the same draws as the mask."""
        return rank_in_tubes(self.scores(pos, draws), pos.size(2), self.tube)

    def hide(self, pos: Tensor, skeleton: Skeleton, draws: Draws) -> Hidden:
        """The mask, its number of visible tokens, and the ranks."""
        joints, steps = pos.shape[1:3]
        ranks, visible = self.ranks(pos, draws), self.num_visible(joints, steps)
        return Hidden(ranks >= visible // steps, visible, ranks)

    def __call__(self, pos: Tensor, skeleton: Skeleton, draws: Draws) -> Tensor:
        """The mask of tracks or patches."""
        return self.hide(pos, skeleton, draws).mask


class TubeMask(TubeMaskPolicy):
    """Masks joints at random, the same ones throughout each tube of ``tube`` steps.

    The plain tube masking of the public code of `"Skeleton2vec"
    <https://arxiv.org/abs/2401.00921>`_.

    Args:
        ratio: The share of joints to mask in each tube.
        tube: The steps of a tube; a last, shorter tube fills the clip (our choice).
        keep: How the number of visible joints is rounded, see
            :func:`~pyg_skeletonmae.transforms.masking.keep_count`.

    Raises:
        ConfigError: The ratio is out of range; on use: it leaves no joint, or the tube is longer
            than the clip.
    """

    def __init__(self, ratio: float = 0.9, tube: int = 5, keep: KeepRule = "exact") -> None:
        super().__init__(ratio, tube, keep)

    def scores(self, pos: Tensor, draws: Draws) -> Tensor:
        """Uniform numbers, see :class:`TubeMaskPolicy`."""
        return draws.uniform(pos.size(1), num_tubes(pos.size(2), self.tube))

    def __repr__(self) -> str:
        return f"{type(self).__name__}(ratio={self.ratio}, tube={self.tube}, keep={self.keep!r})"


class JointFrameMask(TokenMaskPolicy):
    """Masks some joints in all frames, some frames in all joints, or both.

    The two levels of `"SkeletonMAE: Spatial-Temporal Masked Autoencoders for Self-supervised
    Skeleton Action Recognition" <https://arxiv.org/abs/2209.02399>`_. The paper's numbers are not
    known to us: nine joints and 40 % of the frames are our choice.

    Args:
        joints: How many joints to mask in each track: a whole number, or a share in [0, 1).
        frames: How many frames (steps, if tokens are patches): likewise.
        mode: Mask on ``"both"`` levels, or on one of them.

    Raises:
        ConfigError: A number is out of range or nothing is masked; on use: nothing is left visible.
    """

    def __init__(
        self, joints: int | float = 9, frames: int | float = 0.4, mode: Level = "both"
    ) -> None:
        if mode not in ("both", "joint", "frame"):
            raise ConfigError(f"mode {mode!r}: expected 'both', 'joint' or 'frame'")
        self.joints, self.frames, self.mode = joints, frames, mode
        if self._joints(10**6) + self._frames(10**6) == 0:
            raise ConfigError(f"{self}: nothing is masked")

    def num_visible(self, joints: int, steps: int) -> int:
        """See :class:`TokenMaskPolicy`."""
        return (joints - self._joints(joints)) * (steps - self._frames(steps))

    def __call__(self, pos: Tensor, skeleton: Skeleton, draws: Draws) -> Tensor:
        """The mask of tracks or patches."""
        joints, steps = pos.shape[1:3]
        by_joint = mask_all_but(draws.uniform(joints), joints - self._joints(joints))
        by_frame = mask_all_but(draws.uniform(steps), steps - self._frames(steps))
        return by_joint[:, :, None] | by_frame[:, None, :]

    def _joints(self, total: int) -> int:
        return 0 if self.mode == "frame" else _masked("joints", self.joints, total)

    def _frames(self, total: int) -> int:
        return 0 if self.mode == "joint" else _masked("frames", self.frames, total)

    def __repr__(self) -> str:
        name = type(self).__name__
        return f"{name}(joints={self.joints}, frames={self.frames}, mode={self.mode!r})"


def _masked(name: str, number: int | float, total: int) -> int:
    """A count or a share of ``total`` as a count that leaves at least one."""
    if isinstance(number, float):
        return total - keep_count(total, number)
    if not 0 <= number < total:
        raise ConfigError(f"{name} {number}: expected 0 to {total - 1} of {total} to be masked")
    return number
