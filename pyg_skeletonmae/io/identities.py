"""Who is who: from the identities that trackers write beside each person to tracks."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Hashable, Mapping, Sequence
from typing import NamedTuple

from pyg_skeletonmae.files.names import nfc

TWICE = (
    "an identity stands twice in a frame, so nobody was tracked: people are in the order of the "
    "file"
)
SOME = "some people have no identity: they stand after those who have one, in the order of the file"

KEYS = (
    "track_id", "tracking_id", "trackId", "track", "idx", "person_id", "instance_id", "id",
)  # fmt: skip
_NUMBERS = ("instance_id", "id")  # may also number the entries, so that each stands once


class Places(NamedTuple):
    """The track of each person.

    Args:
        tracks: The track of each person, from 0, in the order given.
        size: The number of tracks.
        notes: What a card should say about it.
        twice: An identity stands twice in a frame, so that all were left aside.
    """

    tracks: list[int]
    size: int
    notes: tuple[str, ...] = ()
    twice: bool = False


def identity(value: object) -> Hashable | None:
    """An identity as trackers write it, None if it says that there is none.

    Numbers, whole floats, texts of numbers and lists that hold one of these (AlphaPose's
    ``[1.0]``, OpenPose's ``[3]``) are the same identity; a negative number, NaN, an empty text or
    list, or several numbers are none.
    """
    while isinstance(value, list) and len(value) == 1:
        value = value[0]
    if isinstance(value, str):
        text = value.strip()
        try:
            value = float(text) if len(text) < 16 else int(text)
        except ValueError:
            return nfc(text) or None  # a name
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    if isinstance(value, int):  # however large
        return value if value >= 0 else None
    if not (math.isfinite(value) and value >= 0):
        return None
    return int(value) if value == int(value) else value


def place_people(frames: Sequence[int], identities: Sequence[Hashable | None]) -> Places:
    """The tracks of detections, by their identities in order, or by their order in each frame.

    An identity that stands twice in a frame means that nobody was tracked: the ``m``-th person of
    each frame is then track ``m``. People without an identity stand after those who have one.

    Args:
        frames: The frame of each person.
        identities: What :func:`identity` says of each.
    """
    pairs = [pair for pair in zip(frames, identities, strict=True) if pair[1] is not None]
    if twice := len(set(pairs)) < len(pairs):
        identities, pairs = [None] * len(frames), []
    order = sorted({who for _, who in pairs}, key=lambda who: (isinstance(who, str), who))
    row = {who: place for place, who in enumerate(order)}
    others: Counter[int] = Counter()  # those without an identity, by frame
    tracks = []
    for frame, who in zip(frames, identities, strict=True):
        tracks.append(len(row) + others[frame] if who is None else row[who])
        others[frame] += who is None
    most = max(others.values(), default=0)
    notes = (TWICE,) if twice else (SOME,) if pairs and most else ()
    return Places(tracks, len(row) + most, notes, twice)


def identities(content: Mapping[str, object]) -> dict[str, Hashable]:
    """What an entry says under each of :data:`KEYS`, where it says somebody."""
    return {key: who for key in KEYS if (who := identity(content.get(key))) is not None}


def tell_apart(frames: Sequence[int], entries: Sequence[Mapping[str, Hashable]]) -> Places:
    """The tracks of detections by the first of :data:`KEYS` that tells people apart.

    Args:
        frames: The frame of each person.
        entries: What :func:`identities` says of each.
    """
    notes = dict[str, None]()
    for key in KEYS:
        people = [entry.get(key) for entry in entries]
        if all(who is None for who in people) or (key in _NUMBERS and not recurs(people, frames)):
            continue
        places = place_people(frames, people)
        if not places.twice:
            return places._replace(notes=(*notes, *places.notes))
        notes |= dict.fromkeys(places.notes)
    return place_people(frames, [None] * len(frames))._replace(notes=tuple(notes))


def recurs(identities: Sequence[Hashable | None], frames: Sequence[int]) -> bool:
    """Whether numbers are identities at all, not the numbers of entries: some stand in two frames,
    none twice in one."""
    pairs = [pair for pair in zip(identities, frames, strict=True) if pair[0] is not None]
    return len({who for who, _ in pairs}) < len(set(pairs)) == len(pairs)
