"""What counts as missing: the public codes know zeros alone, and take them for joints."""

from __future__ import annotations

import torch
from torch import Tensor
from torch_geometric.data import Data
from torch_geometric.data.datapipes import functional_transform

from pyg_skeletonmae.batch import clip_of_node, num_clips, valid_joints
from pyg_skeletonmae.errors import ConfigError
from pyg_skeletonmae.transforms.base import SkeletonTransform, add_field, refuse_masks
from pyg_skeletonmae.transforms.temporal import follow_plan
from pyg_skeletonmae.transforms.timeplan import Window, window_plan


@functional_transform("zeros_missing")
class ZerosMissing(SkeletonTransform):
    """Counts a joint as missing where all of its coordinates are zero, as pyskl does.

    Shapes:
        - **input:** ``pos [N, T, C]``
        - **output:** ``pos [N, T, C]``, ``valid [N, T]``
    """

    def forward(self, data: Data) -> Data:
        """Returns the clips with fewer joints."""
        present = valid_joints(data) & (data["pos"] != 0).any(dim=-1)
        add_field(data, "valid", present, like="pos")
        return data


@functional_transform("scores_missing")
class ScoresMissing(SkeletonTransform):
    """Counts a joint as missing, and puts it at zero, unless its score is above a threshold.

    The last step of pyskl's ``PreNormalize2D``, for poses that are normalised already.

    Args:
        threshold: The score that a joint needs to count as seen.

    Shapes:
        - **input:** ``pos [N, T, C]``, x, y and, if C >= 3, the score
        - **output:** ``pos [N, T, C]``, ``valid [N, T]``

    Raises:
        ConfigError: The threshold is no score.
    """

    def __init__(self, threshold: float = 0.01) -> None:
        if not 0.0 <= threshold < 1.0:
            raise ConfigError(f"threshold {threshold}: expected a score from 0 up to, but below, 1")
        self.threshold = threshold

    def forward(self, data: Data) -> Data:
        """Returns the clips with fewer joints."""
        pos: Tensor = data["pos"]
        if pos.size(-1) > 2:
            present = valid_joints(data) & (pos[..., 2] > self.threshold)
            data["pos"] = torch.cat(
                [pos[..., :2].masked_fill(~present[..., None], 0.0), pos[..., 2:]], dim=-1
            )
            add_field(data, "valid", present, like="pos")
        return data

    def __repr__(self) -> str:
        return f"{type(self).__name__}(threshold={self.threshold})"


@functional_transform("fill_missing")
class FillMissing(SkeletonTransform):
    """Counts every missing joint as one that is there, where the clip happens to have it.

    Stores hold zeros for what is missing, so these are joints at the origin; between a frame that
    has a joint and one that lacks it, resampling finds it half way. That is what the public codes
    feed their models; ours are better off without.

    Shapes:
        - **input:** ``pos [N, T, C]``
        - **output:** ``pos [N, T, C]``, ``valid [N, T]``, all True
    """

    def forward(self, data: Data) -> Data:
        """Returns the clips with all joints present."""
        add_field(data, "valid", torch.ones_like(valid_joints(data)), like="pos")
        return data


@functional_transform("cut_empty")
class CutEmpty(SkeletonTransform):
    """Cuts every clip to as many frames as show somebody, counted from its first frame on.

    The feeders of CTR-GCN and MAMP take the number of frames that are not zero for the length of a
    clip. Where empty frames lie inside, its last frames are lost, and the empty ones stay. A clip
    that shows nobody stays as it is.

    Shapes:
        - **input:** ``pos [N, T, C]``, ``valid [N, T]``
        - **output:** ``pos [N, T', C]``, ``valid [N, T']`` with T' <= T

    Raises:
        DataError: On use: a mask was drawn before, or clips of one batch come out with different
            lengths.
    """

    def forward(self, data: Data) -> Data:
        """Returns the clips cut."""
        refuse_masks(data, self)
        seen = valid_joints(data)
        frames = torch.zeros(num_clips(data), seen.size(1), dtype=torch.long, device=seen.device)
        length = frames.index_add_(0, clip_of_node(data), seen.long()).bool().sum(dim=1)
        length = torch.where(length > 0, length, seen.size(1))
        return follow_plan(data, window_plan(Window(torch.zeros_like(length), length)))
