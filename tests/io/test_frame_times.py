import numpy as np
import pytest

from pyg_skeletonmae.io.frame_times import frames_of_times


@pytest.mark.parametrize(
    ("times", "name", "frames", "fps"),
    [
        ([0, 0.04, 0.08], "time", [0, 1, 2], 25),
        ([0, 33, 67, 133, 167], "timestamp", [0, 1, 2, 4, 5], 29.94),
        ([0, 33333, 66667], "timestamp_us", [0, 1, 2], 30),
        ([5, 5.5, 8], "Time (s)", [0, 1, 6], 2),
        ([0, 1, 2], "time", [0, 1, 2], None),
        ([0, 0.04, 0.1], "time", [0, 1, 2], None),
        ([3], "time", None, None),
        ([1, 1], "time", None, None),
        ([2, 1], "time", None, None),
        ([1, np.nan], "time", None, None),
    ],
)
def test_one_row_a_frame(times, name, frames, fps):
    found, rate, said = frames_of_times(np.array(times, float), name, several=False)
    assert (None if found is None else found.tolist()) == frames and rate == fps and name in said


def test_several_rows_a_frame():
    found, rate, _ = frames_of_times(np.array([0.1, 0, 0.3, 0.1]), "sec", several=True)
    assert found.tolist() == [1, 0, 3, 1] and rate == 10
    found, rate, said = frames_of_times(np.array([2.0, 2.0]), "sec", several=True)
    assert found.tolist() == [0, 0] and rate is None and "one time only" in said
    assert "do not grow" in frames_of_times(np.array([0, np.inf]), "t", several=True)[2]
