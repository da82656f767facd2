"""SLEAP: the analysis HDF5 file, as SLEAP and sleap-io export it.

Needs h5py (``pip install 'pyg_skeletonmae[poses]'``), which is imported on first use.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from pyg_skeletonmae.errors import SkeletonError
from pyg_skeletonmae.files.names import nfc
from pyg_skeletonmae.io.hdf5_file import Hdf5File
from pyg_skeletonmae.io.npz import Array
from pyg_skeletonmae.io.poses import AS_IS, PoseOptions, PoseTracks, finish_tracks
from pyg_skeletonmae.skeleton import Skeleton
from pyg_skeletonmae.skeleton.checks import MAX_JOINTS
from pyg_skeletonmae.skeleton.layouts import get_layout

_ORDER = ("track", "frame", "node", "xy")
_SLEAP = ("track", "xy", "node", "frame")
_PLAIN = ("frame", "node", "xy", "track")


def read_sleap(
    path: str | Path,
    layout: str | Path | Skeleton | None = None,
    options: PoseOptions = AS_IS,
) -> PoseTracks:
    """Reads a SLEAP analysis file.

    Read are the datasets ``tracks``, ``node_names`` and, if they are there, ``point_scores`` and
    ``edge_inds``. The order of the axes is what the attribute ``dims`` says, else the one of SLEAP,
    ``(tracks, 2, nodes, frames)``, or if only that fits, ``(frames, nodes, 2, tracks)``.

    Args:
        path: The file.
        layout: The skeleton. Its joints are found by the names of the nodes (or its aliases for
            them); nodes that it does not have are left out. None = the nodes of the file and its
            edges (source = parent), which must form a tree; it is called ``sleap``.
        options: What to do with scores and pixels.

    Returns:
        ``pos [M, T, V, 2]`` in pixels. A node placed by hand has no score: it counts as 1.

    Raises:
        SkeletonFormatError: The file is missing, damaged, or is not as above.
        ConfigError: h5py is not installed.
    """
    with Hdf5File(path) as file:
        nodes = file.texts("node_names", MAX_JOINTS)
        skeleton = _file_skeleton(file, nodes) if layout is None else get_layout(layout)
        index = _node_index(file, nodes, skeleton)
        axes = _axes(file, "tracks", (_SLEAP, _PLAIN), len(nodes))
        tracks = _in_order(file.floats("tracks", 4), axes)
        score = None
        if "point_scores" in file:
            three = tuple(axis for axis in axes if axis != "xy")
            axes = _axes(file, "point_scores", (three,), len(nodes))
            score = _in_order(file.floats("point_scores", 3), axes)
            if score.shape != tracks.shape[:3]:
                expected = f"scores of {list(tracks.shape[:3])} (tracks, frames, nodes)"
                file.fail("point_scores", expected, f"{list(score.shape)}")
            score = np.where(np.isnan(score), np.float32(1), score)[:, :, index]
    pos = np.ascontiguousarray(tracks[:, :, index])
    return finish_tracks(file.path, pos, score, skeleton, options)


def _axes(
    file: Hdf5File, key: str, orders: Sequence[tuple[str, ...]], nodes: int
) -> tuple[str, ...]:
    """The names of the axes of a dataset."""
    shape = file.shape(key)
    if (text := file.attribute(key, "dims")) is not None:
        try:
            orders = [tuple(json.loads(text))]
        except (ValueError, TypeError, RecursionError):
            file.fail(f"{key}, attribute 'dims'", "a JSON list", f"{text!r:.60}")
        if set(map(str, orders[0])) != set(_ORDER[: len(shape)]):
            file.fail(f"{key}, attribute 'dims'", f"{', '.join(_ORDER)}", f"{text!r:.60}")
    for order in orders:
        size = dict(zip(order, shape, strict=False))
        if size.get("node") == nodes and size.get("xy", 2) == 2 and len(order) == len(shape):
            break
    else:
        expected = f"an axis of {nodes} nodes" + (" and one of 2" if "xy" in orders[0] else "")
        file.fail(key, f"{expected} as in {' or '.join(map(str, orders))}", f"shape {list(shape)}")
    if 0 in shape:
        file.fail(key, "a track and a frame", f"shape {list(shape)}")
    return order


def _in_order(values: Array, axes: tuple[str, ...]) -> Array:
    return values.transpose([axes.index(axis) for axis in _ORDER[: len(axes)]])


def _file_skeleton(file: Hdf5File, nodes: list[str]) -> Skeleton:
    """The skeleton of the nodes and edges in the file."""
    hint = "edges that form a tree (or give a layout)"
    if "edge_inds" not in file:
        file.fail("the file", f"'edge_inds', {hint}", "none")
    edges = file.integers("edge_inds", 2)
    if edges.shape[1] != 2:
        edges = edges.T
    if edges.shape != (len(nodes) - 1, 2) or not ((edges >= 0) & (edges < len(nodes))).all():
        found = f"shape {list(edges.shape)} for {len(nodes)} nodes"
        file.fail("edge_inds", f"{len(nodes) - 1} pairs of node numbers, {hint}", found)
    parents = [-1] * len(nodes)
    for parent, child in edges.tolist():
        if parents[child] >= 0:
            file.fail("edge_inds", hint, f"two edges to {nodes[child]!r:.60}")
        parents[child] = parent
    try:
        return Skeleton.from_parents("sleap", nodes, parents)
    except SkeletonError as error:
        file.fail("edge_inds", hint, str(error))


def _node_index(file: Hdf5File, nodes: list[str], skeleton: Skeleton) -> Array:
    nodes = [nfc(node) for node in nodes]
    place = {skeleton.aliases.get(node, node): i for i, node in enumerate(nodes)}
    if len(place) < len(nodes):
        file.fail("node_names", "each node once", f"{', '.join(nodes):.200}")
    if missing := [joint for joint in skeleton.joints if joint not in place]:
        file.fail("node_names", f"the node {missing[0]!r}", f"only {', '.join(nodes):.200}")
    return np.array([place[joint] for joint in skeleton.joints])
