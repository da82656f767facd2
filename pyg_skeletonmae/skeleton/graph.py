"""Graph work behind :class:`~pyg_skeletonmae.Skeleton`: distances, chains, subtrees."""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import ParamSpec, TypeVar

import numpy as np
import torch
from torch import Tensor

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


def subtree(
    joints: Sequence[str], parent_of: Mapping[str, str]
) -> tuple[str, list[tuple[str, str]]]:
    """The root and the ``(child, parent)`` bones of a tree with some of its joints only.

    Each joint hangs from its nearest ancestor among ``joints``; one without hangs from the new
    root, the first of those nearest to the old one.

    Args:
        joints: The joints that stay, in their order.
        parent_of: The parent of every joint of the tree, but for the root's.
    """
    ancestors: dict[str, list[str]] = {joint: [] for joint in joints}
    for joint, above in ancestors.items():
        while joint in parent_of:
            joint = parent_of[joint]
            above.append(joint)
    root = min(joints, key=lambda joint: len(ancestors[joint]))
    bones = [
        (joint, next((parent for parent in ancestors[joint] if parent in ancestors), root))
        for joint in joints
        if joint != root
    ]
    return root, bones
