"""Frames as lines of JSON, from a pose estimator to ``skeletonmae predict RELEASE -``.

A line is a frame:

- ``[[x, y, z], ...]``, a row for each joint of one person; ``null`` for a joint that is missing;
- ``[[[x, y, z], ...], ...]``, several persons in a constant order; ``null`` for one who is absent;
- ``{"persons": [{"id": 7, "joints": [[x, y, z], ...], "scores": [0.9, ...]}, ...]}``, persons under
  their ids, with the scores of their joints if there are any; ``joints`` may be a mapping,
  ``{"nose": [x, y, z], ...}``, that leaves out what is missing;
- ``[]`` or ``null``: nobody is seen.

Empty lines are skipped. Whatever else stands in an object beside ``persons``, and in one of a
person beside these three, is left alone.
"""

from __future__ import annotations

import json
from collections.abc import Hashable, Iterator, Mapping
from typing import Any, BinaryIO, NoReturn

import numpy as np

from pyg_skeletonmae.errors import SkeletonFormatError
from pyg_skeletonmae.inference.stream import MAX_PERSONS, Frame
from pyg_skeletonmae.io.npz import Array
from pyg_skeletonmae.io.poses import AS_IS, PoseOptions
from pyg_skeletonmae.skeleton import Skeleton

MAX_LINE = 2**20  # a thousand times what a frame of one person takes
_JOINTS = "a row of numbers, or null, for each joint"


def read_frames(
    file: BinaryIO,
    skeleton: Skeleton,
    options: PoseOptions = AS_IS,
    name: str = "standard input",
    max_line: int = MAX_LINE,
) -> Iterator[Frame]:
    """The frames of a stream of lines, one by one, as :meth:`Recognizer.stream` takes them.

    Args:
        file: Where lines are read from, never further than the end of the one that is asked for.
        skeleton: The joints of the frames.
        options: ``min_score``: a joint is missing unless its score is above it; ``image_size``: x
            and y are pixels (or, with ``unit="normalised"``, are left alone); ``zeros="missing"``:
            joints at zero are missing.
        name: What errors call it.
        max_line: The longest line, in bytes.

    Raises:
        SkeletonFormatError: A line is too long, no JSON in UTF-8, or no frame; it is named.
    """
    lines = _Lines(name, skeleton, options)
    while line := file.readline(max_line + 1):
        lines.number += 1
        if len(line) > max_line:
            lines.fail(f"at most {max_line} bytes", "more")
        if line.strip():
            yield lines.frame(line)


class _Lines:
    """Makes frames of lines, and knows which line it is."""

    def __init__(self, name: str, skeleton: Skeleton, options: PoseOptions) -> None:
        self.name, self.skeleton, self.options, self.number = name, skeleton, options, 0

    def fail(self, expected: str, found: str) -> NoReturn:
        raise SkeletonFormatError(self.name, f"line {self.number}", expected, found)

    def frame(self, line: bytes) -> Frame:
        try:
            content = json.loads(line.decode("utf-8-sig"))
        except RecursionError:
            self.fail("a frame", "JSON that is nested too deeply")
        except ValueError as error:  # also of bytes that are no UTF-8 and of numbers too long
            self.fail("JSON in UTF-8", f"{error}"[:100])
        if isinstance(content, Mapping):
            if "persons" not in content:
                self.fail("an object with the key 'persons'", f"{list(content)!r:.60}")
            content = content["persons"]
            if not isinstance(content, list) or len(content) > MAX_PERSONS:
                self.fail(f"a list of at most {MAX_PERSONS} persons", _kind(content))
            persons: dict[Hashable, Array] = {}
            for place, person in enumerate(content):
                key, joints = self._person(person, place)
                if key in persons:
                    self.fail("ids that differ", f"{key!r:.60} twice")
                persons[key] = joints
            return persons
        if content is None or content == []:
            return None
        if not isinstance(content, list):
            self.fail("a frame: a list, an object, or null", _kind(content))
        if any(_depth(row) > 1 for row in content[:MAX_PERSONS]):
            if len(content) > MAX_PERSONS:
                self.fail(f"at most {MAX_PERSONS} persons", f"{len(content)}")
            there = [(place, rows) for place, rows in enumerate(content) if rows is not None]
            return {place: self._joints(rows) for place, rows in there}
        return {0: self._joints(content)}

    def _person(self, person: Any, place: int) -> tuple[Hashable, Array]:
        if not isinstance(person, Mapping) or "joints" not in person:
            self.fail("persons that are objects with the key 'joints'", f"{person!r:.60}")
        key = person.get("id", place)
        if not isinstance(key, int | str) or isinstance(key, bool) or len(str(key)) > 100:
            self.fail("ids that are whole numbers or short texts", f"{key!r:.60}")
        rows = person["joints"]
        if isinstance(rows, Mapping):
            known = {*self.skeleton.joints, *self.skeleton.aliases}
            if unknown := [name for name in rows if name not in known]:
                self.fail(f"joints of {self.skeleton.name}", f"{unknown[0]!r:.60}")
            named: list[Any] = [None] * self.skeleton.num_joints
            for name, row in rows.items():
                named[self.skeleton.index(name)] = row
            rows = named
        joints = self._joints(rows)
        if person.get("scores") is not None:
            scores = self._numbers([person["scores"]], len(joints))[0]
            joints[~(scores > self.options.min_score)] = np.nan
        return key, joints

    def _joints(self, rows: Any) -> Array:
        """The joints of one person ``[V, C]``, float32, NaN where one is missing."""
        if not isinstance(rows, list) or len(rows) != self.skeleton.num_joints:
            found = f"{len(rows)} rows" if isinstance(rows, list) else _kind(rows)
            self.fail(f"the {self.skeleton.num_joints} joints of {self.skeleton.name}", found)
        first = next((row for row in rows if row is not None), [np.nan])
        if not isinstance(first, list) or not first:
            self.fail(_JOINTS, f"{first!r:.60}")
        missing = [np.nan] * len(first)
        joints = self._numbers([missing if row is None else row for row in rows], len(first))
        if self.options.zeros == "missing":
            joints[~joints.any(1)] = np.nan
        if self.options.image_size is not None and self.options.unit != "normalised":
            half = np.asarray(self.options.image_size, np.float32) / 2
            joints[:, :2] = (joints[:, :2] - half) / half
        return joints

    def _numbers(self, rows: list[Any], length: int) -> Array:
        for row in rows:
            if not isinstance(row, list) or len(row) != length:
                self.fail(f"rows of {length} numbers", f"{row!r:.60}")
            for value in row:
                if not isinstance(value, float | int) or isinstance(value, bool):
                    self.fail("numbers", f"{value!r:.60}")
                if value in (np.inf, -np.inf):
                    self.fail("finite numbers", f"{value}")
        try:
            with np.errstate(over="ignore"):
                return np.array(rows, np.float64).astype(np.float32)
        except OverflowError:
            self.fail("numbers that float64 can hold", "a larger one")


def _depth(value: Any) -> int:
    """How deep lists are nested, up to 2: 1 for a row of numbers."""
    if not isinstance(value, list):
        return 0
    return 2 if any(isinstance(inner, list) for inner in value) else 1


def _kind(value: Any) -> str:
    return f"{len(value)} of them" if isinstance(value, list) else f"{value!r:.60}"
