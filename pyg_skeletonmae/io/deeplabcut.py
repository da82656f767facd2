"""DeepLabCut: the CSV file of a video that was analysed."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from pyg_skeletonmae.io.csv_file import CsvFile, frame_rows
from pyg_skeletonmae.io.npz import Array
from pyg_skeletonmae.io.poses import AS_IS, PoseOptions, PoseTracks, empty_tracks, finish_tracks
from pyg_skeletonmae.skeleton import Skeleton
from pyg_skeletonmae.skeleton.layouts import get_layout

_COORDINATES = ("x y likelihood", "x y", "x y z", "x y z likelihood")


def read_deeplabcut(
    path: str | Path, layout: str | Path | Skeleton, options: PoseOptions = AS_IS
) -> PoseTracks:
    """Reads a DeepLabCut CSV file.

    Three rows of names, ``scorer``, ``bodyparts`` and ``coords``, or four with ``individuals``
    after ``scorer`` (a track each). Every body part has the columns ``x, y, likelihood``, or
    ``x, y``, or ``x, y, z``, or ``x, y, z, likelihood``. The first column holds the frame numbers;
    a frame that has no row is missing, as is a body part whose cells are empty.

    Args:
        path: The file.
        layout: The skeleton. Its joints are found by the names of the body parts (or its aliases
            for them); body parts that it does not have are left out.
        options: What to do with scores (the likelihoods) and pixels.

    Returns:
        ``pos [M, T, V, 2 or 3]`` in the unit of the file, individuals in its order (but for those
        that have no joint of the skeleton), from its first to its last frame.

    Raises:
        SkeletonFormatError: The file is missing or damaged, or lacks a joint of the skeleton.
    """
    file, skeleton = CsvFile(path), get_layout(layout)
    parts, channels = _read_header(file)
    index = _joint_index(file, parts, skeleton)
    values = file.numbers()
    rows = frame_rows(file, values[:, 0])
    there = np.flatnonzero(rows >= 0)
    table = values[:, 1:].reshape(len(values), len(parts), len(channels))
    found = empty_tracks(file.path, (len(index), len(rows), skeleton.num_joints, len(channels)))
    with np.errstate(over="ignore"):  # what float32 cannot hold is reported as infinite
        for track, joints in enumerate(index):
            found[track, there] = table[:, joints]
    if channels[-1] != "likelihood":
        return finish_tracks(file.path, found, None, skeleton, options)
    pos, score = found[..., :-1].copy(), found[..., -1]
    return finish_tracks(file.path, pos, score, skeleton, options)


def _read_header(file: CsvFile) -> tuple[list[tuple[str, str]], list[str]]:
    """The (individual, body part) of each group of columns, and the columns of a group."""
    _row(file, "scorer")
    names = file.names()
    individuals = names[1:] if names[0] == "individuals" else [""] * (len(names) - 1)
    if names[0] == "individuals":
        names = file.names()
    if names[0] != "bodyparts":
        file.fail("a row that begins with 'bodyparts'", f"{names[0]!r:.60}")
    coords = _row(file, "coords")
    parts = list(zip(individuals, names[1:], strict=True))
    size = next((i for i, part in enumerate(parts) if part != parts[0]), len(parts))
    channels = coords[:size]
    if " ".join(channels) not in _COORDINATES or channels * (len(parts) // size) != coords:
        file.fail(f"the columns {' or '.join(_COORDINATES)} of every body part", "others")
    groups = parts[::size]
    if [group for group in groups for _ in range(size)] != parts or len(set(groups)) < len(groups):
        file.fail("each body part once, its columns side by side", "others")
    return groups, channels


def _row(file: CsvFile, first: str) -> list[str]:
    names = file.names()
    if names[0] != first or len(names) == 1:
        file.fail(
            f"a row that begins with {first!r}", f"{names[0]!r:.60} and {len(names) - 1} more"
        )
    return names[1:]


def _joint_index(file: CsvFile, parts: list[tuple[str, str]], skeleton: Skeleton) -> list[Array]:
    """For each individual the number of the body part that is each joint, ``[V]``."""
    place: dict[str, dict[str, int]] = {}
    for number, (individual, part) in enumerate(parts):
        place.setdefault(individual, {})[skeleton.aliases.get(part, part)] = number
    place = {who: joints for who, joints in place.items() if joints.keys() & set(skeleton.joints)}
    for individual, joints in place.items():
        if missing := [joint for joint in skeleton.joints if joint not in joints]:
            of = f" of {individual!r:.60}" if individual else ""
            file.fail(f"the body part {missing[0]!r}{of}", f"only {', '.join(joints):.200}")
    if not place:
        found = ", ".join(part for _, part in parts)
        file.fail(f"the body parts {', '.join(skeleton.joints):.200}", f"{found:.200}")
    return [np.array([joints[joint] for joint in skeleton.joints]) for joints in place.values()]
