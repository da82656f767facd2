"""Kinetics-skeleton: one JSON file a clip, as ST-GCN's authors give them."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from pyg_skeletonmae.io.json_file import entry, number_list, read_json
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
    class (``label``, ``label_index``) is not read: labels come from a table.

    Args:
        path: The file.
        layout: The skeleton of the points.
        options: What to do with scores; ``image_size`` brings x and y, which are parts of the
            width and height, to -1 to 1.

    Returns:
        ``pos [M, T, V, 2]``; track ``m`` is the ``m``-th person of each frame, as is.

    Raises:
        SkeletonFormatError: The file is missing, damaged or not as above.
    """
    path, skeleton = Path(path), get_layout(layout)
    joints = skeleton.num_joints
    people, numbers = [], []
    for place, frame in enumerate(entry(path, "the file", read_json(path), "data", list)):
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
    return finish_tracks(path, pos, score, skeleton, options, notes=notes)
