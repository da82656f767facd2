"""Frames as they come: the last of them, kept for a window, and what a model says of it."""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Generic, NamedTuple, TypeAlias, TypeVar

import numpy as np

from pyg_skeletonmae.errors import DataError
from pyg_skeletonmae.inference.windows import Cut, Piece, seen
from pyg_skeletonmae.io.npz import Array

MAX_PERSONS = 256
T = TypeVar("T")
Frame: TypeAlias = "Array | Mapping[Hashable, Array] | None"
"""What is seen at one moment, see :meth:`~pyg_skeletonmae.inference.Recognizer.stream`."""


class Persons(NamedTuple):
    """A frame that was looked at.

    Args:
        ids: What the persons are called.
        pos: Their joints ``[M, V, C]``, float32.
        valid: Which are present ``[M, V]``, bool.
    """

    ids: Sequence[Hashable]
    pos: Array
    valid: Array


class Stream(Generic[T]):
    """What a model says of the windows of a stream, one after another.

    Iterate over it: frames are only read when the next answer is asked for, and only those of one
    window are kept.

    Args:
        frames: The frames, checked.
        cut: The windows.
        answer: What is said of pieces.
        name: What pieces are called.

    Attributes:
        seconds: What the last answer took from the last frame of its window on.
    """

    def __init__(
        self,
        frames: Iterable[Persons],
        cut: Cut,
        answer: Callable[[Sequence[Piece]], Sequence[T]],
        name: str = "stream",
    ) -> None:
        assert cut.window is not None
        self.window, self.stride, self._apart = cut.window, cut.stride, cut.persons
        self._frames, self._answer, self._name = frames, answer, name
        self.seconds = 0.0

    @property
    def latency(self) -> int:
        """The most frames that pass until a frame, once there is a window, tells in an answer."""
        return self.stride

    def __iter__(self) -> Iterator[T]:
        buffer, number, said = Buffer(self.window), 0, 0
        for number, persons in enumerate(self._frames, 1):
            begin = time.perf_counter()
            buffer.add(persons)
            if number >= self.window and (number - self.window) % self.stride == 0:
                yield from self._say(buffer, number, begin)
                said = number
        if number != said:  # the last frames, whose window has not come
            yield from self._say(buffer, number, time.perf_counter())

    def _say(self, buffer: Buffer, stop: int, begin: float) -> Sequence[T]:
        ids, pos, valid = buffer.window(min(stop, self.window))
        start = max(stop - self.window, 0)
        piece = Piece(self._name, None, start, stop, pos, valid)
        answers = self._answer(list(seen(piece, ids, self._apart)))
        self.seconds = time.perf_counter() - begin
        return answers

    def __repr__(self) -> str:
        name = type(self).__name__
        return f"{name}({self._name}, window={self.window}, stride={self.stride})"


class Buffer:
    """The last frames of a stream, by person.

    Args:
        frames: How many are kept.
    """

    def __init__(self, frames: int) -> None:
        self._size, self._number = frames, 0
        # Of each person: joints [T, V, C], presence [T, V] in a ring, and the last frame seen.
        self._rings: dict[Hashable, tuple[Array, Array]] = {}
        self._last: dict[Hashable, int] = {}
        self._shape: tuple[int, ...] = (0, 0)

    def add(self, persons: Persons) -> None:
        """Takes a frame; forgets who has not been seen for as long as frames are kept.

        Raises:
            DataError: More persons than a stream can have.
        """
        slot = self._number % self._size
        self._shape = persons.pos.shape[1:]
        for key in [key for key, last in self._last.items() if self._number - last >= self._size]:
            del self._last[key], self._rings[key]
        for _, valid in self._rings.values():
            valid[slot] = False
        for number, key in enumerate(persons.ids):
            if key not in self._rings:
                if len(self._rings) >= MAX_PERSONS:
                    raise DataError(
                        f"frame {self._number}: more than {MAX_PERSONS} persons within a window of "
                        f"{self._size} frames; ids must stay with their persons"
                    )
                joints, channels = self._shape
                self._rings[key] = (
                    np.zeros((self._size, joints, channels), np.float32),
                    np.zeros((self._size, joints), bool),
                )
            self._rings[key][0][slot], self._rings[key][1][slot] = (
                persons.pos[number],
                persons.valid[number],
            )
            self._last[key] = self._number
        self._number += 1

    def window(self, frames: int) -> tuple[list[Hashable], Array, Array]:
        """Who is kept, and their last ``frames`` frames: ``[M, T, V, C]`` and ``[M, T, V]``."""
        slots = np.arange(self._number - frames, self._number) % self._size
        pos = np.zeros((len(self._rings), frames, *self._shape), np.float32)
        valid = np.zeros(pos.shape[:-1], bool)
        for number, (own, there) in enumerate(self._rings.values()):
            np.take(own, slots, 0, out=pos[number])
            np.take(there, slots, 0, out=valid[number])
        return list(self._rings), pos, valid

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._size}, persons={len(self._rings)})"


def checked_frame(frame: Any, number: int, joints: int, channels: int | None) -> Persons:
    """A frame as joints and which of them are present.

    Args:
        frame: See :meth:`~pyg_skeletonmae.inference.Recognizer.stream`.
        number: Its number, for errors.
        joints: How many joints there should be.
        channels: How many coordinates of each; None: any number.

    Raises:
        DataError: It has another shape, or a joint of which some coordinates are no numbers, or an
            infinite one.
    """
    ids: Sequence[Hashable] = ()
    if isinstance(frame, Mapping):
        ids, rows = list(frame), list(frame.values())
        shapes = {np.shape(row) for row in rows}
        if len(shapes) > 1:
            raise DataError(f"frame {number}: persons of several shapes, {sorted(shapes)[:3]}")
        frame = np.stack([np.asarray(row) for row in rows]) if rows else None
    if frame is None or not np.size(frame):
        return Persons(
            (), np.zeros((0, joints, channels or 1), np.float32), np.zeros((0, joints), bool)
        )
    pos = np.asarray(frame)
    pos = pos[None] if pos.ndim == 2 else pos
    fits = pos.ndim == 3 and pos.shape[1] == joints and channels in (None, pos.shape[2])
    if pos.dtype.kind not in "fiu" or not fits:
        raise DataError(
            f"frame {number}: expected numbers [{joints} joints, {channels or 'any'} coordinates], "
            f"for several persons one such each, found {pos.dtype} of shape {list(np.shape(frame))}"
        )
    with np.errstate(over="ignore"):
        pos = pos.astype(np.float32)
    valid: Array = np.isfinite(pos).all(-1)
    if not valid.all():
        bad = ~valid & ~np.isnan(pos).all(-1)
        if bad.any():
            person, joint = np.argwhere(bad)[0].tolist()
            raise DataError(
                f"frame {number}, person {person}, joint {joint}: expected finite coordinates, or "
                "NaN in all of them"
            )
        pos[~valid] = 0
    return Persons(ids or range(len(pos)), pos, valid)
