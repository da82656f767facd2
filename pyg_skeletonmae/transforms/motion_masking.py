"""Masking policies that hide what moves: of MAMP and of Skeleton2vec."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional as F

from pyg_skeletonmae.batch import on_device
from pyg_skeletonmae.draws import Draws
from pyg_skeletonmae.errors import ConfigError
from pyg_skeletonmae.skeleton import Skeleton
from pyg_skeletonmae.transforms.masking import KeepRule, keep_count
from pyg_skeletonmae.transforms.token_masking import (
    TokenMaskPolicy,
    TubeMaskPolicy,
    mask_tokens,
    num_tubes,
)


def token_displacement(pos: Tensor) -> Tensor:
    """The mean absolute change of each token since the one before it, ``[P, V, S]``.

    Args:
        pos: Tracks ``[P, V, T, C]`` or patches ``[P, V, S, F, C]``. The first token copies the
            second; of a single one the change is zero.
    """
    tokens = pos.flatten(3)
    if tokens.size(2) == 1:
        return tokens.new_zeros(tokens.shape[:3])
    change = tokens.diff(dim=2).abs().mean(-1)
    return torch.cat([change[:, :, :1], change], dim=2)


def motion_keys(intensity: Tensor, noise: Tensor, tau: float) -> Tensor:
    r"""Gumbel keys of tokens, of which the smallest stay visible.

    .. math::
        k_i = \log \mathrm{softmax}_i\Big( \frac{I_i}{\tau \max_j I_j + 10^{-10}} \Big)
        - \log(-\log(u_i + 10^{-10}) + 10^{-10})

    Args:
        intensity: How much each token moves ``[P, V, S]``.
        noise: Uniform numbers ``[P, V, S]``.
        tau: The temperature :math:`\tau`; with 0 the noise alone decides.
    """
    if tau == 0.0:
        return noise
    flat = intensity.flatten(1)
    scaled = flat / (flat.amax(1, keepdim=True) * tau + 1e-10)
    gumbel = -torch.log(-torch.log(noise + 1e-10) + 1e-10)
    return scaled.log_softmax(1).view_as(intensity) + gumbel


def tube_motion(pos: Tensor, tube: int) -> Tensor:
    """How much each joint moves in each tube, as a share of the most moving one there.

    Args:
        pos: Tracks ``[P, V, T, C]`` or patches ``[P, V, S, F, C]``; motion is taken from frame to
            frame, and that of the last frame is zero.
        tube: The steps of a tube.

    Returns:
        ``[P, V, tubes]``, in [0, 1).
    """
    tracks, joints, steps = pos.shape[:3]
    frames = pos.reshape(tracks, joints, -1, pos.size(-1))
    motion = F.pad(frames.diff(dim=2).abs(), (0, 0, 0, 1)).reshape(tracks, joints, steps, -1)
    tubes = num_tubes(steps, tube)
    padded = F.pad(motion.mean(-1), (0, tubes * tube - steps)).view(tracks, joints, tubes, tube)
    # A last, shorter tube is padded with zeros, but its mean is that of its own steps.
    length = torch.tensor([min(tube, steps - i * tube) for i in range(tubes)], dtype=padded.dtype)
    intensity = padded.sum(-1) / on_device(length, padded.device)
    return intensity / (intensity.amax(1, keepdim=True) + 1e-6)


class MotionMask(TokenMaskPolicy):
    r"""Masks tokens that move with higher probability, over joints and time together.

    `"Masked Motion Predictors are Strong 3D Action Representation Learners"
    <https://arxiv.org/abs/2308.07092>`_ (MAMP, ICCV 2023); see :func:`motion_keys`. As in its
    public code, motion is the displacement between neighbouring patches, not frames.

    Args:
        ratio: The share of tokens to mask (0.9 in MAMP).
        tau: The temperature, relative to the largest motion of the track (0.80 for NTU-60 and
            PKU-MMD, 0.75 for NTU-120); 0 masks uniformly.
        keep: How the number of visible tokens is rounded, see
            :func:`~pyg_skeletonmae.transforms.masking.keep_count`; MAMP's is ``"published"``.

    Raises:
        ConfigError: The ratio or ``tau`` is out of range; on use: no token is left.
    """

    def __init__(self, ratio: float = 0.9, tau: float = 0.8, keep: KeepRule = "exact") -> None:
        keep_count(10**6, ratio, keep)
        if not 0.0 <= tau < math.inf:
            raise ConfigError(f"tau {tau}: expected a number from 0 up")
        self.ratio, self.tau, self.keep = ratio, tau, keep

    def num_visible(self, joints: int, steps: int) -> int:
        """See :class:`~pyg_skeletonmae.transforms.token_masking.TokenMaskPolicy`."""
        return keep_count(joints * steps, self.ratio, self.keep)

    def __call__(self, pos: Tensor, skeleton: Skeleton, draws: Draws) -> Tensor:
        """The mask of tracks or patches."""
        joints, steps = pos.shape[1:3]
        noise = draws.uniform(joints, steps)
        keys = motion_keys(token_displacement(pos), noise, self.tau)
        return mask_tokens(keys, self.num_visible(joints, steps))

    def __repr__(self) -> str:
        name = type(self).__name__
        return f"{name}(ratio={self.ratio}, tau={self.tau}, keep={self.keep!r})"


class MotionTubeMask(TubeMaskPolicy):
    r"""Masks joints that move with higher probability, the same ones throughout each tube.

    `"Skeleton2vec" <https://arxiv.org/abs/2401.00921>`_. In each tube the joints of smallest
    :math:`u + \beta I` stay visible, with uniform noise :math:`u` and the motion :math:`I` of
    :func:`tube_motion`.

    Args:
        ratio: The share of joints to mask in each tube (0.9 in Skeleton2vec).
        tube: The steps of a tube (5 in Skeleton2vec); a last, shorter tube fills the clip (our
            choice).
        beta: How much motion counts (0.1, for NTU-120 0.2); with 0 it does not.
        keep: How the number of visible joints is rounded, see
            :func:`~pyg_skeletonmae.transforms.masking.keep_count`; the public code's is
            ``"published"``, two of 25 joints.

    Raises:
        ConfigError: The ratio or ``beta`` is out of range; on use: no joint is left, or the tube is
            longer than the clip.
    """

    def __init__(
        self, ratio: float = 0.9, tube: int = 5, beta: float = 0.1, keep: KeepRule = "exact"
    ) -> None:
        super().__init__(ratio, tube, keep)
        if not 0.0 <= beta < math.inf:
            raise ConfigError(f"beta {beta}: expected a number from 0 up")
        self.beta = beta

    def scores(self, pos: Tensor, draws: Draws) -> Tensor:
        """Uniform numbers plus motion, see
        :class:`~pyg_skeletonmae.transforms.token_masking.TubeMaskPolicy`."""
        noise = draws.uniform(pos.size(1), num_tubes(pos.size(2), self.tube))
        return noise + self.beta * tube_motion(pos, self.tube)

    def __repr__(self) -> str:
        return (
            f"{type(self).__name__}(ratio={self.ratio}, tube={self.tube}, beta={self.beta}, "
            f"keep={self.keep!r})"
        )
