import numpy as np
import pytest

from pyg_skeletonmae.errors import ConfigError
from pyg_skeletonmae.io.zeros import DOUBT, NOWHERE, check_zeros, settle_zeros


def walk(persons: int = 1) -> np.ndarray:
    return np.random.default_rng(0).normal(size=(persons, 6, 5, 2)) + 3


def settle(pos, zeros=None):
    return settle_zeros(pos, np.ones(pos.shape[:-1], bool), zeros)


def test_origins_are_in_no_doubt():
    pos = walk()
    pos[:, :, 2] = 0  # centred on a joint
    for zeros in (None, "missing", "keep"):
        valid, notes = settle(pos, zeros)
        assert valid.all() and not notes
    pos = walk()
    pos[0, 0, 2] = 0  # centred on a joint of the first frame
    assert settle(pos)[1] == ()


@pytest.mark.parametrize("where", [np.s_[0, 2], np.s_[0, 1:3, 4], np.s_[0, 3:], np.s_[0, ::2]])
def test_zeros_that_come_and_go(where):
    pos = walk()
    pos[where] = 0
    valid, notes = settle(pos)
    assert valid.all() and notes == (DOUBT,)
    valid, notes = settle(pos, "missing")
    assert not notes and np.array_equal(valid, pos.any(-1))
    assert settle(pos, "keep")[0].all() and settle(pos, "keep")[1] == ()
    assert np.array_equal(settle(pos[0], "missing")[0], pos[0].any(-1))


def test_nobody():
    pos = walk(2)
    pos[1] = 0
    valid, notes = settle(pos)
    assert valid[0].all() and not valid[1].any() and notes == (NOWHERE,)
    assert not settle(pos, "missing")[0][1].any() and settle(pos, "keep")[0].all()
    valid, notes = settle(np.zeros((1, 6, 5, 2)))
    assert valid.all() and notes == (DOUBT,)


def test_what_is_missing_already_stays_so():
    pos, valid = walk(), np.ones((1, 6, 5), bool)
    pos[0, 2], valid[0, 2] = 0, False
    assert settle_zeros(pos, valid, None)[1] == ()
    pos[0, 4, :2] = np.nan
    assert settle_zeros(pos, valid, "missing")[0][0, 4].all()


def test_other_words_are_refused():
    with pytest.raises(ConfigError, match="expected one of missing, keep"):
        check_zeros("drop")
