from dataclasses import replace

import numpy as np
import pytest
import torch
from data_helpers import STICK, array

from pyg_skeletonmae.datasets.store.clips import (
    Clip,
    check_nan_policy,
    checked_clip,
    resolve_nan,
    seen_persons,
    whole_number,
)
from pyg_skeletonmae.errors import ConfigError, DataError


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_any_float_becomes_float32(dtype):
    clip = checked_clip(Clip(torch.randn(6, 4, 2).to(dtype), 3, name="a"), STICK)
    assert clip.pos.shape == (1, 6, 4, 2) and clip.pos.dtype == np.float32
    assert clip.valid.shape == (1, 6, 4) and clip.valid.all()
    assert (clip.label, clip.subject) == (3, -1)


def test_valid_of_one_person():
    valid = np.random.default_rng(0).random((5, 4)) > 0.5
    clip = checked_clip(Clip(array(1, 5)[0], valid=torch.from_numpy(valid)), STICK)
    np.testing.assert_array_equal(clip.valid[0], valid)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"pos": np.ones((2, 3, 4, 3), int)}, "floating point, found int64"),
        ({"pos": [[["a"]]]}, "floating point"),
        ({"pos": np.ones((3, 4))}, r"expected \[M, T, V, C\]"),
        ({"pos": array(0, 3)}, "has no persons"),
        ({"pos": array(2, 0)}, "has no frames"),
        ({"pos": array(2, 3, 0)}, "has no channels"),
        ({"pos": np.ones((2, 3, 5, 3))}, "5 joints, but 'stick' has 4"),
        ({"valid": np.ones((2, 3, 4))}, "valid must be bool"),
        ({"valid": np.ones((2, 2, 4), bool)}, r"valid must be bool of shape \[2, 3, 4\]"),
        ({"label": 1.0}, "label must be an integer, found 1.0"),
        ({"label": True}, "label must be an integer, found True"),
        ({"label": "x"}, "label must be an integer"),
        ({"label": -1}, "label -1 is negative"),
        ({"subject": 0.5}, "subject must be an integer"),
    ],
)
def test_refused(changes, message):
    with pytest.raises(DataError, match=message) as error:
        checked_clip(replace(Clip(array(2, 3), 1, name="wave-7"), **changes), STICK)
    assert str(error.value).startswith("wave-7: ")


def test_whole_number():
    for value in (7, np.int16(7), torch.tensor(7), torch.tensor([7]), np.array(7)):
        assert whole_number(value, "label") == 7
    for value in (
        7.0,
        None,
        np.bool_(True),
        torch.tensor(True),
        torch.tensor(7.0),
        np.array([7, 8]),
    ):
        with pytest.raises(DataError, match="label"):
            whole_number(value, "label")


def holed() -> Clip:
    """Two persons, five frames: gaps inside, at an end, and a joint that is never there."""
    pos = array(2, 5)
    pos[0, 1:3, 0] = np.nan
    pos[0, 4, 1, 2] = np.inf
    pos[1, :, 3] = np.nan
    return checked_clip(Clip(pos, name="wave-7"), STICK)


def test_nan_error_names_clip_and_frame():
    with pytest.raises(DataError, match="wave-7: frame 1, joint 0, person 0"):
        resolve_nan(holed(), "error")


def test_nan_drop():
    assert resolve_nan(holed(), "drop") is None
    whole = checked_clip(Clip(array(2, 5)), STICK)
    np.testing.assert_array_equal(resolve_nan(whole, "drop").pos, whole.pos)


def test_nan_interpolate():
    before = holed()
    after = resolve_nan(before, "interpolate")
    pos, known = np.asarray(after.pos), np.asarray(before.pos)
    np.testing.assert_allclose(pos[0, 1, 0], known[0, 0, 0] * 2 / 3 + known[0, 3, 0] / 3, rtol=1e-5)
    np.testing.assert_allclose(pos[0, 2, 0], known[0, 0, 0] / 3 + known[0, 3, 0] * 2 / 3, rtol=1e-5)
    np.testing.assert_array_equal(pos[0, 4, 1], known[0, 3, 1])
    assert not after.valid[1, :, 3].any() and not pos[1, :, 3].any()
    assert np.count_nonzero(~after.valid) == 5, "what was filled counts as present"
    rest = np.isfinite(known).all(-1)
    np.testing.assert_array_equal(pos[rest], known[rest])
    assert np.isnan(np.asarray(before.pos)).any(), "the caller's clip changed"


def test_nan_of_a_missing_joint_is_no_error():
    pos, valid = array(1, 5), np.ones((1, 5, 4), bool)
    pos[0, 2, 1], valid[0, 2, 1] = np.nan, False
    pos[0, 3, 1], valid[0, 3, 1] = 9.0, False
    for nan in ("error", "drop", "interpolate"):
        clip = resolve_nan(checked_clip(Clip(pos, valid=valid), STICK), nan)
        np.testing.assert_array_equal(clip.valid, valid)
        assert not clip.pos[0, 2:4, 1].any()


def test_interpolate_does_not_look_at_missing_joints():
    pos, valid = array(1, 3), np.ones((1, 3, 4), bool)
    pos[0, 0, 0], valid[0, 0, 0] = 99.0, False
    pos[0, 1, 0] = np.nan
    clip = resolve_nan(checked_clip(Clip(pos, valid=valid), STICK), "interpolate")
    np.testing.assert_array_equal(clip.pos[0, 1, 0], pos[0, 2, 0])


def test_nobody_is_there():
    with pytest.raises(DataError, match="wave-7: no joint is present"):
        clip = Clip(np.full((5, 4, 3), np.nan), name="wave-7")
        resolve_nan(checked_clip(clip, STICK), "interpolate")


def test_what_float32_cannot_hold_is_not_finite():
    with pytest.raises(DataError, match="not finite"):
        resolve_nan(checked_clip(Clip(np.full((1, 4, 3), 1e300)), STICK), "error")


def test_unknown_policy():
    with pytest.raises(ConfigError, match="error, drop, interpolate"):
        check_nan_policy("zero")


def test_persons_who_are_seen():
    pos = array(3, 2)
    clip = checked_clip(Clip(pos), STICK)
    assert seen_persons(clip) is clip
    pos[0], pos[2, 0] = 0.0, np.nan
    pos[2, 1] = 0.0
    pos[2, 1, 3, 2] = 1.0
    seen = seen_persons(checked_clip(Clip(pos), STICK))
    np.testing.assert_array_equal(seen.pos, pos[1:])
    assert seen.valid.shape == (2, 2, 4)
    pos[2] = np.nan
    assert len(seen_persons(checked_clip(Clip(pos), STICK)).pos) == 1
    nobody = checked_clip(Clip(np.zeros((2, 2, 4, 3))), STICK)
    assert seen_persons(nobody) is nobody


@pytest.mark.parametrize(
    ("value", "what"), [([np.nan, 1, 1], "not finite"), ([1e20, 1, 1], "not below 1e")]
)
def test_what_is_wrong_with_a_coordinate(value, what):
    pos = array(1, 2)
    pos[0, 1, 2] = value
    with pytest.raises(DataError, match=f"frame 1, joint 2, person 0: the coordinates are {what}"):
        resolve_nan(checked_clip(Clip(pos), STICK), "error")


def test_whole_numbers_have_64_bits():
    for value in (1000, 2**63 - 1, -(2**63) + 1):
        assert whole_number(value, "subject") == value
    for value in (2**63, -(2**63)):
        with pytest.raises(DataError, match="64 bits"):
            whole_number(value, "subject")
