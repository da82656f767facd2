import numpy as np
import pytest
from data_helpers import STICK, array

from pyg_skeletonmae.datasets import Clip
from pyg_skeletonmae.datasets.store.clip_checks import Intake
from pyg_skeletonmae.errors import ConfigError, DataError


def broken(name="broken"):
    pos, valid = array(1, 3), np.ones((1, 3, 4), bool)
    pos[0, :2, 1], pos[0, 2, 3], valid[0, 0, 1] = np.nan, np.inf, False
    return Clip(pos, 0, name=name, valid=valid)


@pytest.mark.parametrize(("nan", "kept"), [("drop", False), ("interpolate", True)])
def test_not_finite(nan, kept):
    intake = Intake(STICK, ["a"], nan)
    assert (intake(broken()) is not None) == kept
    assert intake.nan_joints == 2, "joints that are missing anyway do not count"
    assert intake.dropped == ([] if kept else [("broken", "coordinates that are not finite")])
    assert repr(intake) == f"Intake(stick, nan={nan}, nan_joints=2, dropped={len(intake.dropped)})"


def test_refused():
    with pytest.raises(DataError, match="broken: frame 1, joint 1"):
        Intake(STICK, None)(broken())
    with pytest.raises(DataError, match="x: label 2, but there are 2 classes"):
        Intake(STICK, ["a", "b"])(Clip(array(1, 2), 2, name="x"))
    assert Intake(STICK, None)(Clip(array(1, 2), 2)).label == 2
    with pytest.raises(ConfigError, match="nan='ignore'"):
        Intake(STICK, None, "ignore")


def test_persons_who_are_nowhere():
    pos, valid = array(3, 4), np.ones((3, 4, 4), bool)
    pos[0], valid[2] = 0, False
    assert Intake(STICK, None)(Clip(pos, valid=valid)).pos.shape[0] == 1
    assert Intake(STICK, None, all_tracks=True)(Clip(pos, valid=valid)).pos.shape[0] == 3
    pos[0], valid[2] = np.nan, True
    np.testing.assert_array_equal(Intake(STICK, None)(Clip(pos)).pos, pos[1:])


def test_one_channel_is_enough_to_be_not_finite():
    pos = array(1, 3)
    pos[0, 1, 2, 0] = np.nan
    intake = Intake(STICK, None, "interpolate")
    assert np.isfinite(intake(Clip(pos)).pos).all() and intake.nan_joints == 1


def test_names_are_numbers_and_something_must_be_left():
    names = [clip.name for clip in Intake(STICK, None).checked([Clip(array(1, 2))] * 2)]
    assert names == ["clip 0", "clip 1"]
    intake = Intake(STICK, None, "drop")
    with pytest.raises(DataError, match="all 2 were dropped"):
        list(intake.checked([broken(), broken("")]))
    assert [name for name, _ in intake.dropped] == ["broken", "clip 1"]
    assert len(list(Intake(STICK, None, "drop").checked([broken(), Clip(array(1, 2))]))) == 1
