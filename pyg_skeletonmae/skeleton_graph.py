"""Graph work behind :class:`~pyg_skeletonmae.skeleton.Skeleton`: distances and sub-trees."""

from __future__ import annotations

import functools
from collections import deque
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

import torch
from torch import Tensor

if TYPE_CHECKING:
    from pyg_skeletonmae.skeleton import Skeleton

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
    neighbours: list[list[int]] = [[] for _ in range(num_nodes)]
    for a, b in edge_index.t().tolist():
        neighbours[a].append(b)
    return torch.tensor([_distances_from(start, neighbours) for start in range(num_nodes)])


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


def _distances_from(start: int, neighbours: list[list[int]]) -> list[int]:
    distance = [-1] * len(neighbours)
    distance[start] = 0
    queue = deque([start])
    while queue:
        here = queue.popleft()
        for node in neighbours[here]:
            if distance[node] < 0:
                distance[node] = distance[here] + 1
                queue.append(node)
    return distance


def _ancestors(joint: str, parent_of: Mapping[str, str]) -> list[str]:
    """The joints from the parent of a joint up to the root."""
    path = []
    while joint in parent_of:
        joint = parent_of[joint]
        path.append(joint)
    return path
