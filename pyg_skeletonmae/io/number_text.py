"""Many decimal numbers of a text at once, exactly, by NumPy alone."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from pyg_skeletonmae.io.npz import Array

Words = npt.NDArray[np.uint64]
_WIDTH, _LONGEST, _AT_ONCE = 16, 400, 4096


def _each(byte: int) -> np.uint64:
    """A word of eight equal bytes."""
    return np.uint64(byte * 0x0101010101010101)


_ONES, _HIGH, _ZEROS, _DOTS = _each(0x01), _each(0x80), _each(ord("0")), _each(ord("."))
# For _read_digits: bytes to pairs, pairs to fours, fours to eight digits.
_PAIRS, _LOW, _UP = (
    np.uint64(word) for word in (0x000000FF000000FF, 0x000F424000000064, 0x0000271000000001)
)
# Words in which the last 0, 1, ... 8 bytes are kept, and in which one of them is.
_POWERS = np.array([10.0**n for n in range(_WIDTH)] + [1.0])
_KEEP = np.array([2**64 - 2 ** (64 - 8 * n) for n in range(9)], np.uint64)
_ONE = np.array([0xFF << (56 - 8 * n) for n in range(8)] + [0], np.uint64)


def field_starts(text: Array) -> Array:
    """Where the fields between blanks begin in bytes ``[L]``, uint8; ``[F]``, int64."""
    black = text > ord(" ")
    starts = np.flatnonzero(black[1:] > black[:-1]) + 1
    return np.concatenate([[0], starts]) if black[:1].any() else starts


def parse_numbers(text: Array, starts: Array) -> Array | None:
    """The numbers that begin at some bytes of a text and end before its next blank.

    Up to 15 characters, with a point among the first eight or with none, are read in bulk, eight
    in one 64-bit word: they are a whole number below 2**53, and one division by a
    power of ten up to 10**22 rounds correctly, so that the result is that of ``float``. Numbers of
    another form (an exponent, ``nan``, more digits) are left to ``float``.

    Args:
        text: ``[L]``, uint8.
        starts: ``[n]``, int64, each the first byte of a field.

    Returns:
        ``[n]``, float64, or None if one of them is no number.
    """
    padded = np.full(len(text) + 2 * _WIDTH, ord(" "), np.uint8)
    padded[_WIDTH:-_WIDTH] = text
    values, plain = np.empty(len(starts)), np.empty(len(starts), bool)
    for first in range(0, len(starts), _AT_ONCE):  # so that the steps below stay in the cache
        part = slice(first, first + _AT_ONCE)
        values[part], plain[part] = _parse_plain(padded, starts[part] + _WIDTH)
    return values if plain.all() else _others(text, starts, values, plain)


def _parse_plain(padded: Array, starts: Array) -> tuple[Array, Array]:
    """Numbers, and whether they are of the form that this can read; ``[n]``."""
    # The word from each byte on, first character lowest.
    words = np.ndarray(len(padded) - 7, "<u8", padded, strides=(1,))
    first = padded.take(starts)
    minus = first == ord("-")
    begin = starts + (minus | (first == ord("+")))
    head, tail = words[begin], words[begin + 8]
    length, rest = _first(_blanks(head)), _first(_blanks(tail))
    length += np.where(length == 8, rest, 0)
    point = _first(_zero_bytes(head ^ _DOTS))
    pointed = (point < 8) & (point < length)
    behind = np.where(pointed, length - 1 - point, _WIDTH)  # the digits behind it
    end = begin + length
    right, good = _read_digits(words[end - 8], np.minimum(length, 8), behind)
    left, also = _read_digits(words[end - 16], np.maximum(length - 8, 0), behind - 8)
    whole, power = left * 1e8 + right, _POWERS.take(behind)
    # The point was read as a digit 0: what stands before it is ten times too much. A tenth of that
    # is never near the next whole number, and all numbers here are whole and below 2**53.
    whole -= np.floor(whole / (10.0 * power)) * (9.0 * power) * pointed
    values = whole / power
    np.negative(values, out=values, where=minus)
    plain = good & also & (length > pointed) & (length < _WIDTH)
    return values, plain


def _read_digits(words: Words, count: Array, point: Array) -> tuple[Array, Array]:
    """The number that the last ``count`` characters are, and whether they are digits; ``[n]``.

    The character before the last ``point`` ones is a digit 0, if it is within the word.
    """
    keep = _KEEP.take(count) & ~_ONE.take(np.where((point < 0) | (point > 7), 8, point))
    value = (words & keep | ~keep & _ZEROS) ^ _ZEROS
    good = ((value + _each(0x76) | value) & _HIGH) == 0
    value = value * np.uint64(10) + (value >> np.uint64(8))
    value = (value & _PAIRS) * _LOW + (value >> np.uint64(16) & _PAIRS) * _UP
    return (value >> np.uint64(32)).astype(np.float64), good


def _blanks(words: Words) -> Words:
    """The highest bit of each byte that is a blank (or another control character)."""
    return ~(words + _each(0x5F)) & _HIGH


def _zero_bytes(words: Words) -> Words:
    """The highest bit of each byte that is zero, of bytes below 128."""
    return ~(words + _each(0x7F)) & _HIGH


def _first(marks: Words) -> Array:
    """The place of the lowest byte that is marked by its highest bit, from 0; 8 = none."""
    marks = marks >> np.uint64(7)
    below = (marks & (~marks + np.uint64(1))) - np.uint64(1)
    count: Array = ((below & _ONES) * _ONES >> np.uint64(56)).astype(np.int64)
    return count


def _others(text: Array, starts: Array, values: Array, plain: Array) -> Array | None:
    for number in np.flatnonzero(~plain):
        start = int(starts[number])
        field = text[start : start + _LONGEST].tobytes().split(None, 1)[0]
        try:
            values[number] = float(field)
        except ValueError:
            return None
    return values
