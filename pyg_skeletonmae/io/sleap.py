"""SLEAP: the analysis HDF5 file, as SLEAP and sleap-io export it.

Needs h5py (``pip install 'pyg_skeletonmae[poses]'``), which is imported on first use.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from pyg_skeletonmae.errors import SkeletonError
from pyg_skeletonmae.io.hdf5_file import Hdf5File
from pyg_skeletonmae.io.joint_names import joint_index
from pyg_skeletonmae.io.npz import Array
from pyg_skeletonmae.io.poses import AS_IS, PoseOptions, PoseTracks, finish_tracks
from pyg_skeletonmae.skeleton import Skeleton
from pyg_skeletonmae.skeleton.checks import MAX_JOINTS
from pyg_skeletonmae.skeleton.layouts import get_layout

_ORDER = ("track", "frame", "node", "xy")
_SLEAP = ("track", "xy", "node", "frame")
_PLAIN = ("frame", "node", "xy", "track")
_STANDARD = ("frame", "track", "node", "xy")  # sleap-io's preset of this name
_EXPORT = "an analysis file ('Export Analysis HDF5' in SLEAP, or sleap_io.save_analysis_h5)"


def read_sleap(
    path: str | Path,
    layout: str | Path | Skeleton | None = None,
    options: PoseOptions = AS_IS,
) -> PoseTracks:
    """Reads a SLEAP analysis file.

    Read are the datasets ``tracks``, ``node_names`` and, if they are there, ``point_scores`` and
    ``edge_inds``. The order of the axes is what the attribute ``dims`` says if that is a text of
    fixed length. Otherwise (as sleap-io writes it) it is the order that fits the numbers of nodes
    and of ``track_names``: ``(tracks, 2, nodes, frames)``, ``(frames, nodes, 2, tracks)`` or
    ``(frames, tracks, nodes, 2)``; without ``dims`` the first of those that fit.

    Args:
        path: The file.
        layout: The skeleton. Its joints are found by the names of the nodes (or its aliases for
            them); nodes that it does not have are left out. None = the nodes of the file and its
            edges (source = parent); it is called ``sleap``. Edges that form no tree are made one,
            which is noted: our choice is to follow them both ways from the first node that is no
            destination, to leave out what closes a circle, and to join what is apart to that node.
        options: What to do with scores and pixels.

    Returns:
        ``pos [M, T, V, 2]`` in pixels. A node placed by hand has no score: it counts as 1.

    Raises:
        SkeletonFormatError: The file is missing, damaged, or is not as above: a project (``.slp``),
            for example, or a table of DeepLabCut.
        ConfigError: h5py is not installed.
    """
    with Hdf5File(path) as file:
        if "tracks" not in file and ("instances" in file or Path(path).suffix.lower() == ".slp"):
            file.fail("the file", _EXPORT, "a project of SLEAP")
        if "tracks" not in file and "df_with_missing" in file:
            file.fail("the file", _EXPORT, "a table of DeepLabCut: read the CSV file beside it")
        nodes = file.texts("node_names", MAX_JOINTS)
        notes: list[str] = []
        if layout is None:
            skeleton, notes = _file_skeleton(file, nodes)
        else:
            skeleton = get_layout(layout)
        index = joint_index(file.path, "node_names", nodes, skeleton)
        axes = _axes(file, "tracks", (_SLEAP, _PLAIN, _STANDARD), len(nodes))
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
    return finish_tracks(file.path, pos, score, skeleton, options, notes=notes)


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
    size = {"node": nodes, "xy": 2}
    if text is None and "track_names" in file and 0 not in file.shape("track_names"):
        size["track"] = file.shape("track_names")[0]
    fits = [
        order
        for order in orders
        if len(order) == len(shape)
        and all(size.get(axis, n) == n for axis, n in zip(order, shape, strict=True))
    ]
    if not fits or (len(fits) > 1 and file.has_attribute(key, "dims")):
        sizes = ", ".join(f"{axis} {number}" for axis, number in size.items())
        expected = f"one of the orders {' or '.join(map(str, orders))} with {sizes}"
        file.fail(key, expected, f"shape {list(shape)}")
    if 0 in shape:
        file.fail(key, "a track and a frame", f"shape {list(shape)}")
    return fits[0]


def _in_order(values: Array, axes: tuple[str, ...]) -> Array:
    return values.transpose([axes.index(axis) for axis in _ORDER[: len(axes)]])


def _file_skeleton(file: Hdf5File, nodes: list[str]) -> tuple[Skeleton, list[str]]:
    """The skeleton of the nodes and edges in the file, and a note if the edges are no tree."""
    count, edges = len(nodes), []
    if "edge_inds" in file and 0 not in file.shape("edge_inds"):
        pairs = file.integers("edge_inds", 2)
        pairs = pairs if pairs.shape[1] == 2 else pairs.T
        inside = ((pairs >= 0) & (pairs < count)).all()
        if pairs.shape[1] != 2 or len(pairs) > count**2 or not inside:
            shape = f"shape {list(pairs.shape)} for {count} nodes"
            file.fail("edge_inds", "pairs of node numbers (or give a layout)", shape)
        edges = [(source, destination) for source, destination in pairs.tolist()]
    parents = dict.fromkeys(range(len(nodes)), -1) | {child: parent for parent, child in edges}
    children = {child for _, child in edges}
    root = next((node for node in range(len(nodes)) if node not in children), 0)
    near: dict[int, list[int]] = {node: [] for node in range(len(nodes))}
    for parent, child in edges:
        near[parent].append(child)
        near[child].append(parent)
    tree: dict[int, int] = {}
    apart: list[str] = []
    for start in [root, *sorted(near, key=lambda node: node in children)]:
        if start in tree:
            continue
        tree[start] = -1 if start == root else root
        if start != root:
            apart.append(nodes[start])
        reached = [start]
        for node in reached:
            new = [other for other in near[node] if other not in tree]
            tree |= dict.fromkeys(new, node)
            reached += dict.fromkeys(new)
    try:
        skeleton = Skeleton.from_parents("sleap", nodes, [tree[i] for i in range(len(nodes))])
    except SkeletonError as error:
        file.fail("node_names", "a skeleton (or give a layout)", str(error))
    if tree == parents and len(edges) == len(nodes) - 1:
        return skeleton, []
    joined = f", and joins {', '.join(apart):.100} to {nodes[root]:.40}" if apart else ""
    return skeleton, [f"the edges form no tree of parents: the skeleton follows them{joined}"]
