import pytest
import torch

from pyg_skeletonmae.errors import ConfigError
from pyg_skeletonmae.layouts import UIPRMD22
from pyg_skeletonmae.nn.targets import bones, motion, standardise

POS = torch.randn(2, 3, 8, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
VALID = torch.ones(2, 3, 8, dtype=torch.bool)


def test_motion_ends_in_zeros() -> None:
    ahead, valid = motion(POS, VALID, stride=3)
    assert torch.equal(ahead[:, :, :5], POS[:, :, 3:] - POS[:, :, :5])
    assert ahead[:, :, 5:].abs().max() == 0 and valid.all()


def test_motion_is_known_where_both_ends_are() -> None:
    gap = VALID.clone()
    gap[0, 1, 4] = False
    _, valid = motion(POS, gap, stride=1)
    assert valid[0, 1].tolist() == [True] * 3 + [False] * 2 + [True] * 3


@pytest.mark.parametrize("stride", [0, 8])
def test_stride_out_of_range(stride: int) -> None:
    with pytest.raises(ConfigError, match="expected 1 to 7 frames"):
        motion(POS, VALID, stride)


@pytest.mark.parametrize(("norm", "window", "over"), [("patch", 4, (3, 4)), ("time", 8, (3,))])
def test_windows_have_mean_zero_and_unbiased_variance_one(
    norm: str, window: int, over: tuple[int, ...]
) -> None:
    target = standardise(POS, VALID, norm, frames=4, eps=0.0)  # type: ignore[arg-type]
    windows = target.value.view(2, 3, 8 // window, window, 2)
    assert windows.mean(over).abs().max() < 1e-12
    torch.testing.assert_close(windows.var(over), torch.ones_like(windows.var(over)))
    torch.testing.assert_close(target.restore(target.value), POS)


def test_no_norm_is_no_change() -> None:
    target = standardise(POS, VALID, "none", frames=4)
    assert torch.equal(target.value, POS) and torch.equal(target.restore(POS), POS)


@pytest.mark.parametrize("norm", ["patch", "time"])
def test_missing_joints_do_not_count(norm: str) -> None:
    gap, changed = VALID.clone(), POS.clone()
    gap[:, 1, 2:4], changed[:, 1, 2:4] = False, torch.nan
    before = standardise(POS, gap, norm, frames=4).value[gap]  # type: ignore[arg-type]
    after = standardise(changed, gap, norm, frames=4).value[gap]  # type: ignore[arg-type]
    assert torch.equal(before, after) and after.isfinite().all()


def test_a_still_or_missing_joint_stays_finite() -> None:
    still = standardise(torch.full((1, 1, 8, 2), 5.0), VALID[:1, :1], "patch", frames=4)
    assert still.value.abs().max() < 1e-3
    missing = standardise(POS, torch.zeros_like(VALID), "time", frames=4)
    assert missing.value.isfinite().all()


def test_bones_are_known_where_both_ends_are() -> None:
    pos, valid = torch.randn(2, 22, 4, 3), torch.ones(2, 22, 4, dtype=torch.bool)
    child, parent = UIPRMD22.bone_index[:, 5]
    valid[1, parent, 2] = False
    found, known = bones(pos, valid, UIPRMD22.bone_index)
    torch.testing.assert_close(found[:, child], pos[:, child] - pos[:, parent])
    root = UIPRMD22.index(UIPRMD22.root)
    assert found[:, root].eq(0).all() and not known[:, root].any()
    assert not known[1, child, 2] and known[1, child, 1]


def test_a_variance_of_nothing_is_the_constant() -> None:
    still = standardise(torch.full((1, 1, 4, 2), 5.0), VALID[:1, :1, :4], "patch", frames=4)
    assert still.std.flatten().tolist() == pytest.approx([1e-3] * 8)
    assert still.mean.flatten().tolist() == pytest.approx([5.0] * 8)
    missing = standardise(torch.full((1, 1, 4, 2), 5.0), ~VALID[:1, :1, :4], "time", frames=4)
    assert missing.mean.flatten().tolist() == [0.0] * 8
    one = VALID[:1, :1, :4].clone()
    one[..., 1:] = False
    alone = standardise(torch.arange(8.0).view(1, 1, 4, 2), one, "time", frames=4)
    assert alone.mean[0, 0, 0].tolist() == [0.0, 1.0]
    assert alone.std.flatten().tolist() == pytest.approx([1e-3] * 8)


def test_the_variance_of_two_numbers_is_unbiased() -> None:
    pair = torch.tensor([1.0, 3.0], dtype=torch.float64).view(1, 1, 2, 1)
    target = standardise(pair, VALID[:1, :1, :2], "time", frames=2, eps=0.0)
    assert target.std.flatten().tolist() == pytest.approx([2**0.5] * 2)


def test_a_target_without_norm_has_a_mean_of_zero_and_a_weight_of_one() -> None:
    target = standardise(POS, VALID, "none", frames=4)
    assert target[2:] == (0.0, 1.0, 1.0, None)
    weighted = target._replace(weight=0.5).repeated(2)
    assert weighted[2:] == (0.0, 1.0, 0.5, None)
    assert torch.equal(weighted.value, POS[[0, 0, 1, 1]])


def test_motion_is_of_one_frame_unless_said() -> None:
    assert torch.equal(motion(POS, VALID)[0], motion(POS, VALID, 1)[0])


def test_targets_of_several_views() -> None:
    target = standardise(torch.randn(2, 3, 4, 3), torch.rand(2, 3, 4) > 0.5, "patch", 2)
    twice = target.repeated(2)
    assert torch.equal(twice.value[2], target.value[1]) and torch.equal(
        twice.valid[1], target.valid[0]
    )
    assert torch.equal(twice.restore(twice.value)[3], target.restore(target.value)[1])
