"""Persons over time, as every picture, film and page takes them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray

from pyg_skeletonmae.errors import DataError
from pyg_skeletonmae.skeleton import Skeleton
from pyg_skeletonmae.skeleton.upright import UpAxis, up_axis, upright
from pyg_skeletonmae.visualize.charts import Array, to_numpy
from pyg_skeletonmae.visualize.pose import RECONSTRUCTED, draw_skeleton

if TYPE_CHECKING:
    from matplotlib.axes import Axes


class Panel:
    """The persons of one clip, and what is to be seen of them.

    Args:
        pos: ``[V, T, C]`` or ``[M, V, T, C]``, two or three coordinates first.
        skeleton: The body.
        valid: Bool, the shape of ``pos`` without ``C``: joints that are not valid are missing, as
            those are whose coordinates are not finite.
        masked: Bool, likewise: these joints are drawn hollow and their bones dotted.
        weight: Likewise, from 0 to 1: how much each joint counts.
        title: Above it.
        restored: Masked joints are drawn full, in the colour of reconstructions.
        up: Which axis is vertical; None: as the bodies stand, and where they do not tell, y points
            up. What is drawn is turned accordingly.

    Raises:
        DataError: The shapes do not fit the skeleton or each other.
    """

    def __init__(
        self,
        pos: Array,
        skeleton: Skeleton,
        *,
        valid: Array | None = None,
        masked: Array | None = None,
        weight: Array | None = None,
        title: str = "",
        restored: bool = False,
        up: UpAxis | None = None,
    ) -> None:
        points = _persons(to_numpy(pos), skeleton)
        shape = to_numpy(pos).shape[:-1]
        told = _flags("valid", valid, shape)
        hidden, counts = _flags("masked", masked, shape), _flags("weight", weight, shape)
        there: NDArray[Any] = np.isfinite(points[..., :3]).all(-1)
        self.skeleton, self.title, self.restored = skeleton, title, restored
        self.valid = there if told is None else there & told.astype(bool)
        self.masked = np.zeros_like(there) if hidden is None else hidden.astype(bool)
        self.weight = None if counts is None else counts.astype(float).clip(0, 1)
        poses, seen = torch.from_numpy(points), torch.from_numpy(self.valid)
        found = up_axis(
            skeleton, poses.transpose(1, 2).flatten(0, 1), seen.transpose(1, 2).flatten(0, 1)
        )
        self.up: UpAxis = up or found or "y up"
        self.pos: NDArray[Any] = upright(poses, self.up).numpy()

    @property
    def frames(self) -> int:
        """The frames ``T``."""
        return int(self.pos.shape[2])

    def draw(self, ax: Axes, t: int) -> None:
        """Draws the persons of a frame, see :func:`draw_skeleton`."""
        for person, pos in enumerate(self.pos):
            draw_skeleton(
                ax,
                pos[:, t],
                self.skeleton,
                masked=self.masked[person, :, t],
                valid=self.valid[person, :, t],
                masked_color=RECONSTRUCTED if self.restored else None,
                weight=None if self.weight is None else self.weight[person, :, t],
            )

    def __repr__(self) -> str:
        return (
            f"{type(self).__name__}({self.skeleton.name}, persons={len(self.pos)}, "
            f"frames={self.frames}, up={self.up!r})"
        )


def _persons(points: NDArray[Any], skeleton: Skeleton) -> NDArray[Any]:
    """Tracks ``[M, V, T, C]``, float64, of one person or of several."""
    track = points[0] if points.ndim == 4 and len(points) else points
    if track.ndim != 3 or len(track) != skeleton.num_joints or not track.shape[1]:
        raise DataError(
            f"expected a track [{skeleton.num_joints}, T, C] of {skeleton.name}, "
            f"found {list(track.shape)}"
        )
    if track.shape[2] < 2:
        raise DataError(f"expected two or three coordinates, found {list(track.shape)}")
    return points.reshape(-1, *track.shape).astype(float)


def _flags(name: str, x: Array | None, shape: tuple[int, ...]) -> NDArray[Any] | None:
    """What is said of each joint in each frame, ``[M, V, T]``."""
    if x is not None and to_numpy(x).shape != shape:
        raise DataError(f"{name}: expected {list(shape)}, found {list(to_numpy(x).shape)}")
    return None if x is None else to_numpy(x).reshape(-1, *shape[-2:])
