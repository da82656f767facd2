"""The points of a file as joints of a skeleton, by their names."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from pyg_skeletonmae.errors import SkeletonFormatError
from pyg_skeletonmae.files.names import nfc
from pyg_skeletonmae.skeleton import Skeleton


def joint_index(path: Path, where: str, names: Sequence[str], skeleton: Skeleton) -> list[int]:
    """Which of the points in a file each joint of a skeleton is.

    Args:
        path: The file, for errors.
        where: The place of the names in it.
        names: The names of its points, in any form of Unicode; those that are no joint are left
            out.
        skeleton: The skeleton; its aliases count as well.

    Returns:
        The place of each joint among ``names``, ``[V]``.

    Raises:
        SkeletonFormatError: A joint is not there, or twice.
    """
    place: dict[str, int] = {}
    for number, name in enumerate(map(nfc, names)):
        joint = skeleton.aliases.get(name, name)
        if joint in place and joint in skeleton.joints:
            raise SkeletonFormatError(path, where, "each joint once", f"{joint!r:.60} twice")
        place[joint] = number
    if missing := [joint for joint in skeleton.joints if joint not in place]:
        expected = f"the joint {missing[0]!r} (or an alias of it in the skeleton)"
        raise SkeletonFormatError(path, where, expected, f"only {', '.join(names):.200}")
    return [place[joint] for joint in skeleton.joints]
