"""Two sides of a split, from a value per clip."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence

from pyg_skeletonmae.datasets.labels import nearest
from pyg_skeletonmae.datasets.prepare import Side
from pyg_skeletonmae.errors import DataError
from pyg_skeletonmae.files.names import nfc


def split_positions(
    values: Sequence[Hashable],
    train: Iterable[Hashable],
    test: Iterable[Hashable] | None = None,
    what: str = "split",
) -> tuple[list[int], list[int]]:
    """The positions of the clips on the two sides.

    Args:
        values: A value per clip: its subject, its name ...
        train: The values that go to the first side.
        test: The values that go to the second; None = all others.
        what: What errors call the split.

    Raises:
        DataError: A side is empty, or a value belongs to no clip or to both sides.
    """
    values = [_same(value) for value in values]
    all_values = set(values)
    first = set(map(_same, train))
    second = all_values - first if test is None else set(map(_same, test))
    for value in (*first, *second):
        if value not in all_values:
            raise DataError(f"{what}: no clip has {value!r:.60}{nearest(value, values)}")
        if value in first and value in second:
            raise DataError(f"{what}: {value!r} is in both train and test")
    sides = [[i for i, value in enumerate(values) if value in side] for side in (first, second)]
    for name, side in zip(("train", "test"), sides, strict=True):
        if not side:
            raise DataError(f"{what}: the {name} side is empty")
    return sides[0], sides[1]


def in_column(column: str, value: int) -> Side:
    """The clips that have a value in a column, as a side that a store counts on its card."""
    return lambda clip: clip.extra[column] == value


def _same(value: Hashable) -> Hashable:
    return nfc(value) if isinstance(value, str) else value
