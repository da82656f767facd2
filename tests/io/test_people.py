from pathlib import Path

import numpy as np
import pytest

from pyg_skeletonmae.errors import SkeletonFormatError
from pyg_skeletonmae.io.identities import SOME, TWICE
from pyg_skeletonmae.io.people import Person, stack_people

A = Path("a.json")


def person(frame: int, track: int | None, value: float) -> Person:
    who = {} if track is None else {"track_id": track}
    return Person(frame, who, np.full((2, 3), value, np.float32))


def test_identities_make_the_tracks():
    people = [person(3, 9, 1), person(3, 2, 2), person(5, 9, 3), person(5, None, 4)]
    values, notes = stack_people(A, people, [3, 5], 2)
    np.testing.assert_array_equal(
        values[..., 0, 0], [[2, np.nan, np.nan], [1, np.nan, 3], [np.nan, np.nan, 4]]
    )
    assert notes == (SOME,)


def test_without_identities_the_order_in_each_frame_does():
    people = [person(0, None, 1), person(0, None, 2), person(2, None, 3)]
    wanted = [[1, np.nan, 3], [2, np.nan, np.nan]]
    values, notes = stack_people(A, people, [2, 0], 2)
    np.testing.assert_array_equal(values[..., 1, 2], wanted)
    assert notes == ()
    people = [person(0, 7, 1), person(0, 7, 2), person(2, 7, 3)]
    values, notes = stack_people(A, people, [0, 2], 2)
    np.testing.assert_array_equal(values[..., 1, 2], wanted)
    assert notes == (TWICE,)
    assert stack_people(A, [], range(3), 2)[0].shape == (0, 3, 2, 3)


def test_what_cannot_be_is_refused():
    flat = Person(1, {}, np.zeros((2, 4), np.float32))
    for people, numbers, message in (
        ([], [], "expected a frame, found none"),
        ([], [1, 2, 1], "each frame once, found frame 1 again"),
        ([person(0, 1, 0), flat], [0, 1], "as many numbers in all, found some of each"),
        ([person(0, 1, 0)], [0, 10**12], "cut long recordings"),
    ):
        with pytest.raises(SkeletonFormatError, match=message):
            stack_people(A, people, numbers, 2)
