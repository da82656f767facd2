"""Tokens of tracks: patches of a few frames of one joint, and the choice of the visible ones.

Everywhere in this library the token of joint ``v`` and time step ``s`` has the number
``v * S + s``, so that ``[P, V, S, D]`` and ``[P, V * S, D]`` are views of each other.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from pyg_skeletonmae.errors import DataError


def to_patches(pos: Tensor, frames: int) -> Tensor:
    """Views tracks ``[P, V, T, C]`` as patches ``[P, V, T / frames, frames, C]``.

    Raises:
        DataError: ``frames`` does not divide the length of the clips.
    """
    if pos.size(2) % frames:
        raise DataError(
            f"clips of {pos.size(2)} frames are no whole number of patches of {frames}: "
            "resample them with Resample"
        )
    tracks, joints, length, channels = pos.shape
    return pos.reshape(tracks, joints, length // frames, frames, channels)


class TokenSplit(NamedTuple):
    """Which tokens a model may see.

    Args:
        mask: ``[P, V, S]``, bool, True = masked.
        keep: The numbers of the visible tokens ``[P, K]``, long, in ascending order.
        present: Where tracks see different numbers of tokens: which of ``keep`` are really
            visible, ``[P, K]``, bool; the others fill up the rows. None if all are.
        hidden: The numbers of the masked tokens ``[P, L - K]``, long, in ascending order, where all
            tracks have as many of them; else none.
    """

    mask: Tensor
    keep: Tensor
    present: Tensor | None = None
    hidden: Tensor | None = None


def split_tokens(mask: Tensor, visible: int | None = None) -> TokenSplit:
    """Splits tokens into visible and masked ones.

    Args:
        mask: ``[P, V, S]``, bool, True = masked.
        visible: How many tokens of each track are visible, where that is known. Else they are
            counted, for which a GPU is waited for.

    Raises:
        DataError: A track has no visible token (only found where they are counted).
    """
    flat = mask.flatten(1)
    order = flat.to(torch.uint8).argsort(dim=1, stable=True)
    if visible is not None:
        return TokenSplit(mask, order[:, :visible], hidden=order[:, visible:])
    counts = (~flat).sum(1)
    least, most = (int(count) for count in torch.aminmax(counts)) if len(counts) else (1, 1)
    if least == 0:
        raise DataError("all tokens of a track are masked: none is left to see")
    keep, hidden = order[:, :most], order[:, most:]
    if least == most:
        return TokenSplit(mask, keep, hidden=hidden)
    return TokenSplit(mask, keep, ~flat.gather(1, keep))


def hidden_share(mask: Tensor, valid: Tensor) -> Tensor:
    """The share of the present joints that is hidden, a scalar on the device of both.

    Args:
        mask: The hidden tokens, ``[P, V, S]``, bool.
        valid: Where joints are present, ``[P, V, T]``, bool; ``S`` divides ``T``.
    """
    present = valid.reshape(*mask.shape, valid.size(2) // mask.size(2)).sum(3)
    share: Tensor = (present * mask).sum() / present.sum().clamp(min=1)
    return share


def gather_tokens(x: Tensor, keep: Tensor) -> Tensor:
    """The tokens ``[P, K, D]`` with the numbers ``keep [P, K]`` out of ``[P, L, D]``."""
    return x.gather(1, keep[..., None].expand(-1, -1, x.size(-1)))


def scatter_tokens(x: Tensor, split: TokenSplit, fill: Tensor) -> Tensor:
    """Puts visible tokens ``[P, K, D]`` back to their places ``[P, V * S, D]``.

    Args:
        x: The visible tokens, in the order of ``split.keep``.
        split: Where they belong.
        fill: What stands at all other places: ``[D]``, or at each of them, ``[V * S, D]``.
    """
    places = fill.to(x.dtype).expand(x.size(0), split.mask[0].numel(), -1)
    index = split.keep[..., None].expand(-1, -1, x.size(-1))
    if split.present is not None:
        x = torch.where(split.present[..., None], x, places.gather(1, index))
    return places.scatter(1, index, x)
