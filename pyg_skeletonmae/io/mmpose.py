"""MMPose 1.x: predictions as JSON, of its inferencer and of its demos."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from pyg_skeletonmae.errors import SkeletonFormatError
from pyg_skeletonmae.files.names import nfc
from pyg_skeletonmae.io.coco_keypoints import whole_body
from pyg_skeletonmae.io.identities import identities
from pyg_skeletonmae.io.joint_names import joint_index
from pyg_skeletonmae.io.json_file import brief, entry, number_list, number_rows, read_json
from pyg_skeletonmae.io.people import Person, stack_people
from pyg_skeletonmae.io.poses import AS_IS, PoseOptions, PoseTracks, finish_tracks
from pyg_skeletonmae.skeleton import Skeleton
from pyg_skeletonmae.skeleton.layouts import get_layout

_FORMS = "MMPose 1.x: 'instance_info', 'predictions', or a list of frames or of instances"
_UNNAMED = "the file calls its keypoints otherwise than the skeleton: they are read in its order"


def read_mmpose(
    path: str | Path,
    layout: str | Path | Skeleton = "coco17",
    options: PoseOptions = AS_IS,
) -> PoseTracks:
    """Reads the predictions of one recording.

    An **instance** is ``{"keypoints": [[x, y], ...], "keypoint_scores": [...]}``, in 3-D with z. A
    **frame** is ``{"frame_id", "instances": [...]}`` or a list of instances, its number then its
    place. The file holds a list of frames (the inferencer, of a video), of instances (of one
    image), or an object with either under ``instance_info`` (the demos) or ``predictions``. A frame
    whose number is left out shows nobody. Boxes are not read.

    Joints are found by ``keypoint_id2name`` under ``meta_info``; without it, or where it has other
    names for as many keypoints, these stand in the order of the skeleton. Of COCO-WholeBody's and
    Halpe's, those of ``coco17`` are read, unless ``layout`` is ``wholebody133``, ``halpe26`` or
    ``halpe136``. ``track_id`` makes the tracks, see :mod:`pyg_skeletonmae.io.identities`;
    without it track ``m`` is the ``m``-th instance of each frame. A keypoint whose score is not
    above 0 is missing; scores may be above 1.

    Args:
        path: The file.
        layout: The skeleton of the keypoints.
        options: What to do with scores and pixels.

    Returns:
        ``pos [M, T, V, 2 or 3]`` in the unit of the file.

    Raises:
        SkeletonFormatError: The file is missing, damaged, or none of these forms, it lacks a joint,
            or instances differ in coordinates.
    """
    path, skeleton = Path(path), get_layout(layout)
    content = read_json(path)
    names = _names(path, content)
    people: list[Person] = []
    numbers: list[int] = []
    notes: dict[str, None] = {}
    for number, instances in _frames(path, content):
        numbers.append(number)
        for place, item in enumerate(instances):
            where = f"frame {number}, instance {place}"
            person, more = _person(path, where, number, item, skeleton, names)
            people.append(person)
            notes |= dict.fromkeys(more)
    values, doubts = stack_people(path, people, numbers, skeleton.num_joints)
    pos, score = values[..., :-1].copy(), values[..., -1]
    pos[score == 0] = np.nan
    notes = dict.fromkeys((*doubts, *notes))
    return finish_tracks(path, pos, score, skeleton, options, max_score=math.inf, notes=[*notes])


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


def _names(path: Path, content: object) -> dict[int, str]:
    """The names of keypoints by their numbers, where the file names them."""
    meta = content.get("meta_info") if isinstance(content, dict) else None
    names = meta.get("keypoint_id2name") if isinstance(meta, dict) else None
    if names is None:
        return {}
    if not isinstance(names, dict) or not all(
        isinstance(name, str) and key.isascii() and key.isdigit() and len(key) < 5
        for key, name in names.items()
    ):
        raise SkeletonFormatError(path, "key 'keypoint_id2name'", "names by number", brief(names))
    return {int(key): nfc(name) for key, name in names.items()}


def _person(
    path: Path, where: str, frame: int, item: Any, skeleton: Skeleton, names: dict[int, str]
) -> tuple[Person, tuple[str, ...]]:
    """The joints of an instance, and what is to be noted about them."""
    rows = entry(path, where, item, "keypoints", list)
    scores = entry(path, where, item, "keypoint_scores", list)
    if len(rows) == 1 and len(scores) > 1 and isinstance(rows[0], list):
        rows = rows[0]  # the lifters' instances
    points = number_rows(path, f"{where}, key 'keypoints'", rows, (2, 3))
    score = number_list(path, f"{where}, key 'keypoint_scores'", scores, len(points))
    values = np.concatenate([points, score[:, None]], 1)
    joints, notes = skeleton.num_joints, whole_body(len(values), skeleton)
    called = {skeleton.aliases.get(name, name) for name in names.values()}
    if names and (called >= set(skeleton.joints) or not (notes or len(values) == joints)):
        place = joint_index(path, "key 'keypoint_id2name'", list(names.values()), skeleton)
        index, notes = [list(names)[number] for number in place], ()
        if max(index) >= len(values):
            raise SkeletonFormatError(path, where, f"{len(names)} keypoints", f"{len(values)}")
    elif notes or len(values) == joints:
        index, notes = list(range(joints)), (*notes, *([_UNNAMED] if names else []))
    else:
        raise SkeletonFormatError(path, where, f"{joints} keypoints", f"{len(values)}")
    return Person(frame, identities(item), values[index]), notes
