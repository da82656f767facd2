"""Landmarks in a table of text: CSV, TSV and their kin, in any layout."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain
from pathlib import Path
from typing import NoReturn

import numpy as np

from pyg_skeletonmae.errors import SkeletonFormatError
from pyg_skeletonmae.io.column_names import SCORES, JointNames
from pyg_skeletonmae.io.frame_times import frames_of_times
from pyg_skeletonmae.io.landmark_columns import (
    NOTHING_SAID,
    ColumnFinder,
    Columns,
    TableOptions,
)
from pyg_skeletonmae.io.npz import Array
from pyg_skeletonmae.io.poses import (
    AS_IS,
    PoseOptions,
    PoseTracks,
    check_size,
    empty_tracks,
    finish_tracks,
)
from pyg_skeletonmae.io.text_table import TextTable
from pyg_skeletonmae.skeleton import Skeleton
from pyg_skeletonmae.skeleton.layouts import get_layout

_MOST_FRAME, _MOST_TEXT, _NO_PIXEL = 1e9, 1000, 2.0


def read_landmark_table(
    path: str | Path,
    layout: str | Path | Skeleton,
    options: PoseOptions = AS_IS,
    table: TableOptions = NOTHING_SAID,
) -> PoseTracks:
    """Reads the landmarks of a recording from a table, however its columns are called and ordered.

    A row is a frame, or one person in a frame, or one landmark in a frame. Cells stand between
    commas, ``;``, tabs, ``|`` or blanks; decimal commas are understood where they can be nothing
    else. The columns of landmarks are named by joint (name or alias of the skeleton) or number, and
    by x, y, perhaps z, and perhaps a score (``visibility``, ``v``, ``score``, ``confidence``,
    ``likelihood``, ``presence``), in any order and with anything around: ``NOSE_x``, ``x0``,
    ``landmark_0_x``, ``nose.x``, ``x_nose``. A table without names has all channels of a joint
    after those of the joint before. Joints that are numbers count from 0, or from 1 without a 0.

    A column ``frame`` (``frame_id``, ``frame_number``, ...) says the frame; a number that is left
    out is a frame in which nobody was found. Without it, a column ``time`` does so if its steps are
    even, and says the frame rate. ``person``, ``person_id``, ``track_id`` make tracks, as does
    ``id`` where frames come several times. A row for each landmark has ``landmark``, ``joint``,
    ``keypoint`` or the like, or ``id``. All other columns are left out; ``notes`` say which.
    Empty cells (or ``nan``) are missing landmarks.

    Args:
        path: The file.
        layout: The skeleton. Landmarks that it does not have are left out.
        options: What to do with scores and pixels.
        table: What the table does not say itself.

    Returns:
        ``pos [M, T, V, 2 or 3]`` in the unit of the file, persons in the order of their ids.

    Raises:
        SkeletonFormatError: The file is missing or damaged, or could mean several things; the
            message names the line and the column, and the argument that settles it.
    """
    skeleton = get_layout(layout)
    text = TextTable(path, "a table of landmarks")
    rows = text.rows()
    names, unnamed, rows = _head(text, rows, table)
    columns = ColumnFinder(skeleton, table, text.fail).find(names, unnamed)
    body = _Body(text, names, columns, skeleton, table)
    for cells in rows:
        body.add(cells)
    return body.tracks(options)


def read_table_labels(path: str | Path, table: TableOptions) -> set[str]:
    """What stands in the column ``label_column`` of a table.

    Raises:
        SkeletonFormatError: The file is missing or damaged, or has no such column.
    """
    text = TextTable(path, "a table of landmarks")
    names, _, rows = _head(text, text.rows(), table)
    same = [i for i, name in enumerate(names) if name.lower() == str(table.label_column).lower()]
    if len(same) != 1:
        text.fail(f"the column {table.label_column!r:.60} of label_column= once", "none or several")
    return {_label(text, names[same[0]], cells[same[0]]) for cells in rows if same[0] < len(cells)}


def _head(
    text: TextTable, rows: Iterator[list[str]], table: TableOptions
) -> tuple[list[str], list[int], Iterator[list[str]]]:
    """The names of the columns, which of them are numbers without names, and the rows."""
    first = next(rows, None)
    if first is None:
        text.fail("a row of names or numbers", "the end of the file")
    numbers = [i for i, cell in enumerate(first) if _is_number(cell)]
    if any(first) and 2 * len(numbers) < sum(map(bool, first)):
        return first[:-1] if first[-1] == "" else first, [], rows  # a comma too many
    names = [f"column {i + 1}" for i in range(len(first))]
    if len(numbers) > 1 and [first[i] for i in numbers] == list(map(str, range(len(numbers)))):
        # As pandas names the columns of an array.
        return [name or names[i] for i, name in enumerate(first)], numbers, rows
    unnamed = [i for i, cell in enumerate(first) if not cell or i in set(numbers)]
    return names, unnamed, chain([first], rows)


def _is_number(cell: str) -> bool:
    try:
        return not math.isinf(float(cell.replace(",", ".")))
    except ValueError:
        return False


def _label(text: TextTable, name: str, cell: str) -> str:
    if not cell or not cell.isprintable() or len(cell) > _MOST_TEXT:
        text.fail("a label: printable text that is not empty", f"{cell!r:.60}", name)
    return cell


@dataclass
class _Body:
    """The rows of a table, one after another.

    Args:
        text: The file.
        names: The names of its columns.
        columns: What they are.
        skeleton: The skeleton.
        options: What the table does not say itself.
    """

    text: TextTable
    names: Sequence[str]
    columns: Columns
    skeleton: Skeleton
    options: TableOptions
    values: list[Array] = field(default_factory=list)
    texts: dict[str, list[str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._roles = roles = dict(self.columns.roles)
        # An id may be anything unless it is needed; the others are numbers.
        self.texts = {what: [] for what in ("person", "id", "landmark", "label") if what in roles}
        self._order = [what for what in ("frame", "time") if what in roles]
        self._used = [*(roles[what] for what in self._order), *map(int, self.columns.place.flat)]
        self._said = [self.names[i] for i in self._used]

    def add(self, cells: list[str]) -> None:
        """Takes a row.

        Raises:
            SkeletonFormatError: It has too few or too many cells, or words where numbers belong.
        """
        if len(cells) == len(self.names) + 1 and not cells[-1]:
            cells = cells[:-1]
        if len(cells) != len(self.names):
            comma = self.text.separator == "," and len(cells) > len(self.names)
            more = " (after decimal commas, cells end with ; or tabs)" if comma else ""
            self.text.fail(f"{len(self.names)} cells{more}", f"{len(cells)}")
        for what, column in self.texts.items():
            cell = cells[self._roles[what]]
            if what == "label":
                _label(self.text, self.names[self._roles[what]], cell)
            elif what != "id" and not cell:
                self.text.fail(f"a {what} in every row, or ignore=", "an empty cell", what)
            column.append(cell)
        numbers = self.text.numbers([cells[i] for i in self._used], self._said)
        self.values.append(np.array(numbers))
        check_size(self.text.path, (2, len(self.values), len(self._used), 1))  # 2: float64

    def tracks(self, options: PoseOptions) -> PoseTracks:
        """All rows as tracks."""
        self.text.finish()
        if not self.values:
            self.text.fail("a row of numbers", "the end of the file")
        values, notes = np.stack(self.values), [*self.columns.notes]
        head, values = values[:, : len(self._order)], values[:, len(self._order) :]
        joints = self._joints(notes)
        frames, fps = self._frames(dict(zip(self._order, head.T, strict=True)), joints, notes)
        persons, count = self._persons(frames, notes)
        sets, _, channels = self.columns.place.shape
        shape = (count * sets, int(frames.max()) + 1, self.skeleton.num_joints, channels)
        pos = empty_tracks(self.text.path, shape)
        self._check_once(frames, persons, joints)
        with np.errstate(over="ignore"):  # what float32 cannot hold is reported as infinite
            if joints is None:
                for number, one in enumerate(np.split(values, sets, axis=1)):
                    cells = one.reshape(len(one), self.skeleton.num_joints, channels)
                    pos[persons * sets + number, frames] = cells
            else:
                good = joints >= 0
                pos[persons[good], frames[good], joints[good]] = values[good]
        return self._finish(pos, frames, fps, options, notes)

    def _finish(
        self, pos: Array, frames: Array, fps: float | None, options: PoseOptions, notes: list[str]
    ) -> PoseTracks:
        channels, path = self.columns.channels, self.text.path
        score = pos[..., -1] if channels[-1] in SCORES else None
        pos = pos[..., : len(channels) - (score is not None)].copy()
        if options.image_size is not None and not (np.abs(pos[..., :2]) > _NO_PIXEL).any():
            expected = "pixels where image_size= is given (leave it out)"
            raise SkeletonFormatError(path, "x and y", expected, f"none above {_NO_PIXEL:g}")
        ignored = list(self.columns.ignored)
        ignored += [self.names[i] for what, i in self._roles.items() if what == "id"]  # not needed
        if ignored:
            notes.append(f"ignored: {_listed(ignored)}")
        labels = self._labels(frames) if "label" in self.texts else None
        options = options if options.fps or not fps else replace(options, fps=fps)
        said = ("; ".join(notes),)
        tracks = finish_tracks(path, pos, score, self.skeleton, options, notes=said)
        return replace(tracks, labels=labels)

    # Rows ---------------------------------------------------------------------------------------

    def _joints(self, notes: list[str]) -> Array | None:
        """The joint of each row ``[rows]``, -1 = none of the skeleton; None if rows are frames."""
        if "landmark" not in self.texts:
            return None
        cells, column = self.texts["landmark"], self.names[self._roles["landmark"]]
        notes.append(f"a row for each landmark, by {column}")
        joint_of = {cell: JointNames(self.skeleton).find(cell) for cell in dict.fromkeys(cells)}
        if all(joint is None for joint in joint_of.values()):
            joint_of = self._numbered(list(joint_of), notes)
        if others := [cell for cell, joint in joint_of.items() if joint is None]:
            if len(others) == len(joint_of) or self.options.strict:
                self._fail_column("landmark", f"joints of {self.skeleton.name}", _listed(others))
            notes.append(f"landmarks left out: {_listed(others)}")
        never = {*range(self.skeleton.num_joints)} - {*joint_of.values()}
        if never:
            notes.append(
                f"never there: {_listed([self.skeleton.joints[j] for j in sorted(never)])}"
            )
        return np.array([-1 if (joint := joint_of[cell]) is None else joint for cell in cells])

    def _numbered(self, cells: list[str], notes: list[str]) -> dict[str, int | None]:
        """Joints by their numbers."""
        numbers = []
        for cell in cells:
            value = float(cell.replace(",", ".")) if _is_number(cell) else -1.0
            if value < 0 or value != int(value) or value > _MOST_FRAME:
                expected = f"joints of {self.skeleton.name} by name or number"
                self._fail_column("landmark", expected, f"{cell!r:.60}")
            numbers.append(int(value))
        first = self.options.first_index
        first = int(min(numbers) > 0) if first is None else first
        size = self.skeleton.num_joints
        if min(numbers) < first or max(numbers) >= first + size:
            expected = f"numbers of the {size} joints of {self.skeleton.name}, or first_index="
            self._fail_column("landmark", expected, f"{min(numbers)} to {max(numbers)}")
        if self.options.first_index is None and first and max(numbers) < size:
            expected = "a landmark 0, or first_index= to say where they begin"
            self._fail_column("landmark", expected, f"{min(numbers)} to {max(numbers)}")
        notes += ["landmarks numbered from 1"] * first
        return {cell: number - first for cell, number in zip(cells, numbers, strict=True)}

    def _frames(
        self, columns: dict[str, Array], joints: Array | None, notes: list[str]
    ) -> tuple[Array, float | None]:
        """The frame of each row from 0 ``[rows]``, and the frames per second."""
        rows, fps = np.arange(len(self.values)), None
        several = joints is not None or "person" in self.texts
        if "time" in columns:
            column = self.names[self._roles["time"]]
            frames, fps, said = frames_of_times(columns["time"], column, several)
            notes.append(said)
            if "frame" not in columns and frames is not None:
                return frames, fps
        if "frame" not in columns:
            return (rows if not several else self._begun(joints, notes)), fps
        column = self.names[self._roles["frame"]]
        number = np.nan_to_num(columns["frame"], nan=-1.0)
        bad = (number < 0) | (number > _MOST_FRAME) | (number != np.floor(number))
        if bad.any():
            found = f"{columns['frame'][bad][0]:g} in row {int(bad.argmax())}"
            self._fail_column("frame", "whole numbers from 0 (or ignore=)", found)
        if not several and "id" in self.texts and len(np.unique(number)) < len(number):
            self.texts["person"], self._roles["person"] = self.texts["id"], self._roles.pop("id")
        elif not several and (np.diff(number) <= 0).any():
            found = f"{number[1:][np.diff(number) <= 0][0]:g} after a larger or equal one"
            expected = (
                "numbers that grow (columns={...: 'person'} names a column of people, ignore= "
            )
            self._fail_column("frame", f"{expected}leaves this one out)", found)
        notes.append(f"frames from {column}")
        return (number - number.min()).astype(np.int64), fps

    def _begun(self, joints: Array | None, notes: list[str]) -> Array:
        """Frames that begin where a person, or a landmark of one, comes again."""
        persons = self.texts.get("person", [""] * len(self.values))
        landmarks = ["" if joints is None else self.texts["landmark"]]
        notes.append("no column of frames: one begins where the first comes again")
        frames, frame, seen = [], 0, set[tuple[str, str]]()
        for key in zip(persons, landmarks[0] or persons, strict=True):
            if key in seen:
                frame, seen = frame + 1, set()
            seen.add(key)
            frames.append(frame)
        return np.array(frames)

    def _persons(self, frames: Array, notes: list[str]) -> tuple[Array, int]:
        """The track of each row ``[rows]``, and their number."""
        if "person" not in self.texts:
            return np.zeros(len(frames), np.int64), 1
        cells = self.texts["person"]
        ids = list(dict.fromkeys(cells))
        if any(not cell for cell in ids):
            self._fail_column("person", "a person in every row, or ignore=", "an empty cell")
        numbers = {cell: float(cell) for cell in ids if _is_number(cell)}
        ids = sorted(ids, key=numbers.__getitem__) if len(numbers) == len(ids) else ids
        notes.append(f"persons from {self.names[self._roles['person']]}")
        track = {cell: number for number, cell in enumerate(ids)}
        return np.array([track[cell] for cell in cells]), len(ids)

    def _check_once(self, frames: Array, persons: Array, joints: Array | None) -> None:
        keys = [frames, persons] if joints is None else [frames, persons, joints]
        rows = np.stack(keys, 1) if joints is None else np.stack(keys, 1)[joints >= 0]
        single, counts = np.unique(rows, axis=0, return_counts=True)
        if (counts > 1).any():
            what = "each landmark" if joints is not None else "each person"
            found = f"{counts.max()} rows of frame {int(single[counts.argmax()][0])}"
            expected = (
                f"{what} once in a frame (columns={{...: 'person'}} names a column of people)"
            )
            raise SkeletonFormatError(self.text.path, "the rows", expected, found)

    def _labels(self, frames: Array) -> tuple[str, ...]:
        """What each frame shows; one without rows, what the one before shows."""
        label_of: dict[int, str] = {}
        for frame, label in zip(frames.tolist(), self.texts["label"], strict=True):
            if label_of.setdefault(frame, label) != label:
                found = f"{label_of[frame]!r:.60} and {label!r:.60} in frame {frame}"
                self._fail_column("label", "one label in a frame", found)
        labels, label = [], label_of[int(frames.min())]
        for frame in range(int(frames.max()) + 1):
            label = label_of.get(frame, label)
            labels.append(label)
        return tuple(labels)

    def _fail_column(self, what: str, expected: str, found: str) -> NoReturn:
        name = self.names[self._roles[what]]
        raise SkeletonFormatError(self.text.path, f"column {name!r:.60}", expected, found)


def _listed(names: Sequence[str], most: int = 12) -> str:
    more = f", ... ({len(names)})" if len(names) > most else ""
    return (
        ", ".join(f"{name:.40}" if name else "a column without a name" for name in names[:most])
        + more
    )
