"""Many decimal numbers of a text at once, exactly, by NumPy alone."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from pyg_skeletonmae.io.npz import Array

Words = npt.NDArray[np.uint64]
_WIDTH, _LONGEST, _AT_ONCE = 16, 400, 8192


def _each(byte: int) -> np.uint64:
    """A word of eight equal bytes."""
    return np.uint64(byte * 0x0101010101010101)


_HIGH, _ZEROS, _TO_HIGH = _each(0x80), _each(ord("0")), _each(0x80 - 10)
# Bytes to pairs, pairs to fours, fours to eight digits.
_PAIRS, _LOW, _UP = (
    np.uint64(word) for word in (0x000000FF000000FF, 0x000F424000000064, 0x0000271000000001)
)
# For numbers with 0, 1, ... digits behind the point, and for those without a point: what to divide
# by, and ten and nine times that (zero without a point).
_POWER = np.array([10.0**n for n in range(_WIDTH)] + [1.0])
_TEN = 10.0 * _POWER
_NINE = np.append(9.0 * _POWER[:-1], 0.0)


def _masks() -> Words:
    """The bytes that are digits among the last 16, by length and digits behind the point.

    ``[2, lengths * (points + 1)]``: the words before the last, and the last.
    """
    keep = np.zeros((_WIDTH + 1, _WIDTH + 1, _WIDTH), np.uint8)
    for length in range(_WIDTH):
        keep[length, :, _WIDTH - length :] = 0xFF
        for behind in range(length):
            keep[length, behind, _WIDTH - 1 - behind] = 0
    words: Words = keep.view("<u8").reshape(-1, 2).T.copy()
    return words


_LEFT, _RIGHT = _masks()


def field_bounds(text: Array) -> tuple[Array, Array]:
    """Where the fields between blanks begin and end in bytes ``[L]``, uint8; ``[F]``, int64."""
    black = np.zeros(len(text) + 2, bool)
    np.greater(text, ord(" "), out=black[1:-1])
    edges = np.flatnonzero(black[1:] != black[:-1])
    return edges[::2], edges[1::2]


def parse_numbers(text: Array, starts: Array, ends: Array) -> Array | None:
    """The numbers in some fields of an ASCII text.

    A minus sign and up to 15 characters, with a point behind the first or second or with none, are
    read in bulk, eight in one 64-bit word: their digits are a whole number below 2**53, and one
    division by a power of ten up to 10**22 rounds correctly, so that the result is that of
    ``float``. Numbers of another form (an exponent, ``nan``, more digits) are left to ``float``.

    Args:
        text: ``[L]``, uint8, below 128.
        starts: Where each field begins, ``[n]``, int64.
        ends: Where it ends.

    Returns:
        ``[n]``, float64, or None if one of them is no number.
    """
    padded = np.empty(len(text) + 2 * _WIDTH, np.uint8)
    padded[:_WIDTH] = padded[-_WIDTH:] = ord(" ")
    padded[_WIDTH:-_WIDTH] = text
    values, plain = np.empty(len(starts)), np.empty(len(starts), bool)
    for first in range(0, len(starts), _AT_ONCE):  # so that the steps below stay in the cache
        part = slice(first, first + _AT_ONCE)
        values[part], plain[part] = _plain(padded, starts[part] + _WIDTH, ends[part] + _WIDTH)
    for number in np.flatnonzero(~plain):
        start, end = int(starts[number]), int(ends[number])
        try:
            values[number] = float(text[start : min(end, start + _LONGEST)].tobytes())
        except ValueError:
            return None
    return values


def _plain(padded: Array, starts: Array, ends: Array) -> tuple[Array, Array]:
    """Numbers, and whether they are of the form that this can read; ``[n]``."""
    minus = padded.take(starts) == ord("-")
    begin = starts + minus
    length = np.minimum(ends - begin, _WIDTH)
    early = (padded.take(begin + 1) == ord(".")) & (length > 1)
    pointed = early | ((padded.take(begin + 2) == ord(".")) & (length > 2))
    behind = np.where(pointed, length - 3 + early, _WIDTH)
    # The word from each byte on, first character lowest.
    words = np.ndarray(len(padded) - 7, "<u8", padded, strides=(1,))
    form = length * (_WIDTH + 1) + behind
    right = (words[ends - 8] ^ _ZEROS) & _RIGHT.take(form)
    left = (words[ends - 16] ^ _ZEROS) & _LEFT.take(form)
    good = ((right + _TO_HIGH | left + _TO_HIGH) & _HIGH) == 0
    whole = _eight_digits(left) * 1e8 + _eight_digits(right)
    # The point was read as a digit 0: what stands before it is ten times too much. A tenth of that
    # is never near the next whole number, and all numbers here are whole and below 2**53.
    whole -= np.floor(whole / _TEN.take(behind)) * _NINE.take(behind)
    values = whole / _POWER.take(behind)
    good &= (length > pointed) & (length < _WIDTH)
    return np.where(minus, -values, values), good


def _eight_digits(value: Words) -> npt.NDArray[np.float64]:
    """The number whose digits the bytes are, the lowest byte first."""
    value = value * np.uint64(10) + (value >> np.uint64(8))
    value = (value & _PAIRS) * _LOW + (value >> np.uint64(16) & _PAIRS) * _UP
    return (value >> np.uint64(32)).astype(np.float64)
