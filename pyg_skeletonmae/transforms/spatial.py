"""Where a clip lies and how large it is."""

from __future__ import annotations

from typing import Literal, get_args

import torch
from torch import Tensor
from torch_geometric.data import Data
from torch_geometric.data.datapipes import functional_transform

from pyg_skeletonmae.batch import as_tracks, on_device, readable, valid_joints
from pyg_skeletonmae.errors import check_choice
from pyg_skeletonmae.skeleton import Skeleton
from pyg_skeletonmae.transforms.base import (
    ClipMean,
    SkeletonTransform,
    first_tracks,
    for_nodes,
    leading,
    replace_leading,
)

CenterMode = Literal["first", "frame", "mean"]
ScaleBy = Literal["std", "bones"]


@functional_transform("center_root")
class CenterRoot(SkeletonTransform):
    """Moves every clip so that its centre is the origin; all persons move together.

    ``"first"`` is the centring of NTU RGB+D pipelines: the path of the person stays. Only joints
    that are present serve as a centre. Where the centre joint is missing in a frame, ``"frame"``
    uses its last position before that (at the start: its first); a clip in which it never appears
    is centred on its mean.

    Args:
        skeleton: The topology; its ``center_joint`` of the clip's first person is the centre.
        mode: ``"first"``: that joint in the first frame that shows it, for all frames;
            ``"frame"``: that joint frame by frame; ``"mean"``: the mean over all present joints,
            persons and frames.
        dims: How many leading channels are coordinates (further ones, say scores, stay).

    Shapes:
        - **input:** ``pos [N, T, C]``, any unit
        - **output:** ``pos [N, T, C]``, same unit

    Raises:
        ConfigError: The mode is unknown.
    """

    def __init__(self, skeleton: Skeleton, mode: CenterMode = "first", dims: int = 3) -> None:
        check_choice("CenterRoot mode", mode, get_args(CenterMode))
        self.skeleton, self.mode, self.dims = skeleton, mode, dims

    def forward(self, data: Data) -> Data:
        """Returns the clips centred."""
        pos: Tensor = data["pos"]
        xyz = leading(pos, self.dims)
        center = self._mean(data, xyz) if self.mode == "mean" else self._joint(data, xyz)
        data["pos"] = replace_leading(pos, xyz - for_nodes(data, center))
        return data

    def _mean(self, data: Data, xyz: Tensor) -> Tensor:
        return ClipMean(data, valid_joints(data))(xyz)

    def _joint(self, data: Data, xyz: Tensor) -> Tensor:
        """The centre of each clip, ``[B, 1 or T, dims]``."""
        joints, joint = self.skeleton.num_joints, self.skeleton.index(self.skeleton.center_joint)
        ptr = data.get("ptr")
        first = first_tracks(data) * joints if ptr is None else ptr[:-1]
        nodes = first + joint
        path, present = xyz[nodes], valid_joints(data)[nodes]
        visible, source = present.max(dim=1, keepdim=True)  # of equal ones the first
        if self.mode == "frame":
            frames = torch.arange(path.size(1), device=path.device)
            latest = torch.where(present, frames, -1).cummax(dim=1).values
            source = torch.where(latest < 0, source, latest)
        center = path.gather(1, source[..., None].expand(-1, -1, path.size(-1)))
        if readable(visible) and visible.numpy().all():
            return center
        return torch.where(visible[..., None], center, self._mean(data, xyz))

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.skeleton.name}, mode={self.mode!r})"


@functional_transform("scale_body")
class ScaleBody(SkeletonTransform):
    """Divides every clip by the size of its body, so that all people are about equally large.

    The persons of a clip share one size: the distance between them keeps its meaning. A clip
    without extent (no joint present, or all joints in one point) stays as it is.

    Args:
        skeleton: The topology, for the bones.
        by: ``"bones"``: the mean bone length over all present bones and frames, which no movement
            changes; ``"std"``: the standard deviation of all coordinates about their mean over
            present joints and frames, which also works where bones have no fixed length (2-D).
        dims: How many leading channels are coordinates (further ones, say scores, stay).

    Shapes:
        - **input:** ``pos [N, T, C]``, any unit
        - **output:** ``pos [N, T, C]``, in body sizes

    Raises:
        ConfigError: ``by`` is unknown.
    """

    def __init__(self, skeleton: Skeleton, by: ScaleBy = "bones", dims: int = 3) -> None:
        check_choice("ScaleBody by", by, get_args(ScaleBy))
        self.skeleton, self.by, self.dims = skeleton, by, dims

    def forward(self, data: Data) -> Data:
        """Returns the clips in body sizes."""
        pos: Tensor = data["pos"]
        xyz = leading(pos, self.dims)
        valid = valid_joints(data)
        if self.by == "bones":
            child, parent = on_device(self.skeleton.bone_index, pos.device)
            tracks = as_tracks(xyz, self.skeleton.num_joints)
            joints = as_tracks(valid, self.skeleton.num_joints)
            length = torch.zeros_like(tracks[..., :1])
            length[:, child] = (tracks[:, child] - tracks[:, parent]).norm(dim=-1, keepdim=True)
            present = torch.zeros_like(joints)
            present[:, child] = joints[:, child] & joints[:, parent]
            size = ClipMean(data, present.flatten(0, 1))(length.flatten(0, 1))
        else:
            mean = ClipMean(data, valid)
            offset = xyz - for_nodes(data, mean(xyz))
            size = mean(offset.square()).mean(dim=-1, keepdim=True).sqrt()
        size = torch.where(size > 0, size, 1.0)
        data["pos"] = replace_leading(pos, xyz / for_nodes(data, size))
        return data

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.skeleton.name}, by={self.by!r})"
