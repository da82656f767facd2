"""Systems as one would write them from the papers with stock layers, to be measured against.

Each has the sizes of ours and does the same sums; what differs is how: weights are not shared.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from pyg_skeletonmae.models.encoders.st_gcn import spatial_partitions
from pyg_skeletonmae.skeleton import Skeleton


class TextbookMAE(nn.Module):
    """A masked auto-encoder of patches with PyTorch's own transformer layers.

    Args:
        tokens: The tokens of a track.
        numbers: The numbers of a token.
        width: Its channels.
        depth: The blocks of the encoder.
        decoder_depth: Those of the decoder.
        heads: The heads of attention.

    Shapes:
        - **input:** patches ``[P, tokens, numbers]`` and the visible ones ``keep [P, K]``
        - **output:** the mean squared error of the hidden ones
    """

    def __init__(
        self, tokens: int, numbers: int, width: int, depth: int, decoder_depth: int, heads: int
    ) -> None:
        super().__init__()
        self.embed = nn.Linear(numbers, width)
        self.place = nn.Parameter(0.02 * torch.randn(tokens, width))
        self.decoder_place = nn.Parameter(0.02 * torch.randn(tokens, width))
        self.token = nn.Parameter(0.02 * torch.randn(width))
        self.encoder, self.decoder = (
            nn.TransformerEncoder(
                nn.TransformerEncoderLayer(
                    width, heads, 4 * width, 0.0, "gelu", batch_first=True, norm_first=True
                ),
                blocks,
                nn.LayerNorm(width),
                enable_nested_tensor=False,
            )
            for blocks in (depth, decoder_depth)
        )
        self.head = nn.Linear(width, numbers)

    def forward(self, patches: Tensor, keep: Tensor) -> Tensor:
        """The loss of a batch."""
        x = self.embed(patches) + self.place
        index = keep[..., None].expand(-1, -1, x.size(-1))
        encoded = self.encoder(x.gather(1, index))
        x = self.token.expand_as(x).scatter(1, index, encoded) + self.decoder_place
        hidden = torch.ones_like(patches[..., 0]).scatter(1, keep, 0.0)
        error = (self.head(self.decoder(x)) - patches).square().mean(-1)
        return (error * hidden).sum() / hidden.sum()


class TextbookSTGCN(nn.Module):
    """Blocks of ST-GCN++ in the customary layout ``[P, C, T, V]``, branch by branch.

    Args:
        skeleton: The joints and bones.
        channels: The width of each block.

    Shapes:
        - **input:** tracks ``[P, V, T, 3]``
        - **output:** ``[P, C', T', V]``
    """

    def __init__(self, skeleton: Skeleton, channels: list[int]) -> None:
        super().__init__()
        self.data_norm = nn.BatchNorm1d(3 * skeleton.num_joints)
        self.blocks = nn.ModuleList()
        before = 3
        for number, width in enumerate(channels):
            stride = 2 if number and width > before else 1
            self.blocks.append(TextbookBlock(before, width, spatial_partitions(skeleton), stride))
            before = width

    def forward(self, pos: Tensor) -> Tensor:
        """The features of tracks."""
        tracks, joints, frames, channels = pos.shape
        x = self.data_norm(pos.permute(0, 1, 3, 2).reshape(tracks, joints * channels, frames))
        x = x.view(tracks, joints, channels, frames).permute(0, 2, 3, 1).contiguous()
        for block in self.blocks:
            x = block(x)
        return x


class TextbookBlock(nn.Module):
    """One block: groups of neighbours, then four branches over time, each with its norms."""

    partitions: Tensor

    def __init__(self, before: int, width: int, partitions: Tensor, stride: int) -> None:
        super().__init__()
        self.register_buffer("partitions", partitions)
        self.importance = nn.Parameter(torch.ones_like(partitions))
        self.spatial = nn.Conv2d(before, len(partitions) * width, 1, bias=False)
        self.norm = nn.BatchNorm2d(width)
        own = width // 4

        def reduced() -> list[nn.Module]:
            return [nn.Conv2d(width, own, 1, bias=False), nn.BatchNorm2d(own), nn.ReLU()]

        self.branches = nn.ModuleList(
            nn.Sequential(
                *reduced(),
                nn.Conv2d(own, own, (5, 1), (stride, 1), (2 * gap, 0), (gap, 1), bias=False),
                nn.BatchNorm2d(own),
            )
            for gap in (1, 2)
        )
        pool = nn.MaxPool2d((3, 1), (stride, 1), (1, 0))
        self.branches.append(nn.Sequential(*reduced(), pool, nn.BatchNorm2d(own)))
        linear = nn.Conv2d(width, own, 1, (stride, 1), bias=False)
        self.branches.append(nn.Sequential(linear, nn.BatchNorm2d(own)))
        self.residual = nn.Sequential()
        if stride > 1 or before != width:
            linear = nn.Conv2d(before, width, 1, (stride, 1), bias=False)
            self.residual = nn.Sequential(linear, nn.BatchNorm2d(width))

    def forward(self, x: Tensor) -> Tensor:
        """Maps ``[P, C, T, V]``."""
        h = self.spatial(x).unflatten(1, (len(self.partitions), -1))
        h = torch.einsum("pkctu,kvu->pctv", h, self.partitions * self.importance)
        h = torch.relu(self.norm(h))
        h = torch.cat([branch(h) for branch in self.branches], dim=1)
        return torch.relu(h + self.residual(x))
