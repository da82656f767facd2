"""Changes of files: those that damage any bytes or any text, and those that mean the same.

A mutator takes the content of a file and a random generator, and gives another content.
"""

from __future__ import annotations

import re
from collections.abc import Callable

import numpy as np

Mutator = Callable[[bytes, np.random.Generator], bytes]

# What stands in a text where a number or a word should stand.
HOSTILE = (
    b"nan", b"inf", b"-inf", b"NaN", b"1e999", b"-1e39", b"1e-400", b"-1", b"0", b"-0", b"+3",
    b"2147483648", b"4294967296", b"9223372036854775808", b"99999999999999999999", b"1_0", b"0x10",
    b"1,5", b"1.5.2", b"1e", b"--1", b"None", b"null", b"true", b"[]", b"{}", b'""', b"\x00",
    b"\xff\xfe", "٣".encode(), "½".encode(), b"\xed\xa0\x80", b"1" * 5000, b"a" * 70_000,
    b"../../etc/passwd", b"!!python/object/apply:os.system [echo]", b"&a [*a, *a]", b"__import__",
)  # fmt: skip
_TOKEN = re.compile(rb"[^\s,:\[\]{}\"']+")
_DECIMAL = re.compile(rb"(?<![\w.])-?\d+\.\d+(?![\w.])")
_MOST = 2**20


def _span(data: bytes, rng: np.random.Generator, most: int = 64) -> tuple[int, int]:
    start = int(rng.integers(len(data) + 1))
    return start, min(len(data), start + int(rng.integers(1, most + 1)))


def flip_bits(data: bytes, rng: np.random.Generator) -> bytes:
    """One to eight bits."""
    damaged = bytearray(data)
    for place in rng.integers(len(data), size=rng.integers(1, 9)) if data else ():
        damaged[place] ^= 1 << int(rng.integers(8))
    return bytes(damaged)


def truncate(data: bytes, rng: np.random.Generator) -> bytes:
    """Everything behind some place is lost."""
    return data[: int(rng.integers(len(data) + 1))]


def insert_bytes(data: bytes, rng: np.random.Generator) -> bytes:
    """Up to 64 bytes more, any or all the same."""
    place, _ = _span(data, rng)
    more = rng.bytes(int(rng.integers(1, 65)))
    if rng.random() < 0.5:
        more = more[:1] * len(more)
    return data[:place] + more + data[place:]


def delete_bytes(data: bytes, rng: np.random.Generator) -> bytes:
    """Up to 64 bytes less."""
    start, stop = _span(data, rng)
    return data[:start] + data[stop:]


def repeat_bytes(data: bytes, rng: np.random.Generator) -> bytes:
    """Some bytes stand there several times."""
    start, stop = _span(data, rng)
    return data[:start] + data[start:stop] * int(rng.integers(2, 50)) + data[stop:]


def overwrite_bytes(data: bytes, rng: np.random.Generator) -> bytes:
    """Zeros, ones, or a number of the largest kind over what stood there."""
    start, stop = _span(data, rng, 16)
    byte = (b"\x00", b"\xff", b"\x7f", b"\x80")[rng.integers(4)]
    return data[:start] + byte * (stop - start) + data[stop:]


def move_bytes(data: bytes, rng: np.random.Generator) -> bytes:
    """Some bytes stand elsewhere."""
    start, stop = _span(data, rng, 256)
    rest = data[:start] + data[stop:]
    place, _ = _span(rest, rng)
    return rest[:place] + data[start:stop] + rest[place:]


def _lines(data: bytes, rng: np.random.Generator) -> tuple[list[bytes], int, int]:
    lines = data.splitlines(keepends=True) or [b""]
    first, second = (int(i) for i in rng.integers(len(lines), size=2))
    return lines, first, second


def swap_lines(data: bytes, rng: np.random.Generator) -> bytes:
    """Two lines change places."""
    lines, i, j = _lines(data, rng)
    lines[i], lines[j] = lines[j], lines[i]
    return b"".join(lines)


def drop_lines(data: bytes, rng: np.random.Generator) -> bytes:
    """A line, or a few, are lost."""
    lines, i, _ = _lines(data, rng)
    del lines[i : i + int(rng.integers(1, 4))]
    return b"".join(lines)


def repeat_lines(data: bytes, rng: np.random.Generator) -> bytes:
    """A line stands twice, or very often."""
    lines, i, _ = _lines(data, rng)
    often = 2 if rng.random() < 0.9 else 2000
    lines[i] *= min(often, 1 + _MOST // (len(lines[i]) + 1))
    return b"".join(lines)


def empty_line(data: bytes, rng: np.random.Generator) -> bytes:
    """A line without content somewhere."""
    lines, i, _ = _lines(data, rng)
    return b"".join([*lines[:i], b" \n" if rng.random() < 0.5 else b"\n", *lines[i:]])


def hostile_token(data: bytes, rng: np.random.Generator) -> bytes:
    """A number or a word becomes something else."""
    places = [match.span() for match in _TOKEN.finditer(data)]
    if not places:
        return data
    start, stop = places[rng.integers(len(places))]
    return data[:start] + HOSTILE[rng.integers(len(HOSTILE))] + data[stop:]


def swap_tokens(data: bytes, rng: np.random.Generator) -> bytes:
    """Two numbers or words change places."""
    places = [match.span() for match in _TOKEN.finditer(data)]
    if len(places) < 2:
        return data
    i, j = sorted(int(i) for i in rng.choice(len(places), 2, replace=False))
    (a, b), (c, d) = places[i], places[j]
    return data[:a] + data[c:d] + data[b:c] + data[a:b] + data[d:]


def change_digit(data: bytes, rng: np.random.Generator) -> bytes:
    """A digit becomes another one, which most often gives other valid content."""
    places = [match.start() for match in re.finditer(rb"\d", data)]
    if not places:
        return data
    place = places[rng.integers(len(places))]
    return data[:place] + b"%d" % rng.integers(10) + data[place + 1 :]


def other_number(data: bytes, rng: np.random.Generator) -> bytes:
    """A number with a point becomes another one, in any form that numbers have."""
    places = [match.span() for match in _DECIMAL.finditer(data)]
    if not places:
        return data
    start, stop = places[rng.integers(len(places))]
    value, digits = float(rng.normal()) * 10.0 ** int(rng.integers(-5, 6)), int(rng.integers(21))
    text = (
        f"{value:.{digits}f}", f"{value:+.{digits}e}", f"{value:.{digits}f}.", f"000{abs(value)}",
        f"{abs(value) % 1:.{1 + digits}f}"[1:], f"-.{digits}e{digits - 10}", f"{value:.0f}.",
    )[rng.integers(7)]  # fmt: skip
    return data[:start] + text.encode() + data[stop:]


def nest(data: bytes, rng: np.random.Generator) -> bytes:
    """Brackets, or what else nests, open up to 30 000 times."""
    opens = (b"[", b"{", b"(", b"- ", b'{"a":', b"!!x ", b"&a ", b"JOINT a {", b'"', b"#")
    place, _ = _span(data, rng)
    often = (2, 100, 3000, 30_000)[rng.integers(4)]
    return data[:place] + opens[rng.integers(len(opens))] * often + data[place:]


BYTES: tuple[Mutator, ...] = (
    flip_bits, truncate, insert_bytes, delete_bytes, repeat_bytes, overwrite_bytes, move_bytes,
)  # fmt: skip
TEXT: tuple[Mutator, ...] = (
    flip_bits, truncate, insert_bytes, delete_bytes, swap_lines, drop_lines, repeat_lines,
    empty_line, hostile_token, hostile_token, swap_tokens, change_digit, other_number, nest,
)  # fmt: skip


# The same meaning -------------------------------------------------------------------------------


def crlf(data: bytes, _: np.random.Generator) -> bytes:
    """Line ends of Windows."""
    return data.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")


def byte_order_mark(data: bytes, _: np.random.Generator) -> bytes:
    """As some editors begin a text."""
    return data if data.startswith(b"\xef\xbb\xbf") else b"\xef\xbb\xbf" + data


def no_last_newline(data: bytes, _: np.random.Generator) -> bytes:
    """The last line has no end."""
    return data.rstrip(b"\r\n")


def more_newlines(data: bytes, rng: np.random.Generator) -> bytes:
    """Empty lines at the end."""
    return data.rstrip(b"\r\n") + b"\n" * int(rng.integers(1, 5))


def decimals(data: bytes, rng: np.random.Generator) -> bytes:
    """Some numbers with a point are written in another way: 1.5 as 1.500, 1.5e0 or 15e-1."""

    def other(match: re.Match[bytes]) -> bytes:
        text = match[0]
        sign, digits = (b"-", text[1:]) if text.startswith(b"-") else (b"", text)
        whole, fraction = digits.split(b".")
        shifted = (whole + fraction).lstrip(b"0") or b"0"
        return (
            text,
            text + b"00",
            text + b"e0",
            text + b"E+00",
            sign + shifted + b".0e-%d" % len(fraction),
        )[rng.integers(5)]

    return _DECIMAL.sub(other, data)


def wider_blanks(data: bytes, rng: np.random.Generator) -> bytes:
    """Blanks between numbers are wider, or tabs."""
    return re.sub(rb"(?<=\S) +(?=\S)", lambda _: (b" ", b"  ", b"\t")[rng.integers(3)], data)


def trailing_blanks(data: bytes, rng: np.random.Generator) -> bytes:
    """Blanks at the ends of some lines."""
    return re.sub(rb"(?=\n)", lambda _: (b"", b" ", b" \t")[rng.integers(3)], data)


SAME_TEXT: tuple[Mutator, ...] = (crlf, byte_order_mark, no_last_newline, more_newlines)
