"""Detections of people, frame by frame, as tracks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from pyg_skeletonmae.errors import SkeletonFormatError
from pyg_skeletonmae.io.identities import tell_apart
from pyg_skeletonmae.io.npz import Array
from pyg_skeletonmae.io.poses import empty_tracks


class Person(NamedTuple):
    """Somebody in a frame.

    Args:
        frame: The frame number.
        identities: Who it is, see :func:`~pyg_skeletonmae.io.identities.identities`; nothing = the
            file does not say it.
        values: Coordinates and, last, the score of every joint, ``[V, C + 1]``, float32; NaN where
            a joint is absent.
    """

    frame: int
    identities: Mapping[str, Hashable]
    values: Array


def stack_people(
    path: Path, people: Sequence[Person], numbers: Sequence[int], joints: int
) -> tuple[Array, tuple[str, ...]]:
    """The tracks of people, by the rules of :mod:`pyg_skeletonmae.io.identities`.

    Args:
        path: The file, for errors.
        people: Everybody, in the order of the file.
        numbers: The numbers of the frames in the file; between the first and the last, those that
            are left out show nobody.
        joints: The number of joints.

    Returns:
        The values, ``[M, T, V, C + 1]``, NaN where nobody is (three channels if nobody is
        anywhere), and the notes.

    Raises:
        SkeletonFormatError: There is no frame, or one stands twice, or people differ in channels,
            or the array would be too large.
    """
    if not numbers:
        raise SkeletonFormatError(path, "the file", "a frame", "none")
    if len(set(numbers)) < len(numbers):
        twice = Counter(numbers).most_common(1)[0][0]
        raise SkeletonFormatError(path, "the frames", "each frame once", f"frame {twice} again")
    channels = {person.values.shape[1] for person in people} or {3}
    if len(channels) > 1:
        raise SkeletonFormatError(path, "the joints", "as many numbers in all", "some of each")
    first, last = min(numbers), max(numbers)
    places = tell_apart([p.frame for p in people], [p.identities for p in people])
    values = empty_tracks(path, (places.size, last - first + 1, joints, channels.pop()))
    for track, person in zip(places.tracks, people, strict=True):
        values[track, person.frame - first] = person.values
    return values, places.notes
