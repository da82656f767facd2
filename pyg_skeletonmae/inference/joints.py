"""From the joints that clips have to those that a model reads: by their names, or not at all."""

from __future__ import annotations

import numpy as np

from pyg_skeletonmae.errors import SkeletonError
from pyg_skeletonmae.io.npz import Array
from pyg_skeletonmae.skeleton import Skeleton

_SHOWN = 12


class JointMap:
    """Gives clips the joints of a model, matched by name or alias.

    Joints that the model does not know are left out. Joints that it reads and the clips never have
    are refused, as it was not trained to do without them; with ``partial`` they are missing in
    every frame.

    Args:
        source: The skeleton of the clips.
        target: That of the model.
        partial: Accept clips that lack some of its joints.

    Raises:
        SkeletonError: Joints lack; the message names them.
    """

    def __init__(self, source: Skeleton, target: Skeleton, partial: bool = False) -> None:
        self.source, self.target = source, target
        index: Array = source.map_to(target).numpy()
        lacking = [joint for joint, at in zip(target.joints, index, strict=True) if at < 0]
        if len(lacking) == target.num_joints:
            raise SkeletonError(
                f"{source.name} has none of the joints of {target.name}, which the model reads "
                f"({_listed(target.joints)}); name the skeleton of the clips with skeleton="
            )
        if lacking and not partial:
            raise SkeletonError(
                f"{source.name} lacks {len(lacking)} of the {target.num_joints} joints of "
                f"{target.name}, which the model reads: {_listed(lacking)}; partial=True takes "
                "them as missing, at a cost that only a measurement tells"
            )
        self.lacking, self._absent = tuple(lacking), index < 0
        self.same = np.array_equal(index, np.arange(source.num_joints))
        self._index = index

    def __call__(self, pos: Array, valid: Array) -> tuple[Array, Array]:
        """Coordinates ``[..., V, C]`` and presence ``[..., V]`` with the joints of the model."""
        if self.same:
            return pos, valid
        valid = valid[..., self._index] & ~self._absent
        return np.where(valid[..., None], pos[..., self._index, :], np.float32(0)), valid

    def __repr__(self) -> str:
        lacking = f", lacking={len(self.lacking)}" if self.lacking else ""
        return f"{type(self).__name__}({self.source.name}, {self.target.name}{lacking})"


def _listed(joints: tuple[str, ...] | list[str]) -> str:
    return ", ".join(joints[:_SHOWN]) + (", ..." if joints[_SHOWN:] else "")
