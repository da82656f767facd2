"""JSON files that nobody vouches for: bounded in size and depth, and nothing but plain JSON."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from pyg_skeletonmae.errors import SkeletonFormatError
from pyg_skeletonmae.files.plain import open_plain
from pyg_skeletonmae.io.npz import Array, require_file

MAX_VALUES = 5_000_000
_MAX_DIGITS = 18
_MAX_FLOAT32 = float(np.finfo(np.float32).max)


def read_json(path: str | Path, max_bytes: int = 64 * 2**20) -> Any:
    """Reads a JSON file.

    Args:
        path: The file, UTF-8, with or without a byte order mark.
        max_bytes: The largest size to read. A file of more than five million values (our choice:
            they take about 500 MB once read) is refused as well.

    Raises:
        SkeletonFormatError: The file is missing, too large, no JSON, nested too deeply, gives a key
            twice, or holds NaN, infinity or an integer of more than 18 digits.
    """
    path = require_file(path, "a JSON file")
    try:
        with open_plain(path) as file:
            data = file.read(max_bytes + 1)
    except OSError as error:
        raise SkeletonFormatError(path, "the file", "a readable file", str(error)) from None
    if len(data) > max_bytes:
        raise SkeletonFormatError(path, "the file", f"at most {max_bytes} bytes", "more")
    if (values := sum(map(data.count, (b",", b"[", b"{")))) > MAX_VALUES:
        raise SkeletonFormatError(path, "the file", f"at most {MAX_VALUES} values", f"{values}")
    try:
        return json.loads(
            data.decode("utf-8-sig"),
            parse_int=_integer,
            parse_constant=_constant,
            object_pairs_hook=_object,
        )
    except json.JSONDecodeError as error:
        where, found = f"line {error.lineno}, column {error.colno}", error.msg
    except RecursionError:
        where, found = "the file", "lists or objects nested too deeply"
    except ValueError as error:
        where, found = "the file", str(error)[:120]
    raise SkeletonFormatError(path, where, "JSON", found)


def entry(path: Path, where: str, value: object, key: str, kind: type) -> Any:
    """The value of a key that must be there and of a type.

    Raises:
        SkeletonFormatError: ``value`` is no object, or has no such key, or of another type.
    """
    if not isinstance(value, dict):
        raise SkeletonFormatError(path, where, "an object", brief(value))
    if key not in value:
        raise SkeletonFormatError(path, where, f"the key {key!r}", f"only {list(value)!r:.80}")
    if type(value[key]) is not kind:
        expected = {list: "a list", dict: "an object", int: "an integer", str: "text"}[kind]
        raise SkeletonFormatError(path, f"{where}, key {key!r}", expected, brief(value[key]))
    return value[key]


def points(path: Path, where: str, numbers: list[object], num_joints: int) -> Array:
    """``x, y, score`` of each joint from one flat list, ``[V, 3]``, float32.

    Raises:
        SkeletonFormatError: The list has another length, or holds something that is no finite
            number (``true`` is none).
    """
    if len(numbers) != 3 * num_joints:
        expected = f"{3 * num_joints} numbers (x, y, score of {num_joints} joints)"
        raise SkeletonFormatError(path, where, expected, f"{len(numbers)}")
    return number_list(path, where, numbers).reshape(num_joints, 3)


def number_list(path: Path, where: str, numbers: object, count: int | None = None) -> Array:
    """A flat list of numbers, ``[count]``, float32.

    Raises:
        SkeletonFormatError: It is no list, has another length, or holds something that is no finite
            number (``true`` is none).
    """
    if not isinstance(numbers, list) or count not in (None, len(numbers)):
        of = "" if count is None else f"{count} "
        raise SkeletonFormatError(path, where, f"a list of {of}numbers", brief(numbers))
    for index, number in enumerate(numbers):
        if type(number) not in (int, float) or not abs(number) <= _MAX_FLOAT32:
            place = f"{where}, number {index}"
            raise SkeletonFormatError(path, place, "a finite number", brief(number))
    return np.array(numbers, np.float32)


def number_rows(path: Path, where: str, rows: object, widths: tuple[int, ...]) -> Array:
    """A list of rows of numbers, all of one of some widths, ``[rows, width]``, float32.

    Raises:
        SkeletonFormatError: It is no such list.
    """
    if not isinstance(rows, list) or not rows or not all(isinstance(row, list) for row in rows):
        raise SkeletonFormatError(path, where, "a list of points", brief(rows))
    width = len(rows[0])
    if width not in widths or any(len(row) != width for row in rows):
        expected = f"{' or '.join(map(str, widths))} numbers in every point"
        raise SkeletonFormatError(path, where, expected, "others")
    flat = [number for row in rows for number in row]
    return number_list(path, where, flat).reshape(len(rows), width)


def brief(value: object) -> str:
    """A few characters of a value, on one line, for an error message."""
    if isinstance(value, list | dict):
        kind = "a list" if isinstance(value, list) else "an object"
        return f"{kind} of {len(value)}"
    return f"{value!r:.60}"


def _integer(text: str) -> int:
    # Also keeps the time to read a number linear in its length.
    if len(text) > _MAX_DIGITS + 1:
        raise ValueError(f"an integer of {len(text)} digits")
    return int(text)


def _constant(text: str) -> float:
    raise ValueError(f"{text}, which is not JSON")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    content = dict(pairs)
    if len(content) != len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in content if keys.count(key) > 1)
        raise ValueError(f"the key {twice[:60]!r} twice")
    return content
