"""The choice of the visible tokens, as all masked models make it."""

from __future__ import annotations

from torch import Tensor

from pyg_skeletonmae.draws import Draws
from pyg_skeletonmae.nn.tokens import TokenSplit, split_tokens
from pyg_skeletonmae.skeleton import Skeleton
from pyg_skeletonmae.transforms.masking import MaskPolicy
from pyg_skeletonmae.transforms.token_masking import TokenMaskPolicy


def draw_split(policy: MaskPolicy, patches: Tensor, skeleton: Skeleton, draws: Draws) -> TokenSplit:
    """Lets a policy choose the visible tokens of patches ``[P, V, S, F, C]``.

    Args:
        policy: The policy.
        patches: The patches of all tracks.
        skeleton: Their skeleton.
        draws: One row per track.
    """
    mask = policy(patches, skeleton, draws)
    if isinstance(policy, TokenMaskPolicy):
        return split_tokens(mask, policy.num_visible(*patches.shape[1:3]))
    return split_tokens(mask)
