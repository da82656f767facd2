"""What one process makes of a loader; several, in tests/test_many_processes.py."""

import torch
from torch_geometric.data import Data

from pyg_skeletonmae.evaluation.shares import over_all


def test_one_process_has_all() -> None:
    batches = [Data(x=torch.ones(2)), Data(x=torch.zeros(1))]
    rows = over_all(batches, lambda batch: (batch.x, batch.x + 1))
    assert [[column.tolist() for column in row] for row in rows] == [
        [[1.0, 1.0], [2.0, 2.0]],
        [[0.0], [1.0]],
    ]
    assert over_all([], lambda batch: (batch.x,)) == []
