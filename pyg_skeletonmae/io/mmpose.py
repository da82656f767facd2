"""MMPose 1.x: predictions as JSON, of its inferencer and of its demos."""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from pyg_skeletonmae.errors import SkeletonFormatError
from pyg_skeletonmae.files.names import nfc
from pyg_skeletonmae.io.coco_keypoints import whole_body
from pyg_skeletonmae.io.identities import identities, tell_apart
from pyg_skeletonmae.io.json_file import brief, entry, points, read_json
from pyg_skeletonmae.io.npz import Array
from pyg_skeletonmae.io.poses import AS_IS, PoseOptions, PoseTracks, empty_tracks, finish_tracks
from pyg_skeletonmae.skeleton import Skeleton
from pyg_skeletonmae.skeleton.layouts import get_layout

_FORMS = "MMPose 1.x: 'instance_info', 'predictions', or a list of frames or of instances"


def read_mmpose(
    path: str | Path,
    layout: str | Path | Skeleton = "coco17",
    options: PoseOptions = AS_IS,
) -> PoseTracks:
    """Reads the predictions of one recording.

    An **instance** is ``{"keypoints": [[x, y], ...], "keypoint_scores": [...]}``, in 3-D with z. A
    **frame** is ``{"frame_id", "instances": [...]}`` or a list of instances, its number then its
    place. The file holds a list of frames (the inferencer, of a video), of instances (of one
    image), or an object with frames under ``instance_info`` (the demos) or ``predictions``. A frame
    whose number is left out shows nobody.

    Joints are found by ``keypoint_id2name`` under ``meta_info`` where it names all of the skeleton;
    otherwise keypoints stand in the order of the skeleton. Of COCO-WholeBody's and Halpe's, those
    of ``coco17`` are read, unless ``layout`` has all. ``track_id`` makes the tracks, see
    :mod:`pyg_skeletonmae.io.identities`; without it track ``m`` is the ``m``-th instance of each
    frame. A keypoint whose score is not above 0 is missing; scores may be above 1.

    Args:
        path: The file.
        layout: The skeleton of the keypoints.
        options: What to do with scores and pixels.

    Returns:
        ``pos [M, T, V, 2 or 3]`` in the unit of the file.

    Raises:
        SkeletonFormatError: The file is missing, damaged, or none of these forms, or instances
            differ in coordinates.
    """
    path, skeleton = Path(path), get_layout(layout)
    content = read_json(path)
    order = _order(content, skeleton)
    people: list[_Person] = []
    numbers: list[int] = []
    for number, instances in _frames(path, content):
        numbers.append(number)
        for place, item in enumerate(instances):
            where = f"frame {number}, instance {place}"
            people.append(_person(path, where, number, item, skeleton, order))
    if not numbers:
        raise SkeletonFormatError(path, "the file", "frames", "none")
    if len(set(numbers)) < len(numbers):
        raise SkeletonFormatError(
            path, "key 'frame_id'", "each frame once", "one that stands twice"
        )
    channels = {person.points.shape[1] for person in people} or {3}
    if len(channels) > 1:
        raise SkeletonFormatError(path, "key 'keypoints'", "x, y or x, y, z in all", "some of each")
    first = min(numbers)
    places = tell_apart([p.frame for p in people], [p.identities for p in people])
    span = max(numbers) - first + 1
    values = empty_tracks(path, (places.size, span, skeleton.num_joints, channels.pop()))
    for track, person in zip(places.tracks, people, strict=True):
        values[track, person.frame - first] = person.points
    pos, score = values[..., :-1].copy(), values[..., -1]
    pos[~(score > 0)] = np.nan
    notes = (*places.notes, *dict.fromkeys(note for person in people for note in person.notes))
    return finish_tracks(path, pos, score, skeleton, options, max_score=np.inf, notes=notes)


class _Person(NamedTuple):
    frame: int
    identities: dict[str, Hashable]
    points: Array  # [V, 3 or 4], the score last
    notes: tuple[str, ...]


def _frames(path: Path, content: object) -> Iterator[tuple[int, list[Any]]]:
    """The number and the instances of each frame."""
    if isinstance(content, dict):
        content = content.get("instance_info", content.get("predictions"))
    if not isinstance(content, list):
        raise SkeletonFormatError(path, "the file", _FORMS, brief(content))
    if content and isinstance(content[0], dict) and "keypoints" in content[0]:
        content = [content]  # one image
    for place, frame in enumerate(content):
        where = f"frame {place}"
        if isinstance(frame, list):
            yield place, frame
            continue
        instances = entry(path, where, frame, "instances", list)
        number = entry(path, where, frame, "frame_id", int) if "frame_id" in frame else place
        yield number, instances


def _order(content: object, skeleton: Skeleton) -> list[int] | None:
    """The keypoint of each joint by the names in the file; None if it does not name them all."""
    meta = content.get("meta_info") if isinstance(content, dict) else None
    names = meta.get("keypoint_id2name") if isinstance(meta, dict) else None
    if not isinstance(names, dict):
        return None
    place: dict[str, int] = {}
    for number, name in names.items():
        if isinstance(name, str) and number.isascii() and number.isdigit() and len(number) < 5:
            place[skeleton.aliases.get(nfc(name), nfc(name))] = int(number)
    if not set(skeleton.joints) <= place.keys():
        return None
    return [place[joint] for joint in skeleton.joints]


def _person(
    path: Path, where: str, frame: int, item: object, skeleton: Skeleton, order: list[int] | None
) -> _Person:
    rows = entry(path, where, item, "keypoints", list)
    scores = entry(path, where, item, "keypoint_scores", list)
    if len(rows) == 1 and len(scores) > 1 and isinstance(rows[0], list):
        rows = rows[0]  # the lifters' instances
    size = len(rows[0]) if rows and isinstance(rows[0], list) else 0
    if size not in (2, 3) or any(not isinstance(r, list) or len(r) != size for r in rows):
        expected = "a list of x, y or x, y, z for each keypoint"
        raise SkeletonFormatError(path, f"{where}, key 'keypoints'", expected, brief(rows))
    if len(scores) != len(rows):
        expected = f"{len(rows)} scores"
        raise SkeletonFormatError(path, f"{where}, key 'keypoint_scores'", expected, brief(scores))
    notes: tuple[str, ...] = ()
    table = [[*row, score] for row, score in zip(rows, scores, strict=True)]
    if order is not None and max(order) < len(table):
        table = [table[number] for number in order]
    elif notes := whole_body(len(table), skeleton):
        table = table[: skeleton.num_joints]
    numbers = [number for row in table for number in row]
    joints = points(path, where, numbers, skeleton.num_joints, size + 1)
    if (joints[:, -1] < 0).any():
        raise SkeletonFormatError(path, where, "scores from 0", f"{joints[:, -1].min():g}")
    return _Person(frame, identities(dict(item) if isinstance(item, dict) else {}), joints, notes)
