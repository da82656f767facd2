"""What a model is given at once: a clip, one person of it, or some of its frames."""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from numbers import Integral
from typing import Literal, NamedTuple

import numpy as np

from pyg_skeletonmae.errors import ConfigError, check_choice
from pyg_skeletonmae.evaluation.temporal import window_starts
from pyg_skeletonmae.io.npz import Array

By = Literal["clip", "person", "window"]


class Piece(NamedTuple):
    """Frames of some persons of a recording.

    Args:
        name: What the recording is called.
        person: The person, where it is one alone.
        start: The first frame.
        stop: The frame after the last.
        pos: Coordinates ``[M, T, V, C]``, float32.
        valid: Which joints are present ``[M, T, V]``, bool.
    """

    name: str
    person: Hashable | None
    start: int
    stop: int
    pos: Array
    valid: Array


class Cut(NamedTuple):
    """How recordings are cut into pieces.

    Args:
        persons: Each person alone.
        window: The frames of a piece; None: all.
        stride: From the beginning of one piece to that of the next.
    """

    persons: bool = False
    window: int | None = None
    stride: int = 1

    def __call__(self, name: str, pos: Array, valid: Array) -> Iterator[Piece]:
        """The pieces of a recording, in order of time.

        Persons who are in none of the frames of a piece are left out of it; a piece that shows
        nobody has no person.
        """
        frames = pos.shape[1]
        starts = [0] if self.window is None else window_starts(frames, self.window, self.stride)
        for start in starts:
            stop = frames if self.window is None else min(start + self.window, frames)
            here = Piece(name, None, start, stop, pos[:, start:stop], valid[:, start:stop])
            yield from seen(here, range(len(pos)), self.persons)


def seen(piece: Piece, names: range | list[Hashable], apart: bool) -> Iterator[Piece]:
    """A piece with the persons who are seen in it; with ``apart`` one for each of them.

    Args:
        piece: The piece.
        names: What its persons are called.
        apart: Whether each stands alone.
    """
    there = piece.valid.any((1, 2))
    if not apart or not there.any():
        kept = (
            piece if there.all() else piece._replace(pos=piece.pos[there], valid=piece.valid[there])
        )
        yield kept
        return
    for person in np.flatnonzero(there).tolist():
        one = slice(person, person + 1)
        yield piece._replace(person=names[person], pos=piece.pos[one], valid=piece.valid[one])


def check_count(name: str, value: object, unit: str) -> None:
    """Refuses what is no number of frames, clips or classes.

    Raises:
        ConfigError: It is no whole number, or below 1.
    """
    if not (isinstance(value, Integral) and int(value) >= 1):
        raise ConfigError(f"{name} {value!r}: expected a whole number, 1 {unit} or more")


def cut(by: By, window: int | None, stride: int | None, frames: int) -> Cut:
    """How recordings are cut.

    Args:
        by: Whole clips, each person of them, or windows.
        window: The frames of a window; None: whole clips, and where ``by`` is ``"window"`` as many
            as the model reads.
        stride: From one window to the next; None: a quarter of the window (our choice).
        frames: The frames that the model reads.

    Raises:
        ConfigError: A number is none of frames, or a stride stands without windows.
    """
    check_choice("by", by, ("clip", "person", "window"))
    if window is None and by == "window":
        window = frames
    if window is None:
        if stride is not None:
            raise ConfigError(f"stride {stride}: give window, too")
        return Cut(by == "person")
    for name, value in (("window", window), ("stride", stride)):
        if value is not None:
            check_count(name, value, "frame")
    stride = max(window // 4, 1) if stride is None else stride
    return Cut(by == "person", window, stride)
