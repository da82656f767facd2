import numpy as np
import pytest
import torch

from pyg_skeletonmae.errors import DataError
from pyg_skeletonmae.transforms.timeplan import Window, blend, resample_plan, window_plan


def window(*start_and_length: tuple[int, int]) -> Window:
    start, length = torch.tensor(start_and_length).t()
    return Window(start, length)


@pytest.mark.parametrize("frames", [1, 2, 5, 9, 64])
def test_resample_plan_is_linear_interpolation(frames):
    spans = [(0, 1), (3, 2), (5, 9), (0, 100)]
    plan = resample_plan(window(*spans), frames)
    signal = np.random.default_rng(0).normal(size=120)
    values = torch.from_numpy(signal)
    ours = blend(values[plan.low], values[plan.high], plan.weight.double())
    for row, (start, length) in zip(ours, spans, strict=True):
        at = np.linspace(0, length - 1, frames) if frames > 1 else [(length - 1) / 2]
        expected = np.interp(at, np.arange(length), signal[start : start + length])
        np.testing.assert_allclose(row.numpy(), expected, atol=1e-6)


def test_a_frame_on_an_old_one_does_not_look_aside():
    plan = resample_plan(window((2, 5)), 9)
    assert plan.low.tolist() == [[2, 2, 3, 3, 4, 4, 5, 5, 6]]
    assert plan.high.tolist() == [[2, 3, 3, 4, 4, 5, 5, 6, 6]]
    assert plan.weight.tolist() == [[0, 0.5] * 4 + [0]]


@pytest.mark.parametrize("length", [1, 7, 300])
def test_as_many_frames_as_before_is_the_identity(length):
    for mode in ("linear", "nearest"):
        plan = resample_plan(window((0, length)), length, mode)
        assert plan.low.tolist() == plan.high.tolist() == [list(range(length))]


def test_nearest_takes_whole_frames():
    plan = resample_plan(window((0, 3)), 4, "nearest")
    assert plan.low.tolist() == [[0, 1, 1, 2]]
    assert plan.weight.abs().max() == 0


def test_window_plan():
    plan = window_plan(window((0, 3), (4, 3)))
    assert plan.low.tolist() == plan.high.tolist() == [[0, 1, 2], [4, 5, 6]]
    with pytest.raises(
        DataError, match="clips of 2 to 3 frames cannot stand in one batch: put Res"
    ):
        window_plan(window((0, 3), (4, 2)))


def test_plan_of_nodes():
    plan = window_plan(window((0, 2), (4, 2))).of(torch.tensor([1, 0, 1]))
    assert plan.low.tolist() == [[4, 5], [0, 1], [4, 5]]
