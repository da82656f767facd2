"""What masked auto-encoders predict: positions, motion or bones, standardised or not."""

from __future__ import annotations

from typing import Literal, NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from pyg_skeletonmae.errors import ConfigError

TargetNorm = Literal["patch", "time", "none"]


class Target(NamedTuple):
    """Numbers to predict, and how to get back from them.

    Args:
        value: ``[P, V, T, C]``, or features of tokens ``[P, V, S, D]``.
        valid: Where they are present, ``[P, V, T]`` or ``[P, V, S]``, bool.
        mean: What was subtracted, broadcast to the value.
        std: What was divided by, likewise.
        weight: The factor of its loss.
        embedding: The encoder's embedding of all tokens ``[P, V, S, E]``, with its gradients, where
            the target has computed it: nobody has to compute it again.
    """

    value: Tensor
    valid: Tensor
    mean: Tensor | float = 0.0
    std: Tensor | float = 1.0
    weight: float = 1.0
    embedding: Tensor | None = None

    def restore(self, prediction: Tensor) -> Tensor:
        """Predictions ``[P, V, T, C]`` in the units of the data."""
        return prediction * self.std + self.mean

    def repeated(self, views: int) -> Target:
        """The target of each track as often as there are masks of it."""
        value, valid = (x.repeat_interleave(views, 0) for x in (self.value, self.valid))
        mean, std = (
            x.repeat_interleave(views, 0) if isinstance(x, Tensor) else x
            for x in (self.mean, self.std)
        )
        embedding = self.embedding
        if embedding is not None:
            embedding = embedding.repeat_interleave(views, 0)
        return Target(value, valid, mean, std, self.weight, embedding)


def motion(pos: Tensor, valid: Tensor, stride: int = 1) -> tuple[Tensor, Tensor]:
    """The displacement ``stride`` frames ahead, zero in the last frames.

    Args:
        pos: Tracks ``[P, V, T, C]``.
        valid: ``[P, V, T]``, bool; a motion is present if both of its ends are.
        stride: The number of frames, 1 to ``T - 1``.

    Returns:
        ``[P, V, T, C]`` and ``[P, V, T]``, bool.

    Raises:
        ConfigError: The stride is out of range.
    """
    if not 1 <= stride < pos.size(2):
        raise ConfigError(f"motion stride {stride}: expected 1 to {pos.size(2) - 1} frames")
    ahead = F.pad(pos[:, :, stride:] - pos[:, :, :-stride], (0, 0, 0, stride))
    return ahead, valid & F.pad(valid[:, :, stride:], (0, stride), value=True)


def bones(pos: Tensor, valid: Tensor, bone_index: Tensor) -> tuple[Tensor, Tensor]:
    """Each joint as seen from its parent; the root has none, and is unknown.

    Args:
        pos: Tracks ``[P, V, T, C]``.
        valid: ``[P, V, T]``, bool; a bone is known if both of its ends are.
        bone_index: The child and the parent of each bone, ``[2, E]``, long.

    Returns:
        ``[P, V, T, C]`` and ``[P, V, T]``, bool.
    """
    child, parent = bone_index.to(pos.device)
    out, known = torch.zeros_like(pos), torch.zeros_like(valid)
    out[:, child] = pos[:, child] - pos[:, parent]
    known[:, child] = valid[:, child] & valid[:, parent]
    return out, known


def standardise(
    x: Tensor, valid: Tensor, norm: TargetNorm, frames: int, eps: float = 1e-6
) -> Target:
    r"""Subtracts the mean and divides by :math:`\sqrt{\sigma^2 + \epsilon}`, unbiased variance.

    ``"patch"`` takes both over all numbers of a patch, as MAE and MAMP do. That leaves little of
    four frames of one joint but noise; ``"time"`` takes them for each coordinate of each joint over
    the whole clip: the repair published as normalisation among timestamps (NAT, AAAI 2025). Joints
    that are missing do not count.

    Args:
        x: ``[P, V, T, C]``.
        valid: ``[P, V, T]``, bool.
        norm: ``"patch"``, ``"time"`` or ``"none"``.
        frames: The frames of a patch, a divisor of ``T``.
        eps: Added to the variance.
    """
    if norm == "none":
        return Target(x, valid)
    tracks, joints, length, channels = x.shape
    window, over = (frames, (3, 4)) if norm == "patch" else (length, (3,))
    shape = (tracks, joints, length // window, window, channels)
    present = valid[..., None].expand_as(x).reshape(shape)
    windows = torch.where(present, x.reshape(shape), 0.0)
    count = present.sum(over, keepdim=True).clamp_min(1)
    mean = windows.sum(over, keepdim=True) / count
    squares = torch.where(present, windows - mean, 0.0).square().sum(over, keepdim=True)
    std = (squares / (count - 1).clamp_min(1) + eps).sqrt()
    mean, std = (value.expand(shape).reshape(x.shape) for value in (mean, std))
    return Target((x - mean) / std, valid, mean, std)
