"""DeepLabCut: the CSV file of a video that was analysed, or of frames that were labelled."""

from __future__ import annotations

import math
import re
from pathlib import Path

import numpy as np

from pyg_skeletonmae.errors import SkeletonFormatError
from pyg_skeletonmae.io.csv_file import CsvFile, frame_rows
from pyg_skeletonmae.io.npz import Array
from pyg_skeletonmae.io.poses import AS_IS, PoseOptions, PoseTracks, empty_tracks, finish_tracks
from pyg_skeletonmae.skeleton import Skeleton
from pyg_skeletonmae.skeleton.layouts import get_layout

_COORDINATES = ("x y likelihood", "x y", "x y z", "x y z likelihood")
_NUMBER = re.compile(r"\d{1,9}(\.0*)?", re.ASCII)


def read_deeplabcut(
    path: str | Path, layout: str | Path | Skeleton, options: PoseOptions = AS_IS
) -> PoseTracks:
    """Reads a DeepLabCut CSV file.

    Three rows of names, ``scorer``, ``bodyparts`` and ``coords``, or four with ``individuals``
    after ``scorer`` (a track each). Every body part has the columns ``x, y, likelihood``, or
    ``x, y``, or ``x, y, z``, or ``x, y, z, likelihood``.

    The first column of an **analysed video** holds the frame numbers; a frame that has no row is
    missing, as is a body part whose cells are empty. A likelihood that is empty beside coordinates
    counts as 1; those above 1 (of models whose scores are no probabilities) are kept.

    A file of **labels** (``CollectedData_<scorer>.csv``) names an image in its first column or its
    first three. Every image is a frame, in the order of the file.

    Args:
        path: The file.
        layout: The skeleton. Its joints are found by the names of the body parts (or its aliases
            for them); body parts that it does not have are left out.
        options: What to do with scores (the likelihoods) and pixels.

    Returns:
        ``pos [M, T, V, 2 or 3]`` in the unit of the file, individuals in its order (but for those
        that have no joint of the skeleton), from its first to its last frame.

    Raises:
        SkeletonFormatError: The file is missing or damaged, lacks a joint of the skeleton, or is
            the table of pandas (``.h5``) that DeepLabCut writes beside the CSV file.
    """
    if Path(path).suffix.lower() in (".h5", ".hdf5", ".hdf"):
        expected = "the CSV file of it (save_as_csv=True, or analyze_videos_converth5_to_csv)"
        raise SkeletonFormatError(path, "the file", expected, "a table of pandas")
    file, skeleton = CsvFile(path), get_layout(layout)
    parts, channels, names = _read_header(file)
    index = _joint_index(file, parts, skeleton)
    labels, values = file.named_rows(names)
    others = dict.fromkeys(
        part for _, part in parts if skeleton.aliases.get(part, part) not in skeleton.joints
    )
    notes = [f"body parts left out: {', '.join(others):.200}"] if others else []
    if all(_NUMBER.fullmatch(label[0]) for label in labels) and names == 1:
        rows = frame_rows(file, np.array([float(label[0]) for label in labels]))
    elif any(_NUMBER.fullmatch("".join(label)) for label in labels):
        expected = "frame numbers in all rows or names of images in all"
        raise SkeletonFormatError(file.path, "the first column", expected, "some of each")
    else:
        notes.append("labelled images, each a frame: they do not follow each other in time")
        rows = np.arange(len(values))
    there = np.flatnonzero(rows >= 0)
    table = values.reshape(len(values), len(parts), len(channels))
    tracks = empty_tracks(file.path, (len(index), len(rows), skeleton.num_joints, len(channels)))
    with np.errstate(over="ignore"):  # what float32 cannot hold is reported as infinite
        for track, joints in enumerate(index):
            tracks[track, there] = table[:, joints]
    if channels[-1] != "likelihood":
        return finish_tracks(file.path, tracks, None, skeleton, options, notes=notes)
    pos, score = tracks[..., :-1].copy(), tracks[..., -1]
    empty = np.isnan(score) & ~np.isnan(pos).any(-1)
    if empty.any():
        score[empty] = 1
        notes.append(f"{int(empty.sum())} likelihoods are empty and count as 1")
    return finish_tracks(file.path, pos, score, skeleton, options, max_score=math.inf, notes=notes)


def _read_header(file: CsvFile) -> tuple[list[tuple[str, str]], list[str], int]:
    """The (individual, body part) of each group of columns, the columns of a group, and how many
    columns stand before the first group."""
    scorer = _row(file, "scorer")
    first = 3 if scorer[:2] == ["", ""] else 1
    names = file.names()
    individuals = names[first:] if names[0] == "individuals" else [""] * (len(names) - first)
    if names[0] == "individuals":
        names = file.names()
    if names[0] != "bodyparts":
        file.fail("a row that begins with 'bodyparts'", f"{names[0]!r:.60}")
    coords = _row(file, "coords")[first - 1 :]
    parts = list(zip(individuals, names[first:], strict=True))
    if not parts:
        file.fail("the columns of a body part", "none")
    size = next((i for i, part in enumerate(parts) if part != parts[0]), len(parts))
    channels = coords[:size]
    if " ".join(channels) not in _COORDINATES or channels * (len(parts) // size) != coords:
        file.fail(f"the columns {' or '.join(_COORDINATES)} of every body part", "others")
    groups = parts[::size]
    if [group for group in groups for _ in range(size)] != parts or len(set(groups)) < len(groups):
        file.fail("each body part once, its columns side by side", "others")
    return groups, channels, first


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
