"""OpenPose: a folder with one JSON file a frame."""

from __future__ import annotations

import re
from collections.abc import Hashable
from pathlib import Path
from typing import NamedTuple

import numpy as np

from pyg_skeletonmae.errors import SkeletonFormatError
from pyg_skeletonmae.io.identities import identity, place_people
from pyg_skeletonmae.io.json_file import brief, entry, points, read_json
from pyg_skeletonmae.io.npz import Array
from pyg_skeletonmae.io.poses import (
    AS_IS,
    MAX_SCORE,
    PoseOptions,
    PoseTracks,
    check_size,
    empty_tracks,
    finish_tracks,
)
from pyg_skeletonmae.io.scan import list_files
from pyg_skeletonmae.skeleton import Skeleton
from pyg_skeletonmae.skeleton.layouts import get_layout

MAX_PEOPLE = 100
_MAX_BYTES, _EMPTY_BYTES = 4 * 2**20, 64
_NAME = re.compile(r"(.*?)_?(\d{1,18})(?:_keypoints)?\.json", re.ASCII)
_KEYS = ("pose_keypoints_2d", "pose_keypoints")
_GAPS = "frames whose file is missing or empty show nobody"


def read_openpose(
    folder: str | Path,
    layout: str | Path | Skeleton = "body25",
    options: PoseOptions = AS_IS,
) -> PoseTracks:
    """Reads the frames that OpenPose wrote for one recording.

    The files are ``<name>_<frame number>_keypoints.json`` (``--write_json``); other files than
    ``*.json`` in the folder are not looked at, nor are leftovers of programs (see
    :func:`~pyg_skeletonmae.io.scan.is_leftover`). Only the body is read, from the key
    ``pose_keypoints_2d`` or, of versions before 1.2, ``pose_keypoints``. A frame between others
    whose file is missing or empty shows nobody; ``notes`` say so.

    ``person_id`` makes the tracks, in its order (``--tracking``; ``[-1]`` is nobody's), see
    :mod:`pyg_skeletonmae.io.identities`. Without it track ``m`` is the ``m``-th person in the file
    of each frame, as is. A point that OpenPose did not find (score 0) is missing.

    Args:
        folder: The folder.
        layout: The model that OpenPose ran: ``"body25"``, or ``"openpose18"`` for ``COCO``.
        options: What to do with scores and pixels.

    Returns:
        ``pos [M, T, V, 2]`` in pixels, 0 persons if nobody is ever seen; ``[M, T, V, 3]`` with
        scores.

    Raises:
        SkeletonFormatError: There is no frame, or those of several recordings; or a file is
            damaged, has more than 100 people, another number of points, or a score outside of 0 to
            1 (up to 1.1 is let pass: our choice, because interpolated heat maps overshoot).
    """
    folder, skeleton = Path(folder), get_layout(layout)
    paths = _frame_paths(folder)
    span = max(paths) - min(paths) + 1
    check_size(folder, (1, span, skeleton.num_joints, 3))
    whole = {number: path for number, path in sorted(paths.items()) if not _is_empty(path)}
    people = [
        _Person(number - min(paths), who, joints)
        for number, path in (whole or paths).items()  # nothing but empty files is damage
        for who, joints in _read_frame(path, skeleton)
    ]
    places = place_people([p.frame for p in people], [p.identity for p in people])
    values = empty_tracks(folder, (places.size, span, skeleton.num_joints, 3))
    for track, person in zip(places.tracks, people, strict=True):
        values[track, person.frame] = person.points
    pos, score = values[..., :2].copy(), values[..., 2]
    pos[~(score > 0)] = np.nan
    notes = (*places.notes, *([_GAPS] if len(whole) < span else ()))
    return finish_tracks(folder, pos, np.nan_to_num(score), skeleton, options, notes=notes)


class _Person(NamedTuple):
    frame: int
    identity: Hashable | None
    points: Array


def _frame_paths(folder: Path) -> dict[int, Path]:
    """The files by their frame numbers."""
    if not folder.is_dir():
        raise SkeletonFormatError(folder, "the path", "a folder of JSON frames", "no folder")
    frames: dict[int, Path] = {}
    recording: str | None = None
    for path in list_files(folder, "*.json"):
        if (match := _NAME.fullmatch(path.name)) is None:
            raise SkeletonFormatError(path, "the name", "<name>_<number>_keypoints.json", path.name)
        if recording not in (None, match[1]) or int(match[2]) in frames:
            expected = f"one file for each frame of {recording!r:.60}"
            raise SkeletonFormatError(path, "the name", expected, path.name)
        recording, frames[int(match[2])] = match[1], path
    if not frames:
        raise SkeletonFormatError(folder, "the folder", "JSON frames", "none")
    return frames


def _is_empty(path: Path) -> bool:
    """Whether there is nothing in a file: tools write such for frames without people."""
    if not path.is_file() or path.stat().st_size > _EMPTY_BYTES:
        return False
    return path.read_bytes().strip() in (b"", b"{}", b"[]", b"null")


def _read_frame(path: Path, skeleton: Skeleton) -> list[tuple[Hashable | None, Array]]:
    """The people in a file: who it is, and ``[V, 3]``, float32."""
    people = entry(path, "the file", read_json(path, _MAX_BYTES), "people", list)
    if len(people) > MAX_PEOPLE:
        raise SkeletonFormatError(
            path, "key 'people'", f"at most {MAX_PEOPLE} people", brief(people)
        )
    frame = []
    for number, person in enumerate(people):
        where = f"person {number}"
        key = next((key for key in _KEYS if isinstance(person, dict) and key in person), _KEYS[0])
        numbers = entry(path, where, person, key, list)
        joints = points(path, f"{where}, key {key!r}", numbers, skeleton.num_joints)
        score = joints[:, 2]
        if (bad := (score < 0) | (score > MAX_SCORE)).any():
            point = int(bad.argmax())
            place = f"{where}, point {point}"
            raise SkeletonFormatError(path, place, "a score of 0 to 1", f"{score[point]:g}")
        frame.append((identity(person.get("person_id")), joints))
    return frame
