"""YOLO pose models: a folder of text files, or the JSON of Ultralytics' results."""

from __future__ import annotations

import math
import re
from pathlib import Path

import numpy as np

from pyg_skeletonmae.errors import SkeletonFormatError
from pyg_skeletonmae.io.identities import identities
from pyg_skeletonmae.io.json_file import brief, entry, number_list, read_json
from pyg_skeletonmae.io.npz import Array, require_file
from pyg_skeletonmae.io.people import Person, stack_people
from pyg_skeletonmae.io.poses import AS_IS, PoseOptions, PoseTracks, finish_tracks, scale_parts
from pyg_skeletonmae.io.scan import list_files
from pyg_skeletonmae.skeleton import Skeleton
from pyg_skeletonmae.skeleton.layouts import get_layout

_BOX = 5  # class, and the box's centre, width and height
_MAX_BYTES = 4 * 2**20
_NAME = re.compile(r"(?:(.*?)[_\-])?(\d{1,18})\.txt", re.ASCII)
_CHARACTERS = re.compile(r"[0-9eE+\-. \t]*")
_PARTS = 2.0  # a larger coordinate is no part of the width or height


def read_yolo_pose(
    path: str | Path, layout: str | Path | Skeleton = "coco17", options: PoseOptions = AS_IS
) -> PoseTracks:
    """Reads the poses of one recording.

    A **folder** holds a file ``<name>_<frame number>.txt`` for each frame in which somebody is
    (``save_txt=True``, with ``save_conf`` or not, and label files), a line for each person: class,
    box, and x, y and perhaps a score for each joint, all as parts of the width and height; then
    perhaps the confidence of the box, and the number of the track. Frames without a file have
    nobody in them. ``classes.txt`` is not looked at. Scores that are 0, 1 and 2 are the flags of
    labels (hidden 1, visible 2) and are halved.

    A **JSON file** holds for each frame the list that ``result.to_json()`` gives, in pixels or,
    with ``normalize=True``, as parts of the width and height.

    A joint at (0, 0) is missing, as Ultralytics writes it. The numbers of tracks (in JSON
    ``track_id``) make the tracks, see :mod:`pyg_skeletonmae.io.identities`; without them track
    ``m`` is the ``m``-th person of each frame.

    Args:
        path: The folder or the file.
        layout: The skeleton of the keypoints.
        options: What to do with scores; ``image_size`` brings x and y to -1 to 1.

    Returns:
        ``pos [M, T, V, 2]``.

    Raises:
        SkeletonFormatError: A file is missing, damaged or not as above; the message names the line.
    """
    path, skeleton = Path(path), get_layout(layout)
    read = _read_folder if path.is_dir() else _read_results
    people, numbers, notes = read(path, skeleton)
    values, doubts = stack_people(path, people, numbers, skeleton.num_joints)
    notes += doubts
    pos = values[..., :2].copy()
    score = values[..., 2] if values.shape[-1] == 3 else None
    pos[(pos == 0).all(-1)] = np.nan
    if path.is_dir() or np.nanmax(np.abs(pos), initial=0) <= _PARTS:
        notes += scale_parts(pos, options)
    if score is not None and np.nanmax(score, initial=0) == 2:
        if not np.isin(score[~np.isnan(score)], (0, 1, 2)).all():
            raise SkeletonFormatError(path, "the scores", "0 to 1, or the flags 0, 1, 2", "others")
        score = score / 2
        notes.append("scores of 0, 1 and 2 are flags of labels: halved")
    return finish_tracks(path, pos, score, skeleton, options, notes=notes)


def _read_folder(folder: Path, skeleton: Skeleton) -> tuple[list[Person], list[int], list[str]]:
    """Everybody in the text files of a folder, the frames, and notes."""
    frames: dict[int, Path] = {}
    names: set[str | None] = set()
    for path in list_files(folder, "*.txt"):
        if path.name == "classes.txt":
            continue
        if (match := _NAME.fullmatch(path.name)) is None:
            raise SkeletonFormatError(path, "the name", "<name>_<frame number>.txt", path.name)
        names.add(match[1])
        if len(names) > 1 or int(match[2]) in frames:
            expected = "the frames of one recording in a folder"
            raise SkeletonFormatError(path, "the name", expected, "another recording")
        frames[int(match[2])] = path
    rows = {number: _read_rows(path) for number, path in frames.items()}
    columns = {row.shape[1] for row in rows.values() if len(row)}
    if len(columns) > 1:
        expected = "the same number of columns in all files"
        raise SkeletonFormatError(folder, "the files", expected, f"{sorted(columns)}")
    if not columns:
        return [], list(frames), []
    everybody = np.concatenate([row for row in rows.values() if len(row)])
    width, track = _columns(folder, everybody, skeleton.num_joints)
    people = []
    for number, row in rows.items():
        for person in row:
            points = person[_BOX : _BOX + width * skeleton.num_joints]
            who = {} if track is None else {"track_id": int(person[track])}
            people.append(Person(number, who, points.reshape(-1, width)))
    classes = np.unique(everybody[:, 0])
    if len(classes) == 1:
        return people, list(frames), []
    return people, list(frames), [f"{len(classes)} classes of the detector, read alike"]


def _columns(folder: Path, rows: Array, joints: int) -> tuple[int, int | None]:
    """How many numbers a joint has, and the column of the track."""
    count = rows.shape[1] - _BOX
    width = next((w for w in (3, 2) if 0 <= count - w * joints <= 2), 0)
    if not width:
        expected = f"class, box and {2 * joints} or {3 * joints} numbers for {joints} joints"
        raise SkeletonFormatError(folder, "the files", expected, f"{rows.shape[1]} columns")
    last, more = rows[:, -1], count - width * joints
    whole = bool((last == np.floor(last)).all() and (last >= 0).all() and (last < 2**31).all())
    if more == 2 and not whole:
        raise SkeletonFormatError(folder, "the last column", "the numbers of tracks", "others")
    if more == 2 or (more == 1 and whole and last.max() > 1):
        return width, -1
    if more == 1 and not ((last >= 0) & (last <= 1)).all():
        expected = "confidences of 0 to 1, or the numbers of tracks"
        raise SkeletonFormatError(folder, "the last column", expected, f"{last.max():g}")
    return width, None


def _read_rows(path: Path) -> Array:
    """The numbers of a file, ``[persons, columns]``, float32."""
    with require_file(path, "a text file").open("rb") as file:
        data = file.read(_MAX_BYTES + 1)
    if len(data) > _MAX_BYTES:
        raise SkeletonFormatError(path, "the file", f"at most {_MAX_BYTES} bytes", "more")
    rows: list[list[float]] = []
    for number, line in enumerate(data.decode("utf-8-sig", "replace").splitlines(), 1):
        words = line.split()
        if not words:
            continue
        try:
            if not _CHARACTERS.fullmatch(line):
                raise ValueError
            rows.append([float(word) for word in words])
        except ValueError:
            raise SkeletonFormatError(path, f"line {number}", "numbers", f"{line!r:.60}") from None
        if len(rows[0]) != len(words) or not all(map(math.isfinite, rows[-1])):
            expected = f"{len(rows[0])} finite numbers"
            raise SkeletonFormatError(path, f"line {number}", expected, f"{len(words)} others")
    with np.errstate(over="ignore"):  # what float32 cannot hold is reported as infinite
        return np.array(rows, np.float32).reshape(len(rows), -1 if rows else 0)


def _read_results(path: Path, skeleton: Skeleton) -> tuple[list[Person], list[int], list[str]]:
    """Everybody in a JSON file, the frames, and notes."""
    content = read_json(path)
    if not isinstance(content, list):
        raise SkeletonFormatError(path, "the file", "a list of frames", brief(content))
    frames = content if all(isinstance(item, list) for item in content) else [content]
    people = []
    for frame, items in enumerate(frames):
        for number, item in enumerate(items):
            where = f"frame {frame}, person {number}"
            keypoints = entry(path, where, item, "keypoints", dict)
            columns = []
            for key in ("x", "y", *(["visible"] if "visible" in keypoints else [])):
                numbers = entry(path, where, keypoints, key, list)
                place = f"{where}, key {key!r}"
                columns.append(number_list(path, place, numbers, skeleton.num_joints))
            who = identities(item) if isinstance(item, dict) else {}
            people.append(Person(frame, who, np.stack(columns, 1)))
    return people, list(range(len(frames))), []
