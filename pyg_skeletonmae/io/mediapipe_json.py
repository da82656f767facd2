"""MediaPipe landmarks as JSON: the results of its tasks, or of its older solutions."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from pyg_skeletonmae.errors import ConfigError, SkeletonFormatError
from pyg_skeletonmae.io.json_file import brief, entry, number_list, number_rows, read_json
from pyg_skeletonmae.io.npz import Array
from pyg_skeletonmae.io.people import Person, stack_people
from pyg_skeletonmae.io.poses import AS_IS, PoseOptions, PoseTracks, finish_tracks, scale_parts
from pyg_skeletonmae.skeleton import Skeleton
from pyg_skeletonmae.skeleton.layouts import get_layout

_FRAME = ("frame", "frame_index", "frame_id", "frame_number", "frame_idx", "index")
_SIDES = ("left", "right")


def read_mediapipe_json(
    path: str | Path, layout: str | Path | Skeleton = "mediapipe33", options: PoseOptions = AS_IS
) -> PoseTracks:
    """Reads the landmarks of one recording.

    The file is a list of frames, an object with the list under ``frames`` (and perhaps ``fps``), or
    one frame. A frame is an object with the sets of landmarks of MediaPipe's results under their
    names (``pose_landmarks``, ``hand_landmarks``, ``left_hand_landmarks``,
    ``multi_hand_landmarks``, ``pose_world_landmarks``, ..., also as ``poseLandmarks``) and perhaps
    its number (``frame``, ``frame_index``, ...; those left out have nobody in them), or a set by
    itself. A set is one person or a list of persons; a person is a list of ``{x, y, z,
    visibility}`` or ``[x, y, z, visibility]`` (z and visibility may be absent), also under
    ``landmark``.

    Read is the set that has as many landmarks as the skeleton has joints; of several
    ``options.key`` names one, else the first that is not in world coordinates is taken, and the
    others are noted.
    Left and right hands are tracks 0 and 1, by the name of the set or by ``handedness``. Where all
    visibilities are 0 (as the tasks write for hands) there are none.

    Args:
        path: The file.
        layout: The skeleton: ``"mediapipe33"``, ``"hand21"`` or one of your own.
        options: What to do with scores (the visibilities); ``image_size`` brings x and y of image
            coordinates to -1 to 1; ``key`` is the set to read, and ``fps`` stands above the file's.

    Returns:
        ``pos [M, T, V, 3]``, or ``[M, T, V, 2]`` without z.

    Raises:
        SkeletonFormatError: The file is missing, damaged or not as above.
        ConfigError: ``image_size`` is given for world coordinates.
    """
    path, skeleton = Path(path), get_layout(layout)
    content = read_json(path)
    frames = _frames(path, content)
    sets = [
        {key: _persons(value) for key, value in frame.items() if "landmarks" in key.lower()}
        if isinstance(frame, dict)
        else {"landmarks": _persons(frame)}
        for _, frame in frames
    ]
    names = list(dict.fromkeys(name for frame in sets for name in frame))
    chosen = _choose(path, sets, options.key, skeleton.num_joints)
    people = [
        Person(
            number,
            {} if who is None else {"track_id": who},
            _values(path, f"frame {number}, {name}", points, skeleton.num_joints),
        )
        for (number, frame), persons in zip(frames, sets, strict=True)
        for name in chosen
        for who, points in _identities(frame, name, persons.get(name, []))
    ]
    values, more = stack_people(path, people, [n for n, _ in frames], skeleton.num_joints)
    rest = [name for name in names if name not in chosen]
    notes = [f"read {' and '.join(chosen)}" + (f", not {', '.join(rest)}" if rest else ""), *more]
    dims = 2 if np.isnan(values[..., 2]).all() else 3
    pos, score = values[..., :dims].copy(), values[..., 3] if (values[..., 3] > 0).any() else None
    if score is None and not np.isnan(values[..., 3]).all():
        notes.append("all visibilities are 0: not used")
    if "world" not in chosen[0].lower():
        notes += scale_parts(pos, options)
    elif options.image_size is not None:
        raise ConfigError(f"{path}: image_size: {chosen[0]} are in metres, not in the image")
    tracks = finish_tracks(path, pos, score, skeleton, options, notes=notes)
    rate = content.get("fps") if isinstance(content, dict) else None
    if options.fps is None and isinstance(rate, int | float) and 0 < rate < math.inf:
        return replace(tracks, fps=float(rate))
    return tracks


def _frames(path: Path, content: Any) -> list[tuple[int, Any]]:
    """The number of each frame, and what it holds."""
    if isinstance(content, dict):
        content = content.get("frames", [content])
    if not isinstance(content, list) or not content:
        raise SkeletonFormatError(path, "the file", "a list of frames", brief(content))
    first = content[0] if isinstance(content[0], dict) else {}
    key = next((key for key in _FRAME if type(first.get(key)) is int), None)
    if key is None:
        return list(enumerate(content))
    return [
        (entry(path, f"entry {number}", frame, key, int), frame)
        for number, frame in enumerate(content)
    ]


def _persons(value: Any, depth: int = 3) -> list[list[Any]]:
    """The persons in a set: it is one, or a list of them, or an object that holds one."""
    if isinstance(value, dict):
        value = value.get("landmark", value.get("landmarks"))
    if not isinstance(value, list) or not value or not depth:
        return []
    first = value[0]
    if isinstance(first, dict) and "x" in first:
        return [value]
    if isinstance(first, list) and first and type(first[0]) in (int, float):
        return [value]
    return [person for item in value for person in _persons(item, depth - 1)]


def _choose(
    path: Path, sets: list[dict[str, list[list[Any]]]], key: str | None, joints: int
) -> list[str]:
    """The names of the sets to read: one, or those of a left and a right hand."""
    sizes: dict[str, set[int]] = {}
    for frame in sets:
        for name, persons in frame.items():
            sizes.setdefault(name, set()).update(map(len, persons))
    fits = [name for name, size in sizes.items() if joints in size]
    if key is not None:
        fits = [name for name in fits if name == key]
    if not fits:
        expected = f"{'landmarks' if key is None else repr(key)} of {joints} points"
        shown = ", ".join(f"{name} ({', '.join(map(str, size))})" for name, size in sizes.items())
        raise SkeletonFormatError(path, "the frames", expected, f"only {shown:.200}")
    fits.sort(key=lambda name: "world" in name.lower())
    first = fits[0].lower()
    pair = [name for name in fits if _side(name) is not None]
    if _side(fits[0]) is None or key is not None:
        return fits[:1]
    return sorted(n for n in pair if ("world" in n.lower()) == ("world" in first))


def _side(text: str) -> int | None:
    """0 for what is called left, 1 for right, None for other texts."""
    return next((side for side, name in enumerate(_SIDES) if name in text.lower()), None)


def _identities(frame: Any, name: str, persons: list[list[Any]]) -> list[tuple[int | None, Any]]:
    """Each person of a set with its track."""
    if (side := _side(name)) is not None:
        return [(side, person) for person in persons]
    hands: Any = None
    if isinstance(frame, dict) and "hand" in name.lower():
        hands = frame.get("handedness", frame.get("multi_handedness"))
    sides = [_side(str(hand)) for hand in hands] if isinstance(hands, list) else []
    if len(sides) != len(persons) or len(set(sides)) < len(sides):
        sides = [None] * len(persons)
    return list(zip(sides, persons, strict=True))


def _values(path: Path, where: str, points: list[Any], joints: int) -> Array:
    """``x, y, z, visibility`` of a person, ``[V, 4]``, NaN where the file has none."""
    if len(points) != joints:
        raise SkeletonFormatError(path, where, f"{joints} landmarks", f"{len(points)}")
    values = np.full((joints, 4), np.nan, np.float32)
    if isinstance(points[0], list):
        rows = number_rows(path, where, points, (2, 3, 4))
        values[:, : rows.shape[1]] = rows
        return values
    for column, key in enumerate(("x", "y", "z", "visibility")):
        if key in points[0] and points[0][key] is not None:
            numbers = [point.get(key) if isinstance(point, dict) else None for point in points]
            values[:, column] = number_list(path, f"{where}, key {key!r}", numbers)
    return values
