from __future__ import annotations

import pytest
import torch

from pyg_skeletonmae.errors import ConfigError, DataError
from pyg_skeletonmae.evaluation import Segment, temporal
from pyg_skeletonmae.evaluation.temporal import frame_probabilities, window_labels, window_starts


def test_windows_cover_the_sequence():
    assert window_starts(10, 4, 3) == [0, 3, 6]
    assert window_starts(11, 4, 3) == [0, 3, 6, 7]
    assert window_starts(3, 4, 3) == [0]
    with pytest.raises(ConfigError, match="stride 0"):
        window_starts(10, 4, 0)


def test_the_middle_of_a_window_is_its_class():
    annotations = [Segment(0, 6, 3), Segment(5, 9, 1)]
    assert window_labels(annotations, [0, 2, 3, 7], 4, 11, 8) == [3, 3, 1, 8]
    # Of a window that is longer than the sequence, the middle of the sequence.
    assert window_labels([Segment(0, 10, 3)], [0], 64, 10, 51) == [3]


def test_frames_take_the_mean_of_their_windows():
    found = frame_probabilities(torch.tensor([[1.0, 0.0], [0.0, 1.0]]), [0, 1], 2, 3)
    torch.testing.assert_close(found, torch.tensor([[1.0, 0.0], [0.5, 0.5], [0.0, 1.0]]))
    with pytest.raises(DataError, match="frame 2 lies in no window"):
        frame_probabilities(torch.ones(1, 2), [0], 2, 3)
    with pytest.raises(DataError, match="2 windows"):
        frame_probabilities(torch.ones(1, 2), [0, 1], 2, 3)


def test_a_sequence_computed_by_hand():
    """Windows of two frames, two actions and the background; the second action is half found."""
    starts = [0, 2, 4, 6, 8]
    labels = [0, 0, 2, 1, 2]
    scores = 0.8 * torch.nn.functional.one_hot(torch.tensor(labels), 3) + 0.1
    annotations = [Segment(0, 4, 0), Segment(6, 10, 1)]
    found = temporal([scores], [starts], [10], [annotations], 2, background=2)
    assert found["frame_top1"] == pytest.approx(0.8)
    assert found["map_action_0.1"] == found["map_action_0.5"] == 1.0
    strict = temporal([scores], [starts], [10], [annotations], 2, 2, ious=[0.6])
    # The sequence has two actions of equal score, of which one is right.
    assert strict["map_action_0.6"] == 0.5 and strict["map_video_0.6"] == 0.5
    none = temporal([scores], [starts], [10], [annotations], 2, 2, shortest=5)
    assert none["map_action_0.1"] == 0.0
    without = temporal([scores[:, :2]], [starts], [10], [annotations], 2)
    assert without["frame_top1"] == pytest.approx(6 / 8)
    for wrong in (Segment(-3, 4, 0), Segment(6, 11, 1), Segment(0, 4, 2)):
        with pytest.raises(DataError, match=r"sequence 0: .* <= 10 and a class from 0, not 2"):
            temporal([scores], [starts], [10], [[wrong]], 2, background=2)
    with pytest.raises(DataError, match="one of each"):
        temporal([scores], [starts], [10], [], 2)
