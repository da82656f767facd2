"""What a checkpoint holds is compared before any of it is used."""

import math

import pytest
import torch

from pyg_skeletonmae.errors import CheckpointError
from pyg_skeletonmae.training.schema import (
    MAX_COUNT,
    check_like,
    check_tensor,
    count,
    mapping,
    number,
)

LIKE = {"step": 3, "rates": [0.5, 0.1], "state": (torch.zeros(2), None)}


def test_what_is_alike_passes():
    check_like({"step": 9, "rates": [1.0, 2.0], "state": (torch.ones(2), None)}, LIKE, "run")


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ([], "run: expected a dict, found list"),
        ({"step": 1, "rates": [0.0, 0.0]}, "run: the key 'state' is missing"),
        ({**LIKE, "more": 1}, "run: the key 'more' is unknown"),
        ({**LIKE, "step": -1}, r"run.step: expected a count, found -1"),
        ({**LIKE, "step": True}, r"run.step: expected a count, found True"),
        ({**LIKE, "rates": [0.5]}, r"run.rates: expected a list of 2"),
        ({**LIKE, "rates": [0.5, math.nan]}, r"run.rates\[1\]: expected a finite number"),
        ({**LIKE, "state": (torch.zeros(3), None)}, r"run.state\[0\]: .*\[3\]"),
        ({**LIKE, "state": (torch.zeros(2), 1.0)}, r"run.state\[1\]: expected nothing, found 1.0"),
    ],
)
def test_what_differs_is_named(value, message):
    with pytest.raises(CheckpointError, match=message):
        check_like(value, LIKE, "run")


@pytest.mark.parametrize(
    "value", ["text", torch.zeros(2), torch.zeros(3, dtype=torch.long), torch.full((3,), torch.inf)]
)
def test_a_tensor_of_another_shape_or_type_or_that_is_not_finite(value):
    with pytest.raises(CheckpointError, match=r"^weight: "):
        check_tensor(value, torch.zeros(3), "weight")


def test_a_tensor_may_be_of_another_precision_if_it_is_cast():
    check_tensor(torch.zeros(3, dtype=torch.float64), torch.zeros(3), "weight", casts=True)


def test_mappings_counts_and_numbers():
    assert mapping({"a": 1}, ["a"], "m") == {"a": 1}
    assert count(2, "c", 3) == 2 and count(MAX_COUNT - 1, "c") == MAX_COUNT - 1
    assert number(0.5, "n") == 0.5 and number(3, "n", least=0) == 3
    with pytest.raises(CheckpointError, match=r"^c: expected a count below 3, found 3$"):
        count(3, "c", 3)
    for value in (math.inf, math.nan, "1", True, -1):
        with pytest.raises(CheckpointError, match=r"^n: expected a finite number from 0"):
            number(value, "n", least=0)
