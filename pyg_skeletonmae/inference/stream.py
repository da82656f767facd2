"""Frames as they come: the last of them, kept for a window, and what a model says of it."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from functools import cache
from typing import Any, Generic, NamedTuple, TypeAlias, TypeVar

import numpy as np

from pyg_skeletonmae.errors import DataError
from pyg_skeletonmae.inference.windows import Cut, Piece, seen
from pyg_skeletonmae.io.npz import Array

MAX_PERSONS = 256
_ALONE = (0,)
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

    ids: tuple[Hashable, ...]
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
        ids, pos, valid = buffer.window()
        piece = Piece(self._name, None, stop - len(buffer), stop, pos, valid)
        answers = self._answer(list(seen(piece, ids, self._apart)))
        self.seconds = time.perf_counter() - begin
        return answers

    def __repr__(self) -> str:
        name = type(self).__name__
        return f"{name}({self._name}, window={self.window}, stride={self.stride})"


class Buffer:
    """The last frames of a stream, and who is in them.

    Args:
        frames: How many are kept.
    """

    def __init__(self, frames: int) -> None:
        self._frames: deque[Persons] = deque(maxlen=frames)

    def add(self, persons: Persons) -> None:
        """Takes a frame, and forgets the oldest one."""
        self._frames.append(persons)

    def window(self) -> tuple[list[Hashable], Array, Array]:
        """Who is in the frames that are kept: ids, joints ``[M, T, V, C]``, presence ``[M, T, V]``.

        Raises:
            DataError: More persons than a window of a stream can have.
        """
        frames, ids = self._frames, self._frames[0].ids
        if all(persons.ids == ids for persons in frames):
            shape = len(frames), *self._frames[0].pos.shape
            # Faster than to stack them.
            pos = np.concatenate([persons.pos for persons in frames]).reshape(shape)
            valid = np.concatenate([persons.valid for persons in frames]).reshape(shape[:3])
            return list(ids), pos.swapaxes(0, 1), valid.swapaxes(0, 1)
        place: dict[Hashable, int] = {}
        for persons in frames:
            for key in persons.ids:
                place.setdefault(key, len(place))
        if len(place) > MAX_PERSONS:
            raise DataError(
                f"more than {MAX_PERSONS} persons within a window of {len(frames)} frames; ids "
                "must stay with their persons"
            )
        joints, channels = next(persons for persons in frames if len(persons.ids)).pos.shape[1:]
        pos = np.zeros((len(place), len(frames), joints, channels), np.float32)
        valid = np.zeros(pos.shape[:3], bool)
        for time_, persons in enumerate(frames):
            rows = [place[key] for key in persons.ids]
            pos[rows, time_], valid[rows, time_] = persons.pos, persons.valid
        return list(place), pos, valid

    def __len__(self) -> int:
        return len(self._frames)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._frames.maxlen}, frames={len(self)})"


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
    usual = isinstance(frame, np.ndarray) and frame.shape == (joints, channels)
    if usual and frame.dtype.kind in "fiu":
        own = _single(frame)[None]
        if np.isfinite(own).all():
            return Persons(_ALONE, own, _all_present(joints))
    ids: Sequence[Hashable] = ()
    if isinstance(frame, Mapping):
        ids, rows = list(frame), [_array(row) for row in frame.values()]
        shapes = {row.shape for row in rows}
        if len(shapes) > 1:
            raise DataError(f"frame {number}: persons of several shapes, {sorted(shapes)[:3]}")
        frame = np.stack(rows) if rows else None
    pos = _array([] if frame is None else frame)
    if not pos.size:
        return Persons(
            (), np.zeros((0, joints, channels or 1), np.float32), np.zeros((0, joints), bool)
        )
    shape = list(pos.shape)
    pos = pos[None] if pos.ndim == 2 else pos
    fits = pos.ndim == 3 and pos.shape[1] == joints and channels in (None, pos.shape[2])
    if pos.dtype.kind not in "fiu" or not fits:
        found = "no array" if pos.dtype.kind == "O" else f"{pos.dtype} of shape {shape}"
        raise DataError(
            f"frame {number}: expected numbers [{joints} joints, {channels or 'any'} coordinates], "
            f"for several persons one such each, found {found}"
        )
    if len(pos) > MAX_PERSONS:
        raise DataError(f"frame {number}: expected at most {MAX_PERSONS} persons")
    pos = _single(pos)
    valid: Array = np.asarray(np.isfinite(pos).all(-1))
    if not valid.all():
        bad = ~valid & ~np.isnan(pos).all(-1)
        if bad.any():
            person, joint = np.argwhere(bad)[0].tolist()
            raise DataError(
                f"frame {number}, person {person}, joint {joint}: expected finite coordinates, or "
                "NaN in all of them"
            )
        pos[~valid] = 0
    return Persons(tuple(ids) or tuple(range(len(pos))), pos, valid)


def _array(value: Any) -> Array:
    """Numbers as an array; of what is none, one of objects."""
    try:
        return np.asarray(value)
    except (TypeError, ValueError, OverflowError):  # rows of several lengths, for example
        return np.asarray(None)


def _single(pos: Array) -> Array:
    """A copy in float32; what is too large for it becomes infinite."""
    if pos.dtype == np.float32:
        return pos.copy()
    with np.errstate(over="ignore"):
        return pos.astype(np.float32)


@cache
def _all_present(joints: int) -> Array:
    """That all joints of a person are there; never to be written to."""
    valid: Array = np.ones((1, joints), bool)
    valid.flags.writeable = False
    return valid
