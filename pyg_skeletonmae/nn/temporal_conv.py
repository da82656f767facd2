"""Convolution over time, at one scale or at several."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from pyg_skeletonmae.errors import ConfigError, DataError
from pyg_skeletonmae.nn.norm import Norm, channel_norm, norm_rows, visible_norm
from pyg_skeletonmae.nn.norm_act import IDENTITY, RELU, norm_act
from pyg_skeletonmae.nn.places import Places


class TemporalConv(nn.Module):
    r"""A convolution over time and a norm, every joint by itself with the same weights.

    .. math::
        \mathbf{x}^{\prime}_t = \mathrm{Norm}\Big(\sum_{i} \mathbf{W}_i\, \mathbf{x}_{t + i}\Big)

    Written as one linear map of neighbouring frames side by side, which is faster on a CPU than a
    convolution of so few frames.

    Args:
        in_channels: The channels of the input.
        out_channels: The channels of the output.
        kernel_size: The frames it sees, odd.
        stride: The temporal stride.
        norm: ``"batch"`` or ``"layer"``.

    Shapes:
        - **input:** tracks :math:`(P, V, T, C_{in})`
        - **output:** tracks :math:`(P, V, \lceil T / \mathrm{stride} \rceil, C_{out})`

    Raises:
        ConfigError: The kernel is even, or it or the stride is below 1.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int = 3,
        stride: int = 1,
        norm: Norm = "batch",
    ) -> None:
        super().__init__()
        if kernel_size % 2 == 0 or min(kernel_size, stride) < 1:
            raise ConfigError(
                f"kernel_size {kernel_size} must be odd, and it and the stride {stride} at least 1"
            )
        self.kernel_size, self.stride = kernel_size, stride
        self.linear = nn.Linear(kernel_size * in_channels, out_channels, bias=False)
        self.norm = channel_norm(out_channels, norm)
        self.norms_after = {"norm": ["linear"]}

    def forward(self, x: Tensor, visible: Tensor | None = None) -> Tensor:
        """Convolves tracks over time, see the class.

        Args:
            x: The tracks, zero where they are hidden.
            visible: ``[P, V, T]``, bool: the other places do not count in the norm and become
                zero; none: all are visible.
        """
        frames, around = x.size(2), self.kernel_size // 2
        padded = F.pad(x, (0, 0, around, around))
        taps = [padded[:, :, i : i + frames : self.stride] for i in range(self.kernel_size)]
        side_by_side = torch.cat(taps, dim=-1)
        if visible is None:
            return norm_act(self.norm, IDENTITY, side_by_side, self.linear)
        places = Places(visible[:, :, :: self.stride])
        return places.tracks(norm_rows(self.norm, self.linear(places.rows(side_by_side))))


class MultiScaleTemporalConv(nn.Module):
    r"""The multi-scale temporal convolution of `"Channel-wise Topology Refinement Graph Convolution
    for Skeleton-Based Action Recognition" <https://arxiv.org/abs/2107.12213>`_.

    Every joint by itself, with the same weights. For :math:`D` dilations there are :math:`D + 2`
    branches of equal width, concatenated in this order:

    .. math::
        \mathbf{y} = \Big\Vert \left( \mathrm{Conv}_{k, d_1}(\mathbf{h}_1), \ldots,
        \mathrm{Conv}_{k, d_D}(\mathbf{h}_D), \mathrm{MaxPool}_3(\mathbf{h}_{D+1}),
        \mathbf{W} \mathbf{x} \right), \qquad
        \mathbf{h}_b = \mathrm{ReLU}(\mathrm{BN}(\mathbf{W}_b \mathbf{x}))

    .. math::
        \mathbf{x}^{\prime} = \mathrm{BN}(\mathbf{y}) + \mathrm{residual}(\mathbf{x})

    The branches' maps :math:`\mathbf{W}_b` are one matrix and their norms one norm, as are those of
    the outputs: the same function as separate ones, in under half the time on a CPU. No convolution
    has a bias, because a norm follows.

    Args:
        in_channels: The channels of the input.
        out_channels: The channels of the output, a multiple of the number of branches.
        kernel_size: The frames a convolution sees, odd. (default: ``5``)
        dilations: The dilation of each convolution. (default: ``(1, 2)``)
        stride: The temporal stride. (default: ``1``)
        residual: Whether the input is added: as it is if width and stride allow, else through a
            strided linear map and a batch norm. (default: ``True``)
        relu: Whether a ReLU ends the layer, as in the `InfoGCN
            <https://doi.org/10.1109/CVPR52688.2022.01955>`_ code; CTR-GCN has none here.
            (default: ``False``)

    Shapes:
        - **input:** tracks :math:`(P, V, T, C_{in})`
        - **output:** tracks :math:`(P, V, \lceil T / \mathrm{stride} \rceil, C_{out})`

    Raises:
        ConfigError: The width is no multiple of the number of branches, the kernel is even, or a
            dilation or the stride is below 1.
        DataError: The input is not ``[P, V, T, in_channels]``.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int = 5,
        dilations: Sequence[int] = (1, 2),
        stride: int = 1,
        residual: bool = True,
        relu: bool = False,
    ) -> None:
        super().__init__()
        width, rest = divmod(out_channels, len(dilations) + 2)
        if rest or width < 1:
            raise ConfigError(
                f"out_channels {out_channels} is no multiple of {len(dilations) + 2} branches "
                f"({len(dilations)} dilations, a pooling and a linear one)"
            )
        if kernel_size % 2 == 0 or min(kernel_size, stride, *dilations) < 1:
            raise ConfigError(
                f"kernel_size {kernel_size} must be odd, and it, the stride {stride} and the "
                f"dilations {tuple(dilations)} at least 1"
            )
        self.in_channels, self.out_channels = in_channels, out_channels
        self.kernel_size, self.dilations = kernel_size, tuple(dilations)
        self.stride, self.width, self.relu = stride, width, relu
        self.reduce = nn.Conv2d(in_channels, out_channels - width, 1, bias=False)
        self.reduce_norm = nn.BatchNorm2d(out_channels - width)
        self.convs = nn.ModuleList(
            nn.Conv2d(
                width,
                width,
                (1, kernel_size),
                stride=(1, stride),
                padding=(0, dilation * (kernel_size // 2)),
                dilation=(1, dilation),
                bias=False,
            )
            for dilation in dilations
        )
        self.linear = nn.Conv2d(in_channels, width, 1, bias=False)
        self.norm = nn.BatchNorm2d(out_channels)
        self.norms_after = {"reduce_norm": ["reduce"]}
        convs = [f"convs.{number}" for number in range(len(self.convs))]
        self.norms_beside = {"norm": [*convs, None, "linear"]}
        self.residual: nn.Module | None = None
        if residual and in_channels == out_channels and stride == 1:
            self.residual = nn.Identity()
        elif residual:
            self.residual = nn.Sequential(
                nn.Conv2d(in_channels, out_channels, 1, bias=False), nn.BatchNorm2d(out_channels)
            )
            self.norms_after["residual.1"] = ["residual.0"]

    def reset_parameters(self) -> None:
        """Initialises all weights and norms anew, as PyTorch does."""
        for module in self.modules():
            if isinstance(module, (nn.Conv2d, nn.BatchNorm2d)):
                module.reset_parameters()

    def forward(self, x: Tensor, visible: Tensor | None = None) -> Tensor:
        """Convolves tracks over time, see the class.

        Args:
            x: The tracks.
            visible: ``[P, V, T]``, bool: the other places send nothing, do not count in norms, and
                become zero (before the residual); none: all are visible.
        """
        if x.dim() != 4 or x.size(-1) != self.in_channels:
            raise DataError(f"expected [P, V, T, {self.in_channels}], found {list(x.shape)}")
        # Frames are skipped before convolutions of width 1: the gradient of strided ones writes out
        # of bounds on two threads (torch 2.13, 8 channels), and this is no slower.
        skipped = x[:, :, :: self.stride].contiguous().permute(0, 3, 1, 2)
        x = x.contiguous().permute(0, 3, 1, 2)  # a view: this is the channels-last memory format
        reduced = _normed(self.reduce_norm, RELU, x, visible, self.reduce)
        h = reduced.chunk(len(self.convs) + 1, dim=1)
        branches = [conv(part) for conv, part in zip(self.convs, h[:-1], strict=True)]
        pooled = F.max_pool2d(h[-1], (1, 3), stride=(1, self.stride), padding=(0, 1))
        shown = None if visible is None else visible[:, :, :: self.stride]
        side_by_side = torch.cat([*branches, pooled, self.linear(skipped)], dim=1)
        out = _normed(self.norm, IDENTITY, side_by_side, shown)
        if self.residual is not None:
            out = out + self.residual(skipped)
        if self.relu:
            out = F.relu(out, inplace=True)
        return out.permute(0, 2, 3, 1).contiguous()

    def __repr__(self) -> str:
        return (
            f"{type(self).__name__}({self.in_channels}, {self.out_channels}, "
            f"kernel_size={self.kernel_size}, dilations={self.dilations}, stride={self.stride})"
        )


def _normed(
    norm: nn.Module,
    act: nn.Module,
    x: Tensor,
    visible: Tensor | None,
    linear: nn.Module | None = None,
) -> Tensor:
    """``act(norm(linear(x)))`` of ``[P, C, V, T]``, the norm by visible places ``[P, V, T]``"""
    if visible is None:
        return norm_act(norm, act, x, linear)
    x = x if linear is None else linear(x)
    last = visible_norm(norm, x.permute(0, 2, 3, 1), visible[..., None])
    out: Tensor = act(last.permute(0, 3, 1, 2))
    return out
