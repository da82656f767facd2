"""Damage of single bits, and of ends that are missing, at places that follow from a seed."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable
from pathlib import Path

from pyg_skeletonmae.errors import SkeletonMAEError


def flipped(content: bytes, bit: int) -> bytes:
    place, shift = divmod(bit, 8)
    return content[:place] + bytes([content[place] ^ 1 << shift]) + content[place + 1 :]


def outcomes(
    paths: Iterable[Path], count: int, read: Callable[[], object], seed: int = 0
) -> dict[str, int]:
    """What comes of so many flipped bits of files, one at a time.

    Args:
        paths: The files; every bit of all of them is as likely as any other.
        count: How many.
        read: Reads all that there is to read, into what can be compared.
        seed: Where the bits derive from.
    """
    whole = {path: path.read_bytes() for path in paths}
    expected, draw = read(), random.Random(seed)
    found = {"noticed": 0, "without effect": 0, "other content": 0}
    for _ in range(count):
        (path,) = draw.choices(list(whole), [len(content) for content in whole.values()])
        content = whole[path]
        path.write_bytes(flipped(content, draw.randrange(8 * len(content))))
        try:
            same = read() == expected
            found["without effect" if same else "other content"] += 1
        except SkeletonMAEError:
            found["noticed"] += 1
        path.write_bytes(content)
    assert read() == expected
    return found
