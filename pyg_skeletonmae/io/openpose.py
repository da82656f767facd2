"""OpenPose: a folder with one JSON file a frame."""

from __future__ import annotations

import re
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import numpy as np

from pyg_skeletonmae.errors import SkeletonFormatError
from pyg_skeletonmae.io.json_file import brief, entry, points, read_json
from pyg_skeletonmae.io.npz import Array
from pyg_skeletonmae.io.poses import (
    AS_IS,
    MAX_SCORE,
    PoseOptions,
    PoseTracks,
    empty_tracks,
    finish_tracks,
)
from pyg_skeletonmae.skeleton import Skeleton
from pyg_skeletonmae.skeleton.layouts import get_layout

MAX_PEOPLE = 100
_MAX_BYTES = 4 * 2**20
_NAME = re.compile(r"(.*?)_?(\d{1,18})(?:_keypoints)?\.json", re.ASCII)
_KEYS = ("pose_keypoints_2d", "pose_keypoints")


def read_openpose(
    folder: str | Path,
    layout: str | Path | Skeleton = "body25",
    options: PoseOptions = AS_IS,
) -> PoseTracks:
    """Reads the frames that OpenPose wrote for one recording.

    The files are ``<name>_<frame number>_keypoints.json`` (``--write_json``); other files than
    ``*.json`` in the folder are not looked at. Only the body is read, from the key
    ``pose_keypoints_2d`` or, of versions before 1.2, ``pose_keypoints``.

    OpenPose does not know who is who: track ``m`` is the ``m``-th person in the file of each frame,
    as is. A point that OpenPose did not find (score 0) is missing.

    Args:
        folder: The folder.
        layout: The model that OpenPose ran: ``"body25"``, or ``"openpose18"`` for ``COCO``.
        options: What to do with scores and pixels.

    Returns:
        ``pos [M, T, V, 2]`` in pixels, ``M`` being the most people in any frame, 0 if nobody is
        ever seen; ``[M, T, V, 3]`` with scores.

    Raises:
        SkeletonFormatError: There is no frame, a frame number is missing, or a file is damaged, has
            more than 100 people, another number of points, or a score outside of 0 to 1 (up to 1.1
            is let pass: our choice, because interpolated heat maps overshoot).
    """
    skeleton = get_layout(layout)
    frames = [_read_frame(path, skeleton) for path in _frame_paths(Path(folder))]
    shape = (max(map(len, frames)), len(frames), skeleton.num_joints, 3)
    values = empty_tracks(Path(folder), shape)
    for number, people in enumerate(frames):
        values[: len(people), number] = people
    pos, score = values[..., :2].copy(), values[..., 2]
    pos[~(score > 0)] = np.nan
    return finish_tracks(Path(folder), pos, np.nan_to_num(score), skeleton, options)


class _Frame(NamedTuple):
    recording: str
    number: int
    path: Path


def _frame_paths(folder: Path) -> list[Path]:
    """The files in the order of their frame numbers, which must follow each other."""
    if not folder.is_dir():
        raise SkeletonFormatError(folder, "the path", "a folder of JSON frames", "no folder")
    frames = []
    for path in folder.glob("*.json"):
        if (match := _NAME.fullmatch(path.name)) is None:
            raise SkeletonFormatError(path, "the name", "<name>_<number>_keypoints.json", path.name)
        frames.append(_Frame(match[1], int(match[2]), path))
    if not frames:
        raise SkeletonFormatError(folder, "the folder", "JSON frames", "none")
    frames.sort()
    for before, frame in pairwise(frames):
        if (frame.recording, frame.number) != (before.recording, before.number + 1):
            expected = f"frame {before.number + 1} of {before.recording!r:.60}"
            raise SkeletonFormatError(frame.path, "the name", expected, frame.path.name)
    return [frame.path for frame in frames]


def _read_frame(path: Path, skeleton: Skeleton) -> Array:
    """The people in a file, ``[M, V, 3]``, float32."""
    people = entry(path, "the file", read_json(path, _MAX_BYTES), "people", list)
    if len(people) > MAX_PEOPLE:
        raise SkeletonFormatError(
            path, "key 'people'", f"at most {MAX_PEOPLE} people", brief(people)
        )
    values = np.empty((len(people), skeleton.num_joints, 3), np.float32)
    for number, person in enumerate(people):
        where = f"person {number}"
        key = next((key for key in _KEYS if isinstance(person, dict) and key in person), _KEYS[0])
        numbers = entry(path, where, person, key, list)
        values[number] = points(path, f"{where}, key {key!r}", numbers, skeleton.num_joints)
    _check_scores(path, values[..., 2])
    return values


def _check_scores(path: Path, score: Array) -> None:
    if (bad := (score < 0) | (score > MAX_SCORE)).any():
        person, point = (int(index) for index in np.argwhere(bad)[0])
        where = f"person {person}, point {point}"
        raise SkeletonFormatError(path, where, "a score of 0 to 1", f"{score[person, point]:g}")
