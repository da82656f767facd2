from __future__ import annotations

import numpy as np
import pytest
from inference_helpers import poses

from pyg_skeletonmae.errors import ConfigError
from pyg_skeletonmae.inference.windows import Cut, cut


def pieces(how: Cut, pos, valid=None):
    valid = np.ones(pos.shape[:3], bool) if valid is None else valid
    return [(p.start, p.stop, p.person, p.pos.shape[:2]) for p in how("a", pos, valid)]


def test_a_clip_is_one_piece_and_a_person_is_one():
    pos = poses(persons=2, frames=10)
    assert pieces(cut("clip", None, None, 16), pos) == [(0, 10, None, (2, 10))]
    one = (1, 10)
    assert pieces(cut("person", None, None, 16), pos) == [(0, 10, 0, one), (0, 10, 1, one)]


def test_windows_end_with_the_recording_and_are_no_longer_than_it():
    pos = poses(frames=10)
    starts = [(p[0], p[1]) for p in pieces(cut("window", 4, 3, 16), pos)]
    assert starts == [(0, 4), (3, 7), (6, 10)]
    assert [(p[0], p[1]) for p in pieces(cut("window", 4, 4, 16), pos)] == [(0, 4), (4, 8), (6, 10)]
    assert pieces(cut("window", None, None, 16), pos) == [(0, 10, None, (1, 10))]
    assert cut("window", None, None, 16) == cut("clip", 16, None, 99) == Cut(False, 16, 4)


def test_who_is_not_seen_in_a_window_is_no_part_of_it():
    pos = poses(persons=2, frames=8)
    valid = np.ones(pos.shape[:3], bool)
    valid[0, 4:] = False
    valid[1, :4] = False
    assert pieces(cut("person", 4, 4, 16), pos, valid) == [(0, 4, 0, (1, 4)), (4, 8, 1, (1, 4))]
    assert [p[3] for p in pieces(cut("window", 4, 4, 16), pos, valid)] == [(1, 4), (1, 4)]
    assert [p[3] for p in pieces(cut("window", 4, 4, 16), pos, valid & False)] == [(0, 4), (0, 4)]


def test_what_makes_no_windows_is_refused():
    for how in (("clip", None, 4), ("window", 0, 1), ("window", 4, 0), ("frame", None, None)):
        with pytest.raises(ConfigError, match=r"stride|window 0|by 'frame'"):
            cut(*how, 16)
