from __future__ import annotations

import numpy as np
import pytest

from fuzz import mutators
from fuzz.mutators import BYTES, SAME_TEXT, TEXT, decimals, trailing_blanks, wider_blanks

TABLE = b"3\n1.5 -0.25 12\n0.05\t7 nan\n-3.0 00 1e-05\n"


@pytest.mark.parametrize("mutator", sorted({*BYTES, *TEXT}, key=lambda mutator: mutator.__name__))
def test_damage_depends_on_the_generator_alone(mutator):
    results = [
        [mutator(TABLE, np.random.default_rng(seed)) for seed in range(40)] for _ in range(2)
    ]
    assert results[0] == results[1] and len(set(results[0])) > 2
    assert all(isinstance(data, bytes) for data in results[0])
    assert max(map(len, results[0])) < 2**20
    assert isinstance(mutator(b"", np.random.default_rng(0)), bytes)  # an earlier one cut it


@pytest.mark.parametrize("mutator", [*SAME_TEXT, decimals, trailing_blanks, wider_blanks])
def test_the_same_numbers_in_the_same_lines(mutator):
    wanted = [[float(field) for field in line.split()] for line in TABLE.splitlines()]
    results = {mutator(TABLE, np.random.default_rng(seed)) for seed in range(40)}
    assert results != {TABLE}
    for data in results:
        lines = data.decode("utf-8-sig").rstrip().splitlines()
        assert repr([[float(field) for field in line.split()] for line in lines]) == repr(wanted)


def test_decimals_leave_other_words_alone():
    text = b'{"version": "0.1.0", "file": "a.1.5b", "size": 12, "x": -0.5}'
    results = {decimals(text, np.random.default_rng(seed)) for seed in range(40)}
    assert {data[:51] for data in results} == {text[:51]} and len(results) == 5


def test_hostile_tokens_take_the_place_of_one():
    results = [mutators.hostile_token(b"1 2 3", np.random.default_rng(i)) for i in range(300)]
    assert {b"nan 2 3", b"1 inf 3", b"1 2 1e999"} <= set(results)
