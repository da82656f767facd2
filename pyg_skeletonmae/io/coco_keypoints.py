"""COCO keypoint JSON: a list of results, or annotations beside their images."""

from __future__ import annotations

import re
from collections.abc import Hashable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from pyg_skeletonmae.errors import SkeletonFormatError
from pyg_skeletonmae.io.identities import identities, tell_apart
from pyg_skeletonmae.io.json_file import brief, entry, points, read_json
from pyg_skeletonmae.io.npz import Array
from pyg_skeletonmae.io.poses import AS_IS, PoseOptions, PoseTracks, empty_tracks, finish_tracks
from pyg_skeletonmae.skeleton import Skeleton
from pyg_skeletonmae.skeleton.layouts import HALPE26, HALPE136, WHOLEBODY133, get_layout

_IMAGE_FILE = re.compile(r"(.*?)(\d{1,18})\.\w+", re.ASCII | re.DOTALL)
_MAX_FLAG = 2
_WHOLE_BODIES = {layout.num_joints: layout for layout in (HALPE26, WHOLEBODY133, HALPE136)}


def whole_body(count: int, skeleton: Skeleton) -> tuple[str, ...]:
    """What is to be noted if so many keypoints are those of a skeleton and others after them.

    Halpe (26 or 136 keypoints) and COCO-WholeBody (133) begin with the 17 of COCO.
    """
    whole, joints = _WHOLE_BODIES.get(count), skeleton.num_joints
    if whole is None or joints >= count or whole.joints[:joints] != skeleton.joints:
        return ()
    first = f"of {count} keypoints the first {joints}, those of {skeleton.name!r}, are read"
    return (f"{first}; the skeleton {whole.name!r} has all",)


def read_coco_keypoints(
    path: str | Path,
    layout: str | Path | Skeleton = "coco17",
    options: PoseOptions = AS_IS,
) -> PoseTracks:
    """Reads the keypoints of one recording.

    **Results** are a list of ``{"image_id", "keypoints": [x, y, score, ...]}``. ``image_id`` is the
    frame number, or the name of a frame such as ``"12.jpg"`` or ``"walk_0012.png"`` (AlphaPose),
    all of them with the same text before the number. There is a frame for every number from the
    smallest to the largest: one without an entry has nobody in it.

    **Annotations** are ``{"images": [{"id"}, ...], "annotations": [{"image_id", "keypoints":
    [x, y, v, ...]}, ...]}``, with a frame for every image in the order of ``id``, and
    ``v`` = 0, 1 or 2 for not labelled, labelled and hidden, visible; the score is ``v / 2``.

    Tracks are made, in the order of the identities, of the first of ``track_id`` (also
    ``tracking_id``, ``trackId`` and ``track``), ``idx``
    (AlphaPose; also in lists), ``person_id``, ``instance_id`` and ``id`` that tells people apart:
    none does that stands twice in a frame, and neither do the last two where each stands once, as
    they then number the entries. See :mod:`pyg_skeletonmae.io.identities`. Otherwise track ``m`` is
    the ``m``-th entry of each frame, as is. A keypoint with score 0 is missing. Of Halpe's and
    COCO-WholeBody's keypoints those of ``coco17`` are read, unless ``layout`` is ``halpe26``,
    ``halpe136`` or ``wholebody133``. Other keys, boxes for example, are not read.

    Args:
        path: The file.
        layout: The skeleton of the keypoints.
        options: What to do with scores and pixels. ``min_score=0.5`` keeps what annotations call
            visible.

    Returns:
        ``pos [M, T, V, 2]`` in pixels.

    Raises:
        SkeletonFormatError: The file is missing, damaged, or neither form, or entries have several
            categories.
    """
    path, skeleton = Path(path), get_layout(layout)
    content = read_json(path)
    results = isinstance(content, list)
    entries = content if results else entry(path, "the file", content, "annotations", list)
    people = [_read_person(path, number, item, skeleton) for number, item in enumerate(entries)]
    numbers = {person.frame for person in people}
    if results and not people:
        raise SkeletonFormatError(path, "the file", "results", "an empty list")
    frames: Sequence[int]
    if results:
        frames = range(min(numbers), max(numbers) + 1)
    else:
        images = enumerate(entry(path, "the file", content, "images", list))
        frames = sorted(entry(path, f"image {i}", image, "id", int) for i, image in images)
        if not frames or len(set(frames)) < len(frames):
            expected = "images, each with an id of its own"
            ids = f"{len(frames)} images with {len(set(frames))} ids"
            raise SkeletonFormatError(path, "key 'images'", expected, ids)
    _check_same(path, "key 'category_id'", [person.category for person in people])
    _check_same(path, "the names of key 'image_id'", [person.recording for person in people])
    places = tell_apart([p.frame for p in people], [p.identities for p in people])
    values = empty_tracks(path, (places.size, len(frames), skeleton.num_joints, 3))
    column = {frame: place for place, frame in enumerate(frames)}
    for number, (person, track) in enumerate(zip(people, places.tracks, strict=True)):
        if person.frame not in column:
            where = f"entry {number}, key 'image_id'"
            raise SkeletonFormatError(path, where, "the id of an image", f"{person.frame}")
        values[track, column[person.frame]] = person.points
    pos, score = values[..., :2].copy(), values[..., 2]
    if not results:
        flags = np.isin(score, range(_MAX_FLAG + 1)) | np.isnan(score)
        if not flags.all():
            other = f"{score[~flags][0]:g}"
            raise SkeletonFormatError(path, "key 'keypoints'", "0, 1 or 2 as third numbers", other)
        score /= _MAX_FLAG
    pos[~(score > 0)] = np.nan
    notes = (*places.notes, *dict.fromkeys(note for person in people for note in person.notes))
    return finish_tracks(path, pos, score, skeleton, options, max_score=np.inf, notes=notes)


class _Person(NamedTuple):
    frame: int
    recording: str  # what stands before the number in the name of a frame
    identities: dict[str, Hashable]
    category: object
    points: Array
    notes: tuple[str, ...]


def _read_person(path: Path, number: int, item: object, skeleton: Skeleton) -> _Person:
    where = f"entry {number}"
    numbers = entry(path, where, item, "keypoints", list)
    notes = whole_body(len(numbers) // 3, skeleton) if len(numbers) % 3 == 0 else ()
    numbers = numbers[: 3 * skeleton.num_joints] if notes else numbers
    keypoints = points(path, f"{where}, key 'keypoints'", numbers, skeleton.num_joints)
    if (keypoints[:, 2] < 0).any():
        raise SkeletonFormatError(path, where, "scores from 0", f"{keypoints[:, 2].min():g}")
    content: dict[str, Any] = dict(item) if isinstance(item, dict) else {}
    image, recording = content.get("image_id"), ""
    if isinstance(image, str) and (match := _IMAGE_FILE.fullmatch(image)):
        recording, image = match[1], int(match[2])
    if type(image) is not int or image < 0:
        expected = "a number from 0, or a name such as '12.jpg'"
        raise SkeletonFormatError(path, f"{where}, key 'image_id'", expected, brief(image))
    return _Person(
        image, recording, identities(content), content.get("category_id"), keypoints, notes
    )


def _check_same(path: Path, where: str, values: Sequence[object]) -> None:
    if len({str(value) for value in values}) > 1:
        raise SkeletonFormatError(path, where, "one value in all entries", "several")
