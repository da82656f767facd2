"""Other views of the same clip: bones and motion instead of positions."""

from __future__ import annotations

import torch
from torch import Tensor
from torch_geometric.data import Data
from torch_geometric.transforms import BaseTransform

from pyg_skeletonmae.batch import as_tracks, valid_joints
from pyg_skeletonmae.skeleton import Skeleton
from pyg_skeletonmae.transforms.base import add_field, replace_leading


class ToBones(BaseTransform):
    r"""Replaces every joint by the vector from its parent to it: the bone stream.

    From `"Two-Stream Adaptive Graph Convolutional Networks for Skeleton-Based Action Recognition"
    <https://arxiv.org/abs/1805.07694>`_.

    .. math::
        \mathbf{b}_v = \mathbf{x}_v - \mathbf{x}_{\text{parent}(v)}, \qquad
        \mathbf{b}_{\text{root}} = \mathbf{0}

    A bone is present where both of its joints are; the root's where the root is. Bones that are not
    present are zero.

    Args:
        skeleton: The topology.
        dims: How many leading channels are coordinates (further ones, say scores, stay).

    Shapes:
        - **input:** ``pos [N, T, C]``
        - **output:** ``pos [N, T, C]``
    """

    def __init__(self, skeleton: Skeleton, dims: int = 3) -> None:
        self.skeleton, self.dims = skeleton, dims

    def forward(self, data: Data) -> Data:
        """Returns the clips as bones."""
        pos: Tensor = data["pos"]
        child, parent = self.skeleton.bone_index.to(pos.device)
        tracks = as_tracks(pos[..., : self.dims], self.skeleton.num_joints)
        valid = as_tracks(valid_joints(data), self.skeleton.num_joints)
        present = valid.clone()
        present[:, child] = valid[:, child] & valid[:, parent]
        bones = torch.zeros_like(tracks)
        bones[:, child] = tracks[:, child] - tracks[:, parent]
        bones = bones.masked_fill_(~present[..., None], 0.0)
        add_field(data, "valid", present.flatten(0, 1), like="pos")
        data["pos"] = replace_leading(pos, bones.flatten(0, 1))
        return data

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.skeleton.name})"


class ToMotion(BaseTransform):
    r"""Replaces every frame by what changes until the next one, the motion stream.

    .. math::
        \mathbf{m}_t = \mathbf{x}_{t+1} - \mathbf{x}_t, \qquad \mathbf{m}_{T-1} = \mathbf{0}

    A motion is present where the joint is in both frames; in the last frame, where it is in that
    one. Motions that are not present are zero.

    Args:
        dims: How many leading channels are coordinates (further ones, say scores, stay).

    Shapes:
        - **input:** ``pos [N, T, C]``
        - **output:** ``pos [N, T, C]``, per frame
    """

    def __init__(self, dims: int = 3) -> None:
        self.dims = dims

    def forward(self, data: Data) -> Data:
        """Returns the clips as motion."""
        pos: Tensor = data["pos"]
        xyz, present = pos[..., : self.dims], valid_joints(data).clone()
        present[:, :-1] &= present[:, 1:]
        motion = torch.zeros_like(xyz)
        motion[:, :-1] = xyz[:, 1:] - xyz[:, :-1]
        motion = motion.masked_fill_(~present[..., None], 0.0)
        add_field(data, "valid", present, like="pos")
        data["pos"] = replace_leading(pos, motion)
        return data

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"
