"""What the transforms share: per-clip draws, per-clip sums, and fields a batch can give back."""

from __future__ import annotations

from abc import abstractmethod

import torch
from torch import Tensor
from torch_geometric.data import Data
from torch_geometric.transforms import BaseTransform

from pyg_skeletonmae.batch import all_present, clip_draws, clip_of_node, num_clips
from pyg_skeletonmae.configurable.arguments import CheckedMeta
from pyg_skeletonmae.draws import Draws
from pyg_skeletonmae.errors import DataError


class SkeletonTransform(BaseTransform, metaclass=CheckedMeta):
    """Base of the transforms: PyG's, with arguments that are looked at when one is built."""


class RandomTransform(SkeletonTransform):
    """Base of the transforms that draw: every clip gets draws of its own, never the batch as one.

    Draws come from the clip's ``key`` where it carries one (clips of our data sets do), and the key
    moves on, so that the next transform draws afresh and ``Data`` and ``Batch`` agree.

    Args:
        generator: Where the draws of clips without a key come from; default: PyTorch's global one.
    """

    def __init__(self, generator: torch.Generator | None = None) -> None:
        self.generator = generator

    def forward(self, data: Data) -> Data:
        """Draws for each clip, changes it and moves its key on."""
        draws = clip_draws(data, self.generator)
        data = self._apply(data, draws)
        if data.get("key") is not None:
            data["key"] = draws.fork()
        return data

    @abstractmethod
    def _apply(self, data: Data, draws: Draws) -> Data:
        """Changes ``data``, which is a shallow copy already, with one row of draws per clip."""


class ClipMean:
    """Means over what is present in each clip, ``[B, 1, C]``, zero where nothing is.

    Nodes are summed over time on their own and added up in double precision, so that the order of
    summation, which differs between a clip and a batch, does not show in the result.

    Args:
        data: The clip or batch.
        present: Which values of its nodes count, ``[N, T]``, bool.
    """

    def __init__(self, data: Data, present: Tensor) -> None:
        self.data = data
        self.absent: Tensor | None = None
        self.count: Tensor | int = max(present.numel(), 1)
        if data.get("batch") is not None or not all_present(present):
            there = present[..., None]
            count = clip_sum(data, there.sum(dim=1, keepdim=True, dtype=torch.double))
            self.absent, self.count = ~there, count.clamp(min=1.0)

    def __call__(self, x: Tensor) -> Tensor:
        """The means of values of nodes, ``[N, T, C]``."""
        if self.absent is None:
            total = x.sum(dim=1, keepdim=True).double().sum(dim=0, keepdim=True)
        else:
            sums = x.masked_fill(self.absent, 0.0).sum(dim=1, keepdim=True)
            total = clip_sum(self.data, sums.double())
        return (total / self.count).to(x.dtype)


def clip_sum(data: Data, x: Tensor) -> Tensor:
    """Sums node values ``[N, ...]`` over the nodes of each clip, ``[B, ...]``."""
    out = x.new_zeros(num_clips(data), *x.shape[1:])
    return out.index_add_(0, clip_of_node(data), x)


def for_nodes(data: Data, x: Tensor) -> Tensor:
    """Values of clips ``[B, ...]`` for their nodes: ``[N, ...]``, of a single clip ``[1, ...]``."""
    batch: Tensor | None = data.get("batch")
    return x if batch is None else x[batch]


def first_tracks(data: Data) -> Tensor:
    """The number of the first track of each clip, ``[B]``, long."""
    tracks: Tensor = data["num_tracks"]
    return torch.cumsum(tracks, 0) - tracks


def leading(x: Tensor, channels: int) -> Tensor:
    """The first channels of ``x``."""
    return x if x.size(-1) <= channels else x[..., :channels]


def replace_leading(x: Tensor, leading: Tensor) -> Tensor:
    """``x`` with its first channels exchanged for ``leading``; further channels stay."""
    if leading.size(-1) == x.size(-1):
        return leading
    return torch.cat([leading, x[..., leading.size(-1) :]], dim=-1)


def require_3d(data: Data, transform: object) -> None:
    """Raises :class:`DataError` where a transform of space meets planar clips."""
    channels = data["pos"].size(-1)
    if channels < 3:
        raise DataError(f"{transform} needs three coordinates, these clips have {channels}")


def refuse_masks(data: Data, transform: object) -> None:
    """Raises :class:`DataError` where a mask was drawn before the clip was changed under it."""
    for name in ("joint_mask", "edge_mask"):
        if data.get(name) is not None:
            raise DataError(f"{transform} does not carry {name}: draw masks as the last step")


def add_field(data: Data, name: str, value: Tensor, like: str) -> None:
    """Sets a field that a batch cuts into clips as it cuts the field ``like``.

    PyG's ``Batch.get_example`` returns only the fields that its slice table knows; a plain
    assignment would be lost there.
    """
    data[name] = value
    slices = getattr(data, "_slice_dict", None)
    if slices is not None:
        none = torch.zeros(num_clips(data), dtype=torch.long)
        data._slice_dict = {**slices, name: slices[like]}
        data._inc_dict = {**data._inc_dict, name: none}
