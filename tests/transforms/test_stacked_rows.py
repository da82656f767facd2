import pytest
import torch

from pyg_skeletonmae.transforms.stacked_rows import StackedRows
from pyg_skeletonmae.transforms.timeplan import Window, resample_plan, take_frames

PARTS = [torch.randn(n, 3, 2, generator=torch.Generator().manual_seed(n)) for n in (5, 1, 7)]


def test_rows():
    rows, whole = StackedRows(PARTS), torch.cat(PARTS)
    assert repr(rows) == "StackedRows(parts=3, shape=[13, 3, 2])"
    assert rows.shape == whole.shape and rows.size(2) == 2 and len(rows) == 13
    for start, stop in ((0, 5), (2, 4), (5, 6), (6, 13)):
        assert torch.equal(rows[start:stop], whole[start:stop])
    assert rows[2:4].data_ptr() == PARTS[0][2:].data_ptr()
    assert rows.to(torch.device("cpu")) is rows
    assert rows.to(torch.device("meta")).shape == whole.shape, "one tensor on a GPU"
    assert rows.new_empty(2, 3).dtype == torch.float32
    assert rows.flatten(1).shape == (13, 6)


@pytest.mark.parametrize("frames", [2, 5])
def test_take(frames):
    start, length = torch.tensor([6, 0, 5, 8, 1]), torch.tensor([7, 5, 1, 3, 4])
    plan = resample_plan(Window(torch.zeros_like(length), length), frames)
    whole = torch.cat(PARTS).flatten(1)
    wanted = take_frames(whole, start, plan)
    assert torch.equal(take_frames(StackedRows(PARTS).flatten(1), start, plan), wanted)
    valid = [part[..., 0] > 0 for part in PARTS]
    wanted = take_frames(torch.cat(valid), start, plan)
    assert torch.equal(take_frames(StackedRows(valid), start, plan), wanted)
