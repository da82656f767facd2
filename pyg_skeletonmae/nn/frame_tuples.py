"""Tuples of frames: all joints of a few frames, one frame's after the other's."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from torch import Tensor, nn

from pyg_skeletonmae.errors import ConfigError, DataError
from pyg_skeletonmae.nn.sttformer import TupleBlock


def to_tuples(x: Tensor, frames: int) -> Tensor:
    """Tracks ``[P, V, T, C]`` as tuples ``[P, C, T / frames, frames * V]``.

    Token ``f * V + v`` of a tuple is joint ``v`` in its frame ``f``.

    Raises:
        DataError: ``frames`` does not divide the length of the clips.
    """
    if x.size(2) % frames:
        raise DataError(f"{x.size(2)} frames are no whole number of tuples of {frames}")
    tokens = frames * x.size(1)
    return x.permute(0, 3, 2, 1).reshape(x.size(0), x.size(3), x.size(2) // frames, tokens)


def from_tuples(x: Tensor, joints: int) -> Tensor:
    """The inverse of :func:`to_tuples`, a view: ``[P, C, S, U]`` as ``[P, joints, T, C]``."""
    frames = x.size(2) * x.size(3) // joints
    return x.reshape(x.size(0), x.size(1), frames, joints).permute(0, 3, 2, 1)


def tuple_blocks(
    widths: Sequence[Sequence[int]], tokens: int, heads: int, kernel: Sequence[int]
) -> nn.Sequential:
    """Blocks of the tuples transformer, one after the other.

    Args:
        widths: ``(in, out, attention)`` channels of each :class:`~pyg_skeletonmae.nn.TupleBlock`.
        tokens: The tokens of a tuple.
        heads: The number of attention heads.
        kernel: The tuples and the tokens that convolutions see.

    Raises:
        ConfigError: There is no block, or one's output does not fit the next one.
    """
    if not widths or any(len(width) != 3 for width in widths):
        raise ConfigError(f"channels {widths}: expected (in, out, attention) for each block")
    if any(before[1] != after[0] for before, after in pairwise(widths)):
        raise ConfigError(f"channels {widths}: a block's input is the output of the one before")
    if len(kernel) != 2:
        raise ConfigError(f"kernel {kernel}: expected its size over tuples and over tokens")
    return nn.Sequential(
        *(
            TupleBlock(
                before,
                after,
                attention_channels=attention,
                tokens=tokens,
                heads=heads,
                kernel=(kernel[0], kernel[1]),
            )
            for before, after, attention in widths
        )
    )
