"""The normalisation of detected poses, from pixels to about -1 to 1."""

from __future__ import annotations

import torch
from torch import Tensor
from torch_geometric.data import Data
from torch_geometric.data.datapipes import functional_transform

from pyg_skeletonmae.batch import clip_of_node, num_clips, on_device, valid_joints
from pyg_skeletonmae.errors import ConfigError, DataError
from pyg_skeletonmae.transforms.base import SkeletonTransform, add_field


@functional_transform("pre_normalize_2d")
class PreNormalize2D(SkeletonTransform):
    r"""Brings pixels into -1 to 1, by the size of the image or by the box around the people.

    The ``PreNormalize2D`` of `pyskl <https://arxiv.org/abs/2205.09443>`_:

    .. math::
        x' = \frac{x - w / 2}{w / 2}, \qquad y' = \frac{y - h / 2}{h / 2}

    or, with ``image_size=None``, the box around all present joints of a clip (its mode ``auto``);
    boxes of at most 10 pixels in width or height are left as they are. Joints whose score is not
    above ``threshold`` are missing afterwards, and zero: the middle of the image.

    Args:
        image_size: Width and height in pixels; None = the box around each clip.
        threshold: The score that a joint needs to count as seen.

    Shapes:
        - **input:** ``pos [N, T, C]``, x and y in pixels and, if C >= 3, the score
        - **output:** ``pos [N, T, C]``, ``valid [N, T]``

    Raises:
        ConfigError: A number is out of range.
        DataError: On use: the clips have fewer than two channels.
    """

    def __init__(
        self, image_size: tuple[int, int] | None = (1920, 1080), threshold: float = 0.01
    ) -> None:
        if image_size is not None and (len(image_size) != 2 or min(image_size) < 1):
            raise ConfigError(f"image_size {image_size!r}: expected width and height, 1 or more")
        if not 0.0 <= threshold < 1.0:
            raise ConfigError(f"threshold {threshold}: expected a score from 0 up to, but below, 1")
        self.image_size, self.threshold = image_size, threshold

    def forward(self, data: Data) -> Data:
        """Returns the clips in units of the image or box."""
        pos: Tensor = data["pos"]
        if pos.size(-1) < 2:
            raise DataError(f"{self} needs two coordinates, these clips have {pos.size(-1)}")
        present = valid_joints(data)
        if pos.size(-1) > 2:
            present = present & (pos[..., 2] > self.threshold)
        middle, half = self._box(data, pos[..., :2], present)
        xy = ((pos[..., :2] - middle) / half).masked_fill(~present[..., None], 0.0)
        add_field(data, "valid", present, like="pos")
        data["pos"] = torch.cat([xy, pos[..., 2:]], dim=-1)
        return data

    def _box(self, data: Data, xy: Tensor, present: Tensor) -> tuple[Tensor, Tensor]:
        """Middle and half the size of what becomes -1 to 1, ``[2]`` or ``[N, 1, 2]``."""
        if self.image_size is not None:
            half = on_device(torch.tensor(self.image_size, dtype=xy.dtype), xy.device) / 2
            return half, half
        ends = []
        for reduce, empty in (("amin", torch.inf), ("amax", -torch.inf)):
            node = xy.masked_fill(~present[..., None], empty)
            node = node.amin(dim=1) if reduce == "amin" else node.amax(dim=1)
            clip = clip_of_node(data)[:, None].expand_as(node)
            start = node.new_full((num_clips(data), 2), empty)
            ends.append(start.scatter_reduce(0, clip, node, reduce))
        low, high = ends
        large = (high - low > 10).all(dim=1, keepdim=True)
        middle = torch.where(large, (high + low) / 2, 0.0)[clip_of_node(data), None]
        half = torch.where(large, (high - low) / 2, 1.0)[clip_of_node(data), None]
        return middle, half

    def __repr__(self) -> str:
        name = type(self).__name__
        return f"{name}(image_size={self.image_size}, threshold={self.threshold})"
