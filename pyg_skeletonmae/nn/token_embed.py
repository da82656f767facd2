"""Embeddings of tokens: their content, their joint, their time."""

from __future__ import annotations

import math
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from pyg_skeletonmae.nn.tokens import gather_tokens, to_patches

TimeEmbedding = Literal["learned", "zero", "sinusoidal"]


def sinusoidal(length: int, channels: int) -> Tensor:
    """Sines on even and cosines on odd channels, ``[length, channels]``.

    `"Attention Is All You Need" <https://arxiv.org/abs/1706.03762>`_, section 3.5.
    """
    even = torch.arange(0, channels, 2, dtype=torch.float64)
    angle = torch.arange(length)[:, None] * torch.exp(even * (-math.log(10_000.0) / channels))
    return torch.stack([angle.sin(), angle.cos()], -1).flatten(1)[:, :channels].float()


class PatchEmbed(nn.Module):
    """Embeds patches of a few frames of one joint.

    A convolution of kernel and stride ``(frames_per_patch, 1)``, as one view and one linear map.
    The inputs of a patch are ordered frame by frame.

    Args:
        in_channels: The channels ``C`` of a joint.
        channels: The width ``D``.
        frames_per_patch: The frames of a patch.

    Shapes:
        - **input:** tracks ``[P, V, T, C]``, and optionally token numbers ``keep [P, K]``
        - **output:** tokens ``[P, V * S, D]``, or ``[P, K, D]``
    """

    def __init__(self, in_channels: int, channels: int, frames_per_patch: int = 4) -> None:
        super().__init__()
        self.in_channels, self.frames_per_patch = in_channels, frames_per_patch
        self.proj = nn.Linear(frames_per_patch * in_channels, channels)

    def forward(self, pos: Tensor, keep: Tensor | None = None) -> Tensor:
        """Embeds all tokens, or those with the given numbers."""
        patches = to_patches(pos, self.frames_per_patch).flatten(3).flatten(1, 2)
        out: Tensor = self.proj(patches if keep is None else gather_tokens(patches, keep))
        return out

    def __repr__(self) -> str:
        return (
            f"{type(self).__name__}({self.in_channels}, {self.proj.out_features}, "
            f"frames_per_patch={self.frames_per_patch})"
        )


class JointTimeEmbedding(nn.Module):
    """One vector for each joint plus one for each time step.

    Args:
        num_joints: The number of joints ``V``.
        num_steps: The number of time steps ``S``.
        channels: The width ``D``.
        time: ``"learned"``; ``"zero"``, learned and zero at first; or ``"sinusoidal"``, fixed.

    Shapes:
        - **input:** nothing, or token numbers ``keep [P, K]``
        - **output:** ``[V * S, D]``, or ``[P, K, D]``
    """

    time: Tensor

    def __init__(
        self, num_joints: int, num_steps: int, channels: int, time: TimeEmbedding = "learned"
    ) -> None:
        super().__init__()
        self.num_steps, self.kind = num_steps, time
        self.joint = nn.Parameter(torch.empty(num_joints, channels))
        if time == "sinusoidal":
            self.register_buffer("time", sinusoidal(num_steps, channels), persistent=False)
        else:
            self.register_parameter("time", nn.Parameter(torch.empty(num_steps, channels)))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draws the learned vectors anew (truncated normal, standard deviation 0.02)."""
        nn.init.trunc_normal_(self.joint, std=0.02)
        if self.kind == "learned":
            nn.init.trunc_normal_(self.time, std=0.02)
        elif self.kind == "zero":
            nn.init.zeros_(self.time)

    def forward(self, keep: Tensor | None = None) -> Tensor:
        """The vectors of all tokens, or of those with the given numbers."""
        if keep is None:
            return (self.joint[:, None] + self.time).flatten(0, 1)
        joint, step = keep.div(self.num_steps, rounding_mode="floor"), keep % self.num_steps
        return F.embedding(joint, self.joint) + F.embedding(step, self.time)

    def __repr__(self) -> str:
        joints, channels = self.joint.shape
        return f"{type(self).__name__}({joints}, {self.num_steps}, {channels}, time={self.kind!r})"
