"""What one process makes of a loader; several, in tests/test_many_processes.py."""

import pytest
import torch
from torch_geometric.data import Data

from pyg_skeletonmae.evaluation.shares import InTurn, in_turn, over_all


def test_one_process_has_all() -> None:
    batches = [Data(x=torch.ones(2)), Data(x=torch.zeros(1))]
    rows = over_all(batches, lambda batch: (batch.x, batch.x + 1))
    assert [[column.tolist() for column in row] for row in rows] == [
        [[1.0, 1.0], [2.0, 2.0]],
        [[0.0], [1.0]],
    ]
    assert over_all([], lambda batch: (batch.x,)) == []


@pytest.mark.parametrize("divided", [False, True])
def test_batches_in_turn(divided: bool) -> None:
    batches = [Data(x=torch.tensor([float(number)])) for number in range(5)]
    own = InTurn(batches, 1, 3, divided)
    assert repr(own) == f"InTurn({batches!r}, 1 of 3)"
    expected = [0, 1, 2, 3, 4] if divided else [1, 4]
    for _ in range(2):
        assert [int(batch.x) for batch in own] == expected
    doubled = own.map(lambda batch: Data(x=2 * batch.x))
    assert [int(batch.x) for batch in doubled] == [2 * number for number in expected]
    alone = InTurn(batches, 0, 1)
    assert [int(x) for (x,) in over_all(alone, lambda batch: (batch.x,))] == [0, 1, 2, 3, 4]


def test_one_process_takes_all_turns() -> None:
    assert in_turn("abc", 1) == ["a", "b", "c"]
