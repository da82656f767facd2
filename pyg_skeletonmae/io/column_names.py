"""What the name of a column says: a frame, a person, or a coordinate of a landmark."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from typing import NamedTuple

from pyg_skeletonmae.skeleton import Skeleton

_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z][a-z]+|\d+|[^\W\dA-Z_]+")
_SIDES = {"l": "left", "r": "right"}
_AXES = {"x": "x", "y": "y", "z": "z"}
_SCORES = {
    "visibility": "visibility", "vis": "visibility", "v": "visibility",
    "presence": "presence", "score": "score", "s": "score",
    "confidence": "confidence", "conf": "confidence", "c": "confidence",
    "likelihood": "likelihood", "probability": "probability", "prob": "probability",
    "p": "probability",
}  # fmt: skip
CHANNELS = _AXES | _SCORES
SCORES = tuple(dict.fromkeys(_SCORES.values()))
_NUMBERED = r"s?(id|idx|ids|index|indices|no|nr|num|number)?"
_ROLES = {
    "frame": re.compile(rf"(video|image|img)?frame{_NUMBERED}|(image|img){_NUMBERED[:-1]}"),
    "time": re.compile(
        r"t|ms|msec|sec|seconds?|(time|timestamp)s?(in)?(s|ms|us|ns|msec|sec|seconds?|"
        r"milliseconds?|microseconds?|nanoseconds?)?"
    ),
    "person": re.compile(rf"(person|people|track|tracking|player|body|skeleton|animal){_NUMBERED}"),
    "landmark": re.compile(
        r"(landmark|keypoint|joint|bodypart|marker|node|point|part|kpt?|lm)s?"
        r"(id|idx|index|name|no|nr|num|number|label|type)?"
    ),
    "id": re.compile(r"id|idx|objectid|objid|instance|instanceid|individual|individualid"),
}
_MOST_DIGITS, _MOST_WORDS, _LONGEST = 6, 16, 100


def words(name: str) -> tuple[str, ...]:
    """The words and numbers of a name, without case, marks and ``camelCase``; l is left."""
    name = unicodedata.normalize("NFKC", name)
    parts = tuple(word.casefold() for word in _WORDS.findall(name))
    return tuple(_SIDES.get(word, word) if len(parts) > 1 else word for word in parts)


def role(name: str) -> str | None:
    """``frame``, ``time``, ``person``, ``landmark`` or ``id`` if a whole name says so, or None."""
    compact = re.sub(r"[\W_]+", "", unicodedata.normalize("NFKC", name)).casefold()
    return next((what for what, form in _ROLES.items() if form.fullmatch(compact)), None)


class JointNames:
    """Finds joints by their names or aliases, whatever the case, marks and order of words.

    Args:
        skeleton: The skeleton.
    """

    def __init__(self, skeleton: Skeleton) -> None:
        names = {joint: i for i, joint in enumerate(skeleton.joints)}
        names |= {alias: skeleton.index(alias) for alias in skeleton.aliases}
        self._index: dict[tuple[str, ...], set[int]] = {}
        for name, joint in names.items():
            for key in self._keys(words(name)):
                self._index.setdefault(key, set()).add(joint)
        self._exact = {unicodedata.normalize("NFC", name): joint for name, joint in names.items()}

    def find(self, name: str) -> int | None:
        """The joint of a name; None if there is none, or no single one."""
        exact = self._exact.get(unicodedata.normalize("NFC", name))
        return self.of_words(words(name)) if exact is None else exact

    def of_words(self, parts: tuple[str, ...]) -> int | None:
        """The joint of some words; None if there is none, or no single one."""
        for key in self._keys(parts):
            if len(numbers := self._index.get(key, ())) == 1:
                return next(iter(numbers))
        return None

    @staticmethod
    def _keys(parts: tuple[str, ...]) -> tuple[tuple[str, ...], tuple[str, ...]]:
        return ("".join(parts),), ("", *sorted(parts))


class Reading(NamedTuple):
    """One way to read the name of a column.

    Args:
        scheme: ``name``, ``number`` (the last number of the name), ``first`` (its first number) or
            ``bare`` (no landmark).
        affix: The words around the landmark, ``*`` in its place.
        joint: The landmark's number; a joint of the skeleton if it was found by name.
        channel: A coordinate or score, a value of :data:`CHANNELS`.
    """

    scheme: str
    affix: tuple[str, ...]
    joint: int
    channel: str


def readings(name: str, joints: JointNames) -> Iterator[Reading]:
    """All ways to read a column as a channel of a landmark."""
    parts = words(name)
    if len(parts) > _MOST_WORDS or max(map(len, parts), default=0) > _LONGEST:
        return
    place = _channel(parts)
    if place is None:
        yield from _glued(parts, joints)
        return
    channel, rest = CHANNELS[parts[place]], parts[:place] + parts[place + 1 :]
    windows = ((i, i + n) for n in range(len(rest), 0, -1) for i in range(len(rest) - n + 1))
    hits = ((joint, i, j) for i, j in windows if (joint := joints.of_words(rest[i:j])) is not None)
    longest = next(hits, None)
    if longest is not None:
        joint, start, end = longest
        yield Reading("name", (*rest[:start], "*", *rest[end:]), joint, channel)
    numbers = [i for i, word in enumerate(rest) if word.isdecimal() and len(word) <= _MOST_DIGITS]
    for scheme, i in zip(
        ("number", "first"), dict.fromkeys((*numbers[-1:], *numbers[:1])), strict=False
    ):
        yield Reading(scheme, (*rest[:i], "*", *rest[i + 1 :]), int(rest[i]), channel)
    if longest is None and not numbers:
        yield Reading("bare", rest, 0, channel)


def _channel(parts: tuple[str, ...]) -> int | None:
    """Which word is the channel: coordinates before scores, the last before the first."""
    for channels in (_AXES, _SCORES):
        places = [i for i, word in enumerate(parts) if word in channels]
        if len(parts) - 1 in places:
            return len(parts) - 1
        if places and (places[0] == 0 or len(places) == 1):
            return places[0]
    return None


def _glued(parts: tuple[str, ...], joints: JointNames) -> Iterator[Reading]:
    """Names such as ``nosex``."""
    whole = "".join(parts)
    for word in sorted(CHANNELS, key=len, reverse=True):
        for rest in (whole.removesuffix(word), whole.removeprefix(word)):
            joint = joints.of_words((rest,)) if rest != whole else None
            if joint is not None:
                yield Reading("name", ("*",), joint, CHANNELS[word])
                return
