"""Normalisation over the channel axis of tracks."""

from __future__ import annotations

from typing import Literal

from torch import Tensor, nn

Norm = Literal["batch", "layer"]


class BatchNormLast(nn.BatchNorm1d):
    r"""Batch normalisation of the last axis of a tensor of any rank.

    Every joint of every frame is one sample, as a node is in PyG's graphs.

    Shapes:
        - **input:** ``[..., C]``
        - **output:** ``[..., C]``
    """

    def forward(self, input: Tensor) -> Tensor:
        """Normalises the channels."""
        return super().forward(input.reshape(-1, input.size(-1))).view(input.shape)


def channel_norm(channels: int, norm: Norm) -> nn.Module:
    """A normalisation of the last axis: over the batch, or each vector by itself."""
    return BatchNormLast(channels) if norm == "batch" else nn.LayerNorm(channels)
