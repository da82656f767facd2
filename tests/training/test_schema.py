from __future__ import annotations

import math
from typing import Any

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

LIKE: dict[str, Any] = {"a": [1, 0.5, "x", None, True], "b": {"t": torch.zeros(2)}, "c": (1,)}


def test_what_is_alike_passes() -> None:
    other = {"a": [7, 2.0, "y", None, False], "b": {"t": torch.ones(2)}, "c": (MAX_COUNT - 1,)}
    check_like(other, LIKE, "file")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"a": [7, 2.0, "y", None]}, "file.a: expected a list of 5, found list"),
        ({"a": (7, 2.0, "y", None, True)}, "file.a: expected a list of 5, found tuple"),
        ({"a": [-1, 2.0, "y", None, True]}, r"file.a\[0\]: expected a count, found -1"),
        ({"a": [True, 2.0, "y", None, True]}, r"file.a\[0\]: expected a count, found True"),
        (
            {"a": [1, math.nan, "y", None, True]},
            r"file.a\[1\]: expected a finite number, found nan",
        ),
        ({"a": [1, 2, "y", None, True]}, r"file.a\[1\]: expected a float, found 2"),
        ({"a": [1, 2.0, 3, None, True]}, r"file.a\[2\]: expected a str, found 3"),
        ({"a": [1, 2.0, "y", 0, True]}, r"file.a\[3\]: expected nothing, found 0"),
        ({"b": 3}, "file.b: expected a dict, found 3"),
        ({"b": {}}, "file.b: the key 't' is missing"),
        ({"b": {"t": torch.zeros(2), "u": 1}}, "file.b: the key 'u' is unknown"),
        ({"b": {"t": torch.zeros(3)}}, r"file.b.t: expected the shape \[2\], found \[3\]"),
        ({"c": (1, 2)}, "file.c: expected a tuple of 1, found tuple"),
    ],
)
def test_the_place_of_a_difference_is_named(change: dict[str, Any], message: str) -> None:
    with pytest.raises(CheckpointError, match=message) as caught:
        check_like({**LIKE, **change}, LIKE, "file")
    assert "\n" not in str(caught.value)


def test_tensors() -> None:
    like = torch.zeros(2)
    check_tensor(torch.ones(2, dtype=torch.float16), like, "t", casts=True)
    for value, message in [
        (torch.ones(2, dtype=torch.float16), "expected torch.float32, found torch.float16"),
        (torch.tensor([0.0, math.inf]), "holds numbers that are not finite"),
        (torch.zeros(2, device="meta"), "a plain tensor with values"),
        (torch.zeros(2).to_sparse(), "a plain tensor with values"),
        ("two", r"expected the shape \[2\], found 'two'"),
    ]:
        with pytest.raises(CheckpointError, match=message):
            check_tensor(value, like, "t")
    with pytest.raises(CheckpointError, match=r"expected torch\.int64"):
        check_tensor(torch.ones(2), torch.ones(2, dtype=torch.long), "t", casts=True)
    open_ended = torch.tensor([0.0, math.inf])
    check_tensor(torch.tensor([1.0, math.nan]), open_ended, "t")
    with pytest.raises(CheckpointError, match="not finite"):
        check_tensor(torch.tensor([math.nan, 1.0]), open_ended, "t")


def test_counts_and_numbers() -> None:
    assert count(3, "n", below=4) == 3 and number(2, "x") == 2 and number(-0.5, "x") == -0.5
    with pytest.raises(CheckpointError, match="n: expected a count below 4, found 4"):
        count(4, "n", below=4)
    for value in (math.inf, math.nan, True, "1", None):
        with pytest.raises(CheckpointError, match="x: expected a finite number"):
            number(value, "x")
    with pytest.raises(CheckpointError, match="x: expected a finite number from 0, found -1"):
        number(-1.0, "x", least=0)


def test_keys() -> None:
    content = {"a": 1}
    assert mapping(content, ("a",), "d") is content
    with pytest.raises(CheckpointError, match="d: expected a dict, found list"):
        mapping([], (), "d")
