"""Masking policies: small objects over pure functions, for one clip or a batch, on any device."""

from __future__ import annotations

import functools
import logging
import math
from abc import abstractmethod
from collections.abc import Sequence
from typing import Literal, NamedTuple

import torch
from torch import Tensor

from pyg_skeletonmae.batch import on_device
from pyg_skeletonmae.configurable import Configurable
from pyg_skeletonmae.draws import Draws
from pyg_skeletonmae.errors import ConfigError
from pyg_skeletonmae.skeleton import Skeleton

KeepRule = Literal["exact", "published"]


class Hidden(NamedTuple):
    """What a policy hides, and what it knows of that.

    Args:
        mask: ``[P, V, S]``, bool, True = masked.
        visible: How many tokens of each track are visible, if that is the same known number.
        ranks: The rank of each joint's score in its tube ``[P, V, S]``, of tubes only.
    """

    mask: Tensor
    visible: int | None = None
    ranks: Tensor | None = None


class MaskPolicy(Configurable):
    """Says which joints of which frames are hidden from the encoder."""

    @abstractmethod
    def __call__(self, pos: Tensor, skeleton: Skeleton, draws: Draws) -> Tensor:
        """Maps tracks ``pos [P, V, T, C]`` to a mask ``[P, V, T]``, bool, True = masked.

        ``draws`` has one row per track.
        """

    def hide(self, pos: Tensor, skeleton: Skeleton, draws: Draws) -> Hidden:
        """The mask, with what is known of it; from the same draws."""
        return Hidden(self(pos, skeleton, draws))


def keep_count(length: int, ratio: float, rule: KeepRule = "exact") -> int:
    """How many of ``length`` tokens stay visible at a mask ratio.

    Args:
        length: The number of tokens.
        ratio: The share to mask, in [0, 1).
        rule: ``"exact"`` rounds to the nearest number and keeps at least one; ``"published"``
            truncates ``length * (1 - ratio)`` in floating point as the public code of MAMP and
            Skeleton2vec does, which keeps 74 of 750 tokens at 0.9, and 2 joints of 25.

    Raises:
        ConfigError: The ratio is out of range, or leaves no token.
    """
    if not 0.0 <= ratio < 1.0:
        raise ConfigError(f"mask ratio {ratio}: expected a number from 0 up to, but below, 1")
    if rule == "exact":
        return max(1, math.floor(length * (1.0 - ratio) + 0.5 + 1e-9))
    visible = int(length * (1.0 - ratio))
    if visible < 1:
        raise ConfigError(f"mask ratio {ratio} leaves none of {length} tokens visible")
    return visible


def ranks(scores: Tensor, dim: int = -1) -> Tensor:
    """The place of each score among all scores along an axis, long, 0 = smallest."""
    return scores.argsort(dim=dim).argsort(dim=dim)


def mask_all_but(scores: Tensor, keep: int) -> Tensor:
    """Masks all but the ``keep`` smallest scores of the last axis; bool, True = masked."""
    return ranks(scores) >= keep


def hidden_bones(bones: int, ratio: float) -> int:
    """How many of ``bones`` bones are hidden at an edge ratio.

    The others are as many as :func:`keep_count` says, so at least one stays; and a ratio above 0
    hides at least one where there are two or more.

    Raises:
        ConfigError: The ratio is not in [0, 1).
    """
    if not 0.0 <= ratio < 1.0:
        raise ConfigError(f"edge mask ratio {ratio}: expected a number from 0 up to, but below, 1")
    if ratio == 0.0 or bones < 2:
        return 0
    return max(1, bones - keep_count(bones, ratio))


def draw_edge_mask(skeleton: Skeleton, ratio: float, draws: Draws) -> Tensor:
    """Hides the same number of bones in each track, both directions together.

    Args:
        skeleton: The joints and bones; extra edges count as bones.
        ratio: The share of bones to hide, see :func:`hidden_bones`.
        draws: One row per track.

    Returns:
        ``[P * E]``, bool, True = masked, in the order of ``skeleton.edge_index``.

    Raises:
        ConfigError: The ratio is not in [0, 1).
    """
    bones = skeleton.edge_index.size(1) // 2
    mask = ranks(draws.uniform(bones)) < hidden_bones(bones, ratio)
    # Columns 2b and 2b + 1 of a skeleton's edges are the two directions of bone b.
    return mask.repeat_interleave(2, dim=-1).reshape(-1)


class RandomMask(MaskPolicy):
    """Masks a uniformly drawn set of joints, one set per track, the same in all of its frames.

    The counterpart of part masking in the ablation of `"SkeletonMAE: Graph-based Masked
    Autoencoder for Skeleton Sequence Pre-training" <https://arxiv.org/abs/2307.08476>`_.

    Args:
        ratio: The share of joints to mask.
        keep: How the number of visible joints is rounded, see :func:`keep_count`.
    """

    def __init__(self, ratio: float = 0.5, keep: KeepRule = "exact") -> None:
        keep_count(1_000, ratio, keep)
        self.ratio, self.keep = ratio, keep

    def __call__(self, pos: Tensor, skeleton: Skeleton, draws: Draws) -> Tensor:
        """The mask of tracks, see :class:`MaskPolicy`."""
        joints = skeleton.num_joints
        visible = keep_count(joints, self.ratio, self.keep)
        mask = mask_all_but(draws.uniform(joints), visible)
        return mask[:, :, None].expand(-1, -1, pos.size(2))

    def __repr__(self) -> str:
        return f"{type(self).__name__}(ratio={self.ratio}, keep={self.keep!r})"


class PartMask(MaskPolicy):
    """Masks whole body parts in all frames of a track.

    `"SkeletonMAE: Graph-based Masked Autoencoder for Skeleton Sequence Pre-training"
    <https://arxiv.org/abs/2307.08476>`_, section 3.2. The paper's experiments fix the masked set;
    its best one is ``[3, 5]``, the right arm and the right leg.

    Args:
        parts: The parts to mask, by name or number, or ``"random"``: between one and
            ``max_parts`` parts drawn for each track.
        max_parts: The largest number of parts drawn in random mode (our choice: half of the six).

    The parts are the skeleton's :attr:`~pyg_skeletonmae.skeleton.Skeleton.body_parts`: where none
    were given, the chains between the branches of its tree. Where that is a single chain, random
    mode masks half of the joints instead, as :class:`RandomMask` does, and the log says so.

    Raises:
        ConfigError: No part is given, or ``max_parts`` is below one. On use: a part is unknown, or
            no part (no joint) would be left visible or masked.
    """

    def __init__(
        self, parts: Literal["random"] | Sequence[int | str] = (3, 5), max_parts: int = 3
    ) -> None:
        if isinstance(parts, str) and parts != "random":
            raise ConfigError(f"parts {parts!r}: expected 'random' or a list of parts")
        if len(parts) == 0 or max_parts < 1:
            raise ConfigError("at least one part must be masked")
        self.parts: Literal["random"] | list[int | str] = (
            "random" if isinstance(parts, str) else list(parts)
        )
        self.max_parts = max_parts

    def __call__(self, pos: Tensor, skeleton: Skeleton, draws: Draws) -> Tensor:
        """The mask of tracks, see :class:`MaskPolicy`."""
        parts = len(skeleton.part_names)
        if self.parts != "random":
            part_mask = self._fixed(skeleton)
        elif parts >= 2:
            count = 1 + draws.integers(min(self.max_parts, parts - 1))
            part_mask = ranks(draws.uniform(parts)) < count[:, None]
        elif skeleton.parts:
            raise ConfigError(
                f"{skeleton.name}: random parts need two or more parts, it has {parts}"
            )
        else:
            return mask_joints_of(skeleton)(pos, skeleton, draws)
        if self.parts == "random":
            part_index = on_device(skeleton.part_index, pos.device)
            mask = part_mask[:, part_index] & (part_index >= 0)
        else:
            part_index = skeleton.part_index
            mask = on_device(part_mask[:, part_index] & (part_index >= 0), pos.device)
        return mask[:, :, None].expand(pos.size(0), -1, pos.size(2))

    def _fixed(self, skeleton: Skeleton) -> Tensor:
        """The parts that are named, ``[1, parts]``, bool."""
        names = skeleton.part_names
        mask = [False] * len(names)
        for part in self.parts:
            if part not in names and part not in range(len(names)):
                parts = ", ".join(f"{i} {name}" for i, name in enumerate(names)) or "none"
                raise ConfigError(f"{skeleton.name}: unknown part {part!r}; its parts: {parts}")
            mask[names.index(part) if isinstance(part, str) else part] = True
        if all(mask):
            raise ConfigError(f"{skeleton.name}: all parts are masked, none is left to see")
        return torch.tensor([mask])

    def __repr__(self) -> str:
        return f"{type(self).__name__}(parts={self.parts!r}, max_parts={self.max_parts})"


@functools.cache
def mask_joints_of(skeleton: Skeleton) -> RandomMask:
    """Half of the joints, for a skeleton of too few parts; the log says so once.

    Raises:
        ConfigError: There is a single joint.
    """
    if skeleton.num_joints < 2:
        raise ConfigError(f"{skeleton.name}: random masks need two or more joints, it has 1")
    logging.getLogger("pyg_skeletonmae").warning(
        "%s has fewer than two body parts: single joints are masked, half of them; give the "
        "skeleton parts to mask parts",
        skeleton.name,
    )
    return RandomMask(0.5)


def default_part_mask(skeleton: Skeleton) -> MaskPolicy:
    """What the graph SkeletonMAE masks unless one says otherwise.

    The paper's parts 3 and 5 where six or more parts were given; else random parts; and half of the
    joints where there are fewer than two parts, which the log says.

    Raises:
        ConfigError: There is a single joint.
    """
    if len(skeleton.parts) >= 6:
        return PartMask()
    return PartMask("random") if len(skeleton.part_names) > 1 else mask_joints_of(skeleton)
