"""What the names of joints tell: which two are the left and the right one of a pair."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence

# "LeftUpLeg", "lThigh", "left_hip", "hip.L", "Bip01 L Thigh", "foreleg_L1": the words of a name.
_WORD = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[^\W\d_A-Z]+|[A-Z]+|\d+")
_OTHER_SIDE = {"left": "right", "l": "r"}


def mirror_pairs(joints: Sequence[str]) -> tuple[tuple[str, str], ...]:
    """The ``(left, right)`` pairs that the names of joints tell, in the order of the left ones.

    Two joints are a pair if their names differ in nothing but the side, whichever way it is
    written: ``left_hip``, ``HipLeft``, ``LeftHip``, ``leftHip``, ``L_hip``, ``hip.l``, ``lHip``,
    and ``lfemur`` or ``pawL`` without a mark between the words. Upper and lower case and the marks
    between words do not matter. A name that could have two partners has none.
    """
    spelt: dict[tuple[str, ...], list[str]] = {}
    for joint in joints:
        spelt.setdefault(_words(joint), []).append(joint)
    partner: dict[str, str] = {}
    paired: set[str] = set()
    for swap in _SWAPS:  # whole words first: "l_lip" is the partner of "r_lip", not of "l_rip"
        for joint in joints:
            if joint in paired or len(spelt[_words(joint)]) > 1:
                continue
            others = [spelt.get(words, []) for words in swap(_words(joint))]
            right = [names[0] for names in others if len(names) == 1 and names[0] not in paired]
            if len(right) == 1:
                partner[joint] = right[0]
                paired |= {joint, right[0]}
    return tuple((joint, partner[joint]) for joint in joints if joint in partner)


def _words(joint: str) -> tuple[str, ...]:
    return tuple(word.casefold() for word in _WORD.findall(joint))


def _whole_words(words: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    """All words that are a side, exchanged together."""
    other = tuple(_OTHER_SIDE.get(word, word) for word in words)
    if other != words:
        yield other


def _ends_of_words(side: str) -> Callable[[tuple[str, ...]], Iterator[tuple[str, ...]]]:
    """The side at the beginning or at the end of one word, exchanged."""

    def swap(words: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
        other = _OTHER_SIDE[side]
        for i, word in enumerate(words):
            if word.startswith(side):
                yield (*words[:i], other + word[len(side) :], *words[i + 1 :])
            if word.endswith(side) and word != side:
                yield (*words[:i], word[: -len(side)] + other, *words[i + 1 :])

    return swap


_SWAPS = (_whole_words, _ends_of_words("left"), _ends_of_words("l"))
