import math

import pytest

from pyg_skeletonmae.io.identities import SOME, TWICE, identity, place_people, recurs


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (0, 0), (3.0, 3), ("3", 3), (" 3.0 ", 3), ([3], 3), ([[3.0]], 3), (["3"], 3), (1.5, 1.5),
        (10**17, 10**17), (10**400, 10**400), ("ann", "ann"), ("u\u0308", "\u00fc"),
        (-1, None), ([-1], None), ("-1", None), (-0.5, None), (None, None), (True, None),
        ("", None), ([], None), ([1, 2], None), ({}, None), (math.nan, None), (math.inf, None),
        ("nan", None), ("1e400", None),
    ],
)  # fmt: skip
def test_identity(value, expected):
    assert identity(value) == expected and type(identity(value)) is type(expected)


def test_places():
    assert place_people([], []) == ([], 0, (), False)
    assert place_people([0, 0, 1], [None] * 3) == ([0, 1, 0], 2, (), False)
    assert place_people([0, 0, 1, 1], [8, 3, 3, 10**17]) == ([1, 0, 0, 2], 3, (), False)
    assert place_people([0, 0, 1], [5, 5, 5]) == ([0, 1, 0], 2, (TWICE,), True)
    assert place_people([0, 0, 0, 1], [4, None, None, None]) == ([0, 1, 2, 1], 3, (SOME,), False)
    assert place_people([0, 1, 1], ["b", 2, "b"]).tracks == [1, 0, 1]


def test_numbers_of_entries_do_not_recur():
    assert recurs([1, 2, 1], [0, 0, 1]) and not recurs([1, 2, 3], [0, 0, 1])
    assert not recurs([1, 1, 1], [0, 0, 1]) and not recurs([None, None], [0, 1])
