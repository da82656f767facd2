"""Kinetics-skeleton: one JSON file a clip, as ST-GCN's authors give them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from pyg_skeletonmae.errors import SkeletonFormatError
from pyg_skeletonmae.files.names import nfc
from pyg_skeletonmae.io.json_file import brief, entry, number_list, read_json
from pyg_skeletonmae.io.people import Person, stack_people
from pyg_skeletonmae.io.poses import AS_IS, PoseOptions, PoseTracks, finish_tracks, scale_parts
from pyg_skeletonmae.skeleton import Skeleton
from pyg_skeletonmae.skeleton.layouts import get_layout


def read_kinetics(
    path: str | Path, layout: str | Path | Skeleton = "openpose18", options: PoseOptions = AS_IS
) -> PoseTracks:
    """Reads the people of one clip.

    ``{"data": [{"frame_index", "skeleton": [{"pose": [x, y, ...], "score": [...]}, ...]}, ...]}``;
    frames that are left out have nobody in them, and a point whose score is 0 is missing. The
    class is ``label``, or ``label_index`` where there is no text.

    Args:
        path: The file.
        layout: The skeleton of the points.
        options: What to do with scores; ``image_size`` brings x and y, which are parts of the
            width and height, to -1 to 1.

    Returns:
        ``pos [M, T, V, 2]``; track ``m`` is the ``m``-th person of each frame, as is; ``labels``
        if the file says its class.

    Raises:
        SkeletonFormatError: The file is missing, damaged or not as above.
    """
    path, skeleton = Path(path), get_layout(layout)
    joints = skeleton.num_joints
    people, numbers = [], []
    content = read_json(path)
    for place, frame in enumerate(entry(path, "the file", content, "data", list)):
        where = f"key 'data', entry {place}"
        numbers.append(entry(path, where, frame, "frame_index", int))
        for number, person in enumerate(entry(path, where, frame, "skeleton", list)):
            who = f"{where}, person {number}"
            pose = number_list(path, who, entry(path, who, person, "pose", list), 2 * joints)
            score = number_list(path, who, entry(path, who, person, "score", list), joints)
            values = np.concatenate([pose.reshape(joints, 2), score[:, None]], 1)
            values[score == 0] = np.nan
            people.append(Person(numbers[-1], {}, values))
    values, notes = stack_people(path, people, numbers, joints)
    pos, score = values[..., :2].copy(), np.nan_to_num(values[..., 2])
    notes = (*notes, *scale_parts(pos, options))
    tracks = finish_tracks(path, pos, score, skeleton, options, notes=notes)
    label = _label(path, content)
    return tracks if label is None else replace(tracks, labels=(label,) * tracks.pos.shape[1])


def read_kinetics_label(path: Path) -> set[str]:
    """The class that a file says; none if it says none.

    Raises:
        SkeletonFormatError: The file is missing or damaged, or the class is neither text nor a
            number from 0.
    """
    label = _label(path, read_json(path))
    return set() if label is None else {label}


def _label(path: Path, content: object) -> str | None:
    if not isinstance(content, dict):
        raise SkeletonFormatError(path, "the file", "an object", brief(content))
    if content.get("label") is not None:
        label = entry(path, "the file", content, "label", str)
        if not label.strip():
            raise SkeletonFormatError(path, "key 'label'", "a class", brief(label))
        return nfc(label.strip())
    if content.get("label_index") is None:
        return None
    index = entry(path, "the file", content, "label_index", int)
    if index < 0:
        raise SkeletonFormatError(path, "key 'label_index'", "a class from 0", str(index))
    return str(index)
