"""COCO keypoint JSON: a list of results, or annotations beside their images."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from pyg_skeletonmae.errors import SkeletonFormatError
from pyg_skeletonmae.io.json_file import brief, entry, points, read_json
from pyg_skeletonmae.io.npz import Array
from pyg_skeletonmae.io.poses import AS_IS, PoseOptions, PoseTracks, empty_tracks, finish_tracks
from pyg_skeletonmae.skeleton import Skeleton
from pyg_skeletonmae.skeleton.layouts import get_layout

_IMAGE_FILE = re.compile(r"(\d{1,18})\.\w+", re.ASCII)
_MAX_FLAG = 2


def read_coco_keypoints(
    path: str | Path,
    layout: str | Path | Skeleton = "coco17",
    options: PoseOptions = AS_IS,
) -> PoseTracks:
    """Reads the keypoints of one recording.

    **Results** are a list of ``{"image_id", "keypoints": [x, y, score, ...]}``. ``image_id`` is the
    frame number, or the name of a frame such as ``"12.jpg"`` (AlphaPose). There is a frame for
    every number from the smallest to the largest: one without an entry has nobody in it.

    **Annotations** are ``{"images": [{"id"}, ...], "annotations": [{"image_id", "keypoints":
    [x, y, v, ...]}, ...]}``, with a frame for every image in the order of ``id``, and
    ``v`` = 0, 1 or 2 for not labelled, labelled and hidden, visible; the score is ``v / 2``.

    If the entries have ``track_id``, or an integer ``idx`` (AlphaPose), it makes the tracks, in its
    order.
    Otherwise track ``m`` is the ``m``-th entry of each frame, as is. A keypoint with score 0 is
    missing. Other keys, boxes for example, are not read.

    Args:
        path: The file.
        layout: The skeleton of the keypoints.
        options: What to do with scores and pixels. ``min_score=0.5`` keeps what annotations call
            visible.

    Returns:
        ``pos [M, T, V, 2]`` in pixels.

    Raises:
        SkeletonFormatError: The file is missing, damaged, or neither form; entries have several
            categories, some have a track and some not, or a track stands twice in a frame.
    """
    path, skeleton = Path(path), get_layout(layout)
    content = read_json(path)
    results = isinstance(content, list)
    entries = content if results else entry(path, "the file", content, "annotations", list)
    people = [_read_person(path, number, item, skeleton) for number, item in enumerate(entries)]
    numbers = {person.frame for person in people}
    if results and not people:
        raise SkeletonFormatError(path, "the file", "results", "an empty list")
    frames = range(min(numbers), max(numbers) + 1) if results else _image_ids(path, content)
    _check_same(path, "category_id", [person.category for person in people])
    _check_same(path, "track_id", [person.track is None for person in people])
    values = _fill(path, people, frames, skeleton)
    pos, score = values[..., :2].copy(), values[..., 2]
    if not results:
        _check_flags(path, score)
        score /= _MAX_FLAG
    pos[~(score > 0)] = np.nan
    return finish_tracks(path, pos, score, skeleton, options, max_score=np.inf)


class _Person(NamedTuple):
    frame: int
    track: int | None
    category: object
    points: Array


def _read_person(path: Path, number: int, item: object, skeleton: Skeleton) -> _Person:
    where = f"entry {number}"
    numbers = entry(path, where, item, "keypoints", list)
    keypoints = points(path, f"{where}, key 'keypoints'", numbers, skeleton.num_joints)
    if (keypoints[:, 2] < 0).any():
        raise SkeletonFormatError(path, where, "scores from 0", f"{keypoints[:, 2].min():g}")
    content: dict[str, Any] = dict(item) if isinstance(item, dict) else {}
    image = content.get("image_id")
    if isinstance(image, str) and (match := _IMAGE_FILE.fullmatch(image)):
        image = int(match[1])
    if type(image) is not int or image < 0:
        expected = "a number from 0, or a name such as '12.jpg'"
        raise SkeletonFormatError(path, f"{where}, key 'image_id'", expected, brief(image))
    track = content.get("track_id")
    if "track_id" not in content and type(content.get("idx")) is int:
        track = content["idx"]
    if track is not None and type(track) is not int:
        raise SkeletonFormatError(path, f"{where}, key 'track_id'", "an integer", brief(track))
    return _Person(image, track, content.get("category_id"), keypoints)


def _image_ids(path: Path, content: object) -> list[int]:
    images = entry(path, "the file", content, "images", list)
    ids = [entry(path, f"image {i}", image, "id", int) for i, image in enumerate(images)]
    if not ids or len(set(ids)) < len(ids):
        found = f"{len(ids)} images with {len(set(ids))} ids"
        raise SkeletonFormatError(path, "key 'images'", "images, each with an id of its own", found)
    return sorted(ids)


def _fill(
    path: Path, people: Sequence[_Person], frames: Sequence[int], skeleton: Skeleton
) -> Array:
    """The keypoints ``[M, T, V, 3]``, NaN where nobody is."""
    tracks = sorted({person.track for person in people if person.track is not None})
    count = Counter(person.frame for person in people)
    most = len(tracks) or max(count.values(), default=0)
    values = empty_tracks(path, (most, len(frames), skeleton.num_joints, 3))
    column = {frame: place for place, frame in enumerate(frames)}
    row = {track: place for place, track in enumerate(tracks)}
    seen: Counter[int] = Counter()
    for number, (frame, track, _, keypoints) in enumerate(people):
        if frame not in column:
            expected = "the id of an image"
            raise SkeletonFormatError(path, f"entry {number}, key 'image_id'", expected, f"{frame}")
        place = seen[frame] if track is None else row[track], column[frame]
        if not np.isnan(values[place]).all():
            expected = "each track once in a frame"
            raise SkeletonFormatError(path, f"entry {number}", expected, f"track {track} twice")
        values[place] = keypoints
        seen[frame] += 1
    return values


def _check_same(path: Path, key: str, values: Sequence[object]) -> None:
    if len({str(value) for value in values}) > 1:
        expected = "one value in all entries" if key == "category_id" else "in all entries or none"
        raise SkeletonFormatError(path, f"key {key!r}", expected, "some of each")


def _check_flags(path: Path, flags: Array) -> None:
    known = np.isin(flags, range(_MAX_FLAG + 1)) | np.isnan(flags)
    if not known.all():
        found = f"{flags[~known][0]:g}"
        raise SkeletonFormatError(path, "key 'keypoints'", "0, 1 or 2 as third numbers", found)
