from __future__ import annotations

import pytest
import torch

from pyg_skeletonmae.errors import ConfigError, DataError
from pyg_skeletonmae.evaluation import Segment, detection_map, find_segments


def test_iou():
    assert Segment(0, 10, 0).iou(Segment(5, 15, 0)) == pytest.approx(5 / 15)
    assert Segment(0, 10, 0).iou(Segment(10, 15, 0)) == 0
    assert Segment(2, 7, 0).iou(Segment(2, 7, 3)) == 1


def test_segments_are_runs_of_the_likeliest_class():
    rows = [(0.9, 0.1, 0.0), (0.7, 0.2, 0.1), (0.1, 0.1, 0.8), (0.2, 0.6, 0.2), (0.9, 0.0, 0.1)]
    found = find_segments(torch.tensor(rows), background=2)
    expected = [(0, 2, 0, 0.8), (3, 4, 1, 0.6), (4, 5, 0, 0.9)]
    assert [tuple(segment) for segment in found] == [pytest.approx(own) for own in expected]
    assert [s.start for s in find_segments(torch.tensor(rows), None)] == [0, 2, 3, 4]
    assert [s.start for s in find_segments(torch.tensor(rows), 2, shortest=2)] == [0]
    with pytest.raises(DataError, match="frame scores"):
        find_segments(torch.zeros(4, 0), None)
    for bad in (torch.nan, torch.inf):
        with pytest.raises(DataError, match="NaN or infinite"):
            find_segments(torch.tensor([[bad, 1.0]]), None)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (Segment(5, 5, 0), "0 <= start < stop"),
        (Segment(10, 0, 0), "0 <= start < stop"),
        (Segment(-3, 5, 0), "0 <= start < stop"),
        (Segment(0, 5, -1), "a class from 0"),
        (Segment(0, 5, 0, torch.nan), "a finite score"),
        (Segment(0, 5, 0, torch.inf), "a finite score"),
    ],
    ids=str,
)
def test_segments_that_are_none(wrong, said):
    """One without a frame divides by zero, a score of NaN comes first."""
    good = [[Segment(0, 10, 0)], [Segment(0, 10, 1)]]
    bad = [good[0], [*good[1], wrong]]
    with pytest.raises(DataError, match=f"sequence 1: .*{said}"):
        detection_map(bad, good, 0.5)
    with pytest.raises(DataError, match=f"sequence 1: .*{said}"):
        detection_map(good, bad, 0.5)


def test_a_case_computed_by_hand():
    """Class 0, by score: right, wrong, right (of 3): AP = 1/3 (1) + 1/3 (2/3). Class 1: 1."""
    truth = [
        [Segment(0, 10, 0), Segment(20, 30, 0), Segment(40, 50, 1)],
        [Segment(0, 10, 0)],
    ]
    found = [
        [Segment(0, 10, 0, 0.9), Segment(60, 70, 0, 0.8), Segment(42, 50, 1, 0.3)],
        [Segment(2, 12, 0, 0.7)],  # IoU 8 / 12
    ]
    by_action = (1 / 3 + 2 / 9 + 1) / 2
    # Recording 0, by score: right, wrong, right (of 3); recording 1: right.
    by_video = (1 / 3 + 2 / 9 + 1) / 2
    result = detection_map(found, truth, 0.5)
    assert result == {
        "map_action": pytest.approx(by_action),
        "map_video": pytest.approx(by_video),
    }
    # At 0.7 the last one of class 0 is wrong; the one of class 1 (0.8) is still right.
    strict = detection_map(found, truth, 0.7)
    assert strict["map_action"] == pytest.approx((1 / 3 + 1) / 2)
    assert strict["map_video"] == pytest.approx((1 / 3 + 2 / 9) / 2)


def test_precision_is_interpolated_and_doubles_are_wrong():
    truth = [[Segment(0, 10, 0), Segment(20, 30, 0)]]
    found = [[Segment(50, 60, 0, 0.9), Segment(0, 10, 0, 0.8), Segment(20, 30, 0, 0.7)]]
    # Precision 0, 1/2, 2/3: at both recalls the best that follows is 2/3.
    assert detection_map(found, truth, 0.5)["map_action"] == pytest.approx(2 / 3)
    twice = [[Segment(0, 10, 0, 0.9), Segment(0, 10, 0, 0.8), Segment(20, 30, 0, 0.7)]]
    assert detection_map(twice, truth, 0.5)["map_action"] == pytest.approx(0.5 + 0.5 * 2 / 3)


def test_nothing_found_and_other_classes():
    truth = [[Segment(0, 10, 0)], []]
    assert detection_map([[], []], truth, 0.5) == {"map_action": 0.0, "map_video": 0.0}
    wrong = [[Segment(0, 10, 1)], [Segment(0, 3, 2)]]
    assert detection_map(wrong, truth, 0.5)["map_action"] == 0.0


def test_bad_input():
    truth = [[Segment(0, 10, 0)]]
    with pytest.raises(ConfigError, match="iou 0"):
        detection_map([[]], truth, 0)
    with pytest.raises(DataError, match="2 sequences"):
        detection_map([[], []], truth, 0.5)
    with pytest.raises(DataError, match="at least one annotation"):
        detection_map([[]], [[]], 0.5)
