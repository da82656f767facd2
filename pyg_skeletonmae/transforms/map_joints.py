"""Clips of one skeleton as clips of another."""

from __future__ import annotations

from torch import Tensor
from torch_geometric.data import Data
from torch_geometric.data.datapipes import functional_transform

from pyg_skeletonmae.batch import as_tracks, on_device, tracks_edge_index, valid_joints
from pyg_skeletonmae.errors import SkeletonError
from pyg_skeletonmae.skeleton import Skeleton
from pyg_skeletonmae.transforms.base import SkeletonTransform, add_field, refuse_masks
from pyg_skeletonmae.transforms.tracks import cut_into_clips


@functional_transform("map_joints")
class MapJoints(SkeletonTransform):
    """Gives clips the joints of another skeleton, matched by name.

    Joints that the clips do not have are missing (``valid`` False, coordinates zero), joints that
    the other skeleton does not have are dropped. See
    :meth:`~pyg_skeletonmae.skeleton.Skeleton.map_to`.

    Args:
        source: The skeleton of the clips.
        target: The skeleton they get.

    Shapes:
        - **input:** ``pos [P * V, T, C]``
        - **output:** ``pos [P * V', T, C]``

    Raises:
        SkeletonError: The two have no joint in common.
    """

    def __init__(self, source: Skeleton, target: Skeleton) -> None:
        self.source, self.target = source, target
        self.index = source.map_to(target)
        if not bool((self.index >= 0).any()):
            raise SkeletonError(f"{source.name} and {target.name} have no common joint")

    def forward(self, data: Data) -> Data:
        """Returns the clips with the other joints."""
        refuse_masks(data, self)
        pos: Tensor = data["pos"]
        index = on_device(self.index, pos.device)
        absent = (index < 0)[:, None]
        valid = as_tracks(valid_joints(data), self.source.num_joints)[:, index] & ~absent
        tracks = as_tracks(pos, self.source.num_joints)[:, index]
        data["pos"] = tracks.masked_fill(absent[..., None], 0.0).flatten(0, 1)
        add_field(data, "valid", valid.flatten(0, 1), like="pos")
        data["edge_index"] = on_device(tracks_edge_index(self.target, len(tracks)), pos.device)
        if data.get("batch") is not None:
            edges = self.target.edge_index.size(1)
            cut_into_clips(data, data["num_tracks"], self.target.num_joints, edges)
        return data

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.source.name}, {self.target.name})"
