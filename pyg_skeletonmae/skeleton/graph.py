"""Graph work behind :class:`~pyg_skeletonmae.Skeleton`: distances, chains, sub-trees."""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

import numpy as np
import torch
from torch import Tensor

if TYPE_CHECKING:
    from pyg_skeletonmae.skeleton.skeleton import Skeleton

P = ParamSpec("P")
T = TypeVar("T")


def on_cpu(function: Callable[P, T]) -> Callable[P, T]:
    """Makes the tensors of a function on the CPU, whatever device models are being made on."""

    @functools.wraps(function)
    def call(*args: P.args, **kwargs: P.kwargs) -> T:
        with torch.device("cpu"):
            return function(*args, **kwargs)

    return call


def distances(edge_index: Tensor, num_nodes: int) -> Tensor:
    """The number of edges between each two nodes of a connected graph, ``[V, V]``, long."""
    from scipy.sparse import csr_array  # Slow to import: only where used.
    from scipy.sparse.csgraph import shortest_path

    rows, columns = edge_index.numpy()
    graph = csr_array((np.ones(len(rows)), (rows, columns)), (num_nodes, num_nodes))
    return torch.from_numpy(shortest_path(graph, unweighted=True)).long()


def chains(joints: Sequence[str], parent_of: Mapping[str, str]) -> dict[str, tuple[str, ...]]:
    """A tree cut below each joint where it branches: the chains, each by its uppermost joint.

    A joint branches if three bones or more meet there. It belongs to the chain above it, and a new
    chain begins with each joint below it; so chains are connected, and each joint is in one.

    Args:
        joints: All joints; chains, and the joints of each, are in this order.
        parent_of: Each joint's parent, but for the root's.
    """
    bones = Counter(end for bone in parent_of.items() for end in bone)
    members: dict[str, list[str]] = {}
    for joint in joints:
        top = joint
        while top in parent_of and bones[parent_of[top]] < 3:
            top = parent_of[top]
        members.setdefault(top, []).append(joint)
    return {top: tuple(members[top]) for top in joints if top in members}


def subset_fields(skeleton: Skeleton, kept: set[str], name: str) -> dict[str, Any]:
    """The fields of the sub-skeleton ``kept``: bones lead to the nearest kept ancestor."""
    order = [joint for joint in skeleton.joints if joint in kept]
    parent_of = dict(skeleton.bones)
    above = {joint: _ancestors(joint, parent_of) for joint in order}
    root = min(order, key=lambda joint: len(above[joint]))
    bones = [
        (joint, next((parent for parent in above[joint] if parent in kept), root))
        for joint in order
        if joint != root
    ]
    joined = {frozenset(bone) for bone in bones}
    parts = {part: [j for j in joints if j in kept] for part, joints in skeleton.parts.items()}
    return {
        "name": name,
        "joints": order,
        "bones": bones,
        "root": root,
        "left_right": [pair for pair in skeleton.left_right if kept.issuperset(pair)],
        "parts": {part: joints for part, joints in parts.items() if joints},
        "center": skeleton.center if skeleton.center in kept else None,
        "extra_edges": [
            pair
            for pair in skeleton.extra_edges
            if kept.issuperset(pair) and frozenset(pair) not in joined
        ],
        "aliases": {alias: joint for alias, joint in skeleton.aliases.items() if joint in kept},
    }


def _ancestors(joint: str, parent_of: Mapping[str, str]) -> list[str]:
    """The joints from the parent of a joint up to the root."""
    path = []
    while joint in parent_of:
        joint = parent_of[joint]
        path.append(joint)
    return path
