"""One pose drawn into axes of matplotlib: what every picture of a skeleton is made of."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from pyg_skeletonmae.errors import DataError
from pyg_skeletonmae.skeleton import Skeleton
from pyg_skeletonmae.visualize.charts import PALETTE, Array, to_numpy

if TYPE_CHECKING:
    from matplotlib.axes import Axes

LEFT, RIGHT, MIDDLE = PALETTE[0], PALETTE[1], "#555555"
MASKED, RECONSTRUCTED = "#AAAAAA", PALETTE[2]


def draw_skeleton(
    ax: Axes,
    pos: Array,
    skeleton: Skeleton,
    masked: Array | None = None,
    valid: Array | None = None,
    masked_color: str | None = None,
    axes: tuple[int, int] = (0, 1),
    weight: Array | None = None,
) -> None:
    """Draws one pose.

    Args:
        ax: Where to draw.
        pos: ``[V, C]`` coordinates, ``C >= 2``.
        skeleton: The body.
        masked: ``[V]``, bool: these joints are drawn hollow and their bones dotted.
        valid: ``[V]``, bool: joints that are not valid are missing, and are not drawn at all.
        masked_color: Draws the masked joints full and in this colour instead.
        axes: The channels that point to the right and upwards.
        weight: ``[V]``, from 0 to 1: joints are larger and darker the more they count.

    Raises:
        DataError: The shapes do not fit the skeleton.
    """
    points = _points(pos, valid, skeleton, axes)
    hidden = np.zeros(len(points), bool) if masked is None else to_numpy(masked).astype(bool)
    if hidden.shape != points.shape[:1]:
        raise DataError(f"a mask of {skeleton.num_joints} joints is not {list(hidden.shape)}")
    side, bones, side_of_bone = body_lines(skeleton)
    shades = np.array([LEFT, RIGHT, MIDDLE], dtype=object)
    color, shade_of_bone = shades[side], shades[side_of_bone]
    cut = hidden[bones].any(1)
    for shade in (MIDDLE, LEFT, RIGHT):
        same = (shade_of_bone == shade) & ~cut
        ax.plot(*_segments(points, bones[same]), color=shade, linewidth=1.8, zorder=2)
    ghost = masked_color or MASKED
    line = "-" if masked_color else ":"
    ax.plot(*_segments(points, bones[cut]), line, color=ghost, linewidth=1.5, zorder=1)
    face = masked_color or "white"
    x, y = points.T
    if weight is None:
        ax.scatter(x[~hidden], y[~hidden], c=color[~hidden].tolist(), s=9, linewidths=0, zorder=3)
    else:
        counts = to_numpy(weight)[~hidden]
        ax.scatter(
            x[~hidden], y[~hidden], c=counts, s=9 + 60 * counts, cmap="OrRd", vmin=-0.25, vmax=1,
            linewidths=0, zorder=3,
        )  # fmt: skip
    ax.scatter(
        x[hidden], y[hidden], facecolors=face, edgecolors=ghost, s=11, linewidths=0.9, zorder=3
    )
    ax.set_aspect("equal")
    ax.set_xticks([])
    ax.set_yticks([])
    ax.spines[:].set_visible(False)


def _points(
    pos: Array, valid: Array | None, skeleton: Skeleton, axes: tuple[int, int]
) -> NDArray[Any]:
    """Points in the plane ``[V, 2]``; missing joints are NaN, which matplotlib leaves out."""
    points = to_numpy(pos).astype(float)
    if points.ndim != 2 or len(points) != skeleton.num_joints or points.shape[1] <= max(axes):
        raise DataError(
            f"expected a pose [{skeleton.num_joints}, C] of {skeleton.name} with the channels "
            f"{axes}, found {list(points.shape)}"
        )
    points = points[:, list(axes)]
    if valid is not None:
        points[~to_numpy(valid).astype(bool)] = np.nan
    return points


def _segments(points: NDArray[Any], bones: NDArray[Any]) -> NDArray[Any]:
    """The bones as one broken line, ``[2, 3 * B]``: child, parent, gap."""
    gap = np.full((len(bones), 1, 2), np.nan)
    return np.concatenate([points[bones], gap], axis=1).reshape(-1, 2).T


def body_lines(skeleton: Skeleton) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
    """What is drawn of a body, and on which side it is: 0 left, 1 right, 2 neither.

    Returns:
        The sides of the joints ``[V]``; the lines ``[B, 2]``, child and parent; their sides
        ``[B]``. Lines are the bones and extra edges, and lines across shoulders and hips where the
        tree joins these through the head only: such a line is drawn and is no edge, models do not
        see it. A line has the side of its child, unless it crosses from one side to the other.
    """
    lines = skeleton.edge_index[:, ::2].t().tolist()
    part, hops = skeleton.part_index, skeleton.hops
    for joint in ("shoulder", "hip"):
        ends = [f"{side}_{joint}" for side in ("left", "right")]
        if not skeleton.parts or not {*ends} <= {*skeleton.joints}:
            continue
        left, right = (skeleton.index(end) for end in ends)
        between = hops[left] + hops[right] == hops[left, right]
        if part[left] == part[right] and (part[between] != part[left]).any():
            lines.append([left, right])
    bones = np.array(lines, int).reshape(-1, 2)
    side = np.full(skeleton.num_joints, 2)
    for pair in skeleton.mirror_pairs:
        for number, joint in enumerate(pair):
            side[skeleton.index(joint)] = number
    of_child, of_parent = side[bones].T
    crosses = (of_child != of_parent) & (of_parent != 2)
    return side, bones, np.where(crosses, 2, of_child)
