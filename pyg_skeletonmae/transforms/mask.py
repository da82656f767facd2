"""Draws what a model must reconstruct, and writes it into the clip."""

from __future__ import annotations

import torch
from torch_geometric.data import Data
from torch_geometric.data.datapipes import functional_transform

from pyg_skeletonmae.batch import count_tracks, pos_tracks, valid_joints
from pyg_skeletonmae.draws import Draws
from pyg_skeletonmae.errors import DataError
from pyg_skeletonmae.skeleton import Skeleton
from pyg_skeletonmae.transforms.base import RandomTransform, add_field
from pyg_skeletonmae.transforms.masking import MaskPolicy, draw_edge_mask, hidden_bones


@functional_transform("mask_joints")
class MaskJoints(RandomTransform):
    """Writes ``joint_mask`` by a masking policy, with draws of its own for every track.

    Joints that are missing are never masked: they have no target.

    Args:
        policy: Which joints of which frames to mask, say
            :class:`~pyg_skeletonmae.transforms.RandomMask` or
            :class:`~pyg_skeletonmae.transforms.PartMask`.
        skeleton: The topology.
        generator: See :class:`~pyg_skeletonmae.transforms.base.RandomTransform`.

    Shapes:
        - **input:** ``pos [N, T, C]``
        - **output:** ``joint_mask [N, T]``, bool, True = masked
    """

    def __init__(
        self, policy: MaskPolicy, skeleton: Skeleton, generator: torch.Generator | None = None
    ) -> None:
        super().__init__(generator)
        self.policy, self.skeleton = policy, skeleton

    def _apply(self, data: Data, draws: Draws) -> Data:
        tracks = pos_tracks(data, self.skeleton.num_joints)
        mask = self.policy(tracks, self.skeleton, draws.split(data["num_tracks"], len(tracks)))
        add_field(data, "joint_mask", mask.flatten(0, 1) & valid_joints(data), like="pos")
        return data

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.policy}, {self.skeleton.name})"


@functional_transform("mask_edges")
class MaskEdges(RandomTransform):
    """Writes ``edge_mask``: bones hidden from message passing, both directions together.

    Every track loses the same number of its bones (extra edges of the skeleton count as bones),
    drawn for each track, see :func:`~pyg_skeletonmae.transforms.masking.draw_edge_mask`.

    Args:
        ratio: The share of bones to mask, in [0, 1); at least one stays.
        skeleton: The topology.
        generator: See :class:`~pyg_skeletonmae.transforms.base.RandomTransform`.

    Shapes:
        - **input:** ``edge_index [2, E]``
        - **output:** ``edge_mask [E]``, bool, True = masked

    Raises:
        ConfigError: The ratio is out of range.
        DataError: On use: the edges of the clip are not those of the skeleton.
    """

    def __init__(
        self, ratio: float, skeleton: Skeleton, generator: torch.Generator | None = None
    ) -> None:
        super().__init__(generator)
        hidden_bones(skeleton.edge_index.size(1) // 2, ratio)
        self.ratio, self.skeleton = ratio, skeleton

    def _apply(self, data: Data, draws: Draws) -> Data:
        tracks = count_tracks(data)
        edges = self.skeleton.edge_index.size(1) * tracks
        if data["edge_index"].size(1) != edges:
            raise DataError(f"{self}: expected {edges} edges, found {data['edge_index'].size(1)}")
        mask = draw_edge_mask(self.skeleton, self.ratio, draws.split(data["num_tracks"], tracks))
        add_field(data, "edge_mask", mask, like="edge_index")
        return data

    def __repr__(self) -> str:
        return f"{type(self).__name__}(ratio={self.ratio}, {self.skeleton.name})"
