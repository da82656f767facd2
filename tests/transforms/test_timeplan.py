import numpy as np
import pytest
import torch

from pyg_skeletonmae.errors import DataError
from pyg_skeletonmae.transforms.timeplan import (
    TimePlan,
    Window,
    resample_plan,
    take_frames,
    window_plan,
)


def window(*start_and_length: tuple[int, int]) -> Window:
    start, length = torch.tensor(start_and_length).t()
    return Window(start, length)


@pytest.mark.parametrize("frames", [1, 2, 5, 9, 64])
def test_resample_plan_is_linear_interpolation(frames):
    spans = [(0, 1), (3, 2), (5, 9), (0, 100)]
    plan = resample_plan(window(*spans), frames)
    signal = np.random.default_rng(0).normal(size=120)
    start = torch.zeros(len(spans), dtype=torch.long)
    ours = take_frames(torch.from_numpy(signal)[:, None], start, plan)[..., 0]
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
    for mode in ("linear", "nearest", "half_pixel"):
        plan = resample_plan(window((0, length)), length, mode)
        assert plan.low.tolist() == plan.high.tolist() == [list(range(length))]


def test_nearest_takes_whole_frames():
    plan = resample_plan(window((0, 3)), 4, "nearest")
    assert plan.low.tolist() == [[0, 1, 1, 2]]
    assert plan.weight is None


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


@pytest.mark.parametrize(("length", "frames"), [(1, 4), (7, 7), (22, 30), (76, 24), (64, 120)])
def test_half_pixel_is_interpolation_as_torch_has_it(length, frames):
    plan = resample_plan(window((3, length)), frames, "half_pixel")
    rows = torch.randn(length + 3, 2, generator=torch.Generator().manual_seed(0))
    found = take_frames(rows, torch.tensor([0]), plan)[0]
    signal = rows[3:].t()[None]
    wanted = torch.nn.functional.interpolate(signal, size=frames, mode="linear")[0].t()
    torch.testing.assert_close(found, wanted, rtol=0, atol=5e-7)
    assert plan.low.min() >= 3 and plan.high.max() <= length + 2
    assert (plan.low == plan.high).equal(plan.weight == 0)


def test_take_frames_is_rounded_alike_whatever_stands_beside():
    random = torch.Generator().manual_seed(0)
    rows = torch.randn(90, 6, generator=random)
    plan = resample_plan(window((0, 30), (5, 20), (2, 9)), 13)
    start = torch.tensor([0, 30, 60])
    whole = take_frames(rows, start, plan)
    for number in range(3):
        alone = take_frames(rows, start[number, None], plan.of(slice(number, number + 1)))
        assert alone[0].equal(whole[number])
    by_joint = rows.view(90, 2, 3).transpose(0, 1).reshape(180, 3)
    parts = [take_frames(by_joint, start + 90 * joint, plan) for joint in range(2)]
    assert torch.cat(parts, dim=-1).equal(whole)


def test_truth_must_hold_in_both_frames():
    rows = torch.tensor([[True], [False], [True]])
    plan = resample_plan(window((0, 3)), 5)
    found = take_frames(rows, torch.tensor([0]), plan)
    assert found.flatten().tolist() == [True, False, False, False, True]
    whole = TimePlan(torch.tensor([[2, 1]]))
    assert take_frames(rows, torch.tensor([0]), whole).flatten().tolist() == [True, False]
    assert plan.weight is not None and whole.of(torch.tensor([0, 0])).weight is None
