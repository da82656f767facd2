"""The order in which the public code of Skeleton2vec hands visible tokens to its decoder."""

from __future__ import annotations

import torch
from torch import Tensor

from pyg_skeletonmae.nn.tokens import TokenSplit, gather_tokens


def published_split(ranks: Tensor, visible: int) -> tuple[TokenSplit, Tensor]:
    """Splits tokens masked in tubes, and says what the public decoder has in which place.

    The public code puts all visible tokens, step by step and then by score, in front of all mask
    tokens, cuts the list into rows of ``V``, and permutes each row as its step was sorted. So the
    token at joint ``v`` and step ``s`` is number ``s * V + rank`` of the list: the visible tokens
    fill the first steps, and later steps hold mask tokens alone, even where tokens are visible.

    Args:
        ranks: The rank of each joint's score in its tube, ``[P, V, S]``.
        visible: The number of joints ``k`` that stay visible.

    Returns:
        The split, whose ``keep [P, S * k]`` is in the order of the list, and the place in the list
        ``[P, V * S]`` of what stands at each token, ``S * k`` for a mask token.
    """
    joints, steps = ranks.shape[1:]
    step = torch.arange(steps, device=ranks.device)
    keep = ranks.argsort(dim=1)[:, :visible] * steps + step
    source = (step * joints + ranks).clamp_max(visible * steps)
    split = TokenSplit(ranks >= visible, keep.transpose(1, 2).flatten(1))
    return split, source.flatten(1)


def place_published(x: Tensor, source: Tensor, fill: Tensor) -> Tensor:
    """Puts visible tokens where the public decoder has them.

    Args:
        x: The visible tokens ``[P, K, D]``, in the order of the split's ``keep``.
        source: See :func:`published_split`.
        fill: The mask token, ``[D]``.

    Returns:
        ``[P, V * S, D]``.
    """
    return gather_tokens(torch.cat([x, fill.to(x.dtype).expand(x.size(0), 1, -1)], dim=1), source)
