from pathlib import Path

import numpy as np
import pytest

from pyg_skeletonmae.errors import ConfigError, SkeletonFormatError
from pyg_skeletonmae.io.poses import (
    MAX_NUMBERS,
    PoseOptions,
    PoseTracks,
    check_size,
    empty_tracks,
    finish_tracks,
)
from pyg_skeletonmae.skeleton import Skeleton

ARM = Skeleton.from_parents("arm", ["shoulder", "hand"], [-1, 0])
FILE = Path("arm.csv")


def some_tracks() -> tuple[np.ndarray, np.ndarray]:
    pos = empty_tracks(FILE, (1, 3, 2, 2))
    pos[0, :2] = np.arange(8).reshape(2, 2, 2)
    return pos, np.array([[[0.5, 0.0], [0.2, 1.0], [np.nan, np.nan]]])


def test_repr_says_the_sizes():
    tracks = PoseTracks(np.zeros((2, 5, 2, 3), np.float32), np.ones((2, 5, 2), bool), ARM, 30.0)
    assert repr(tracks) == "PoseTracks(arm, tracks=2, frames=5, channels=3, fps=30.0)"


def test_absent_joints_are_missing_and_zero():
    pos, _ = some_tracks()
    tracks = finish_tracks(FILE, pos, None, ARM, PoseOptions(fps=25.0))
    np.testing.assert_array_equal(tracks.valid[0].all(-1), [True, True, False])
    np.testing.assert_array_equal(tracks.pos[0, 2], 0)
    np.testing.assert_array_equal(tracks.pos[0, 1], [[4, 5], [6, 7]])
    assert tracks.pos.dtype == np.float32 and tracks.fps == 25


@pytest.mark.parametrize(
    ("min_score", "valid"), [(0.0, [1, 0, 1, 1]), (0.2, [1, 0, 0, 1]), (-1, [1] * 4)]
)
def test_scores_above_the_least_are_present(min_score: float, valid: list[int]):
    tracks = finish_tracks(FILE, *some_tracks(), ARM, PoseOptions(min_score=min_score))
    np.testing.assert_array_equal(tracks.valid.ravel(), [*valid, 0, 0])


def test_scores_become_the_last_channel():
    tracks = finish_tracks(FILE, *some_tracks(), ARM, PoseOptions(with_scores=True))
    np.testing.assert_array_equal(tracks.pos[0, 0], [[0, 1, 0.5], [0, 0, 0]])
    np.testing.assert_allclose(tracks.pos[0, 1, :, 2], [0.2, 1.0])
    np.testing.assert_array_equal(tracks.pos[0, 2], 0)
    with pytest.raises(ConfigError, match="no scores"):
        finish_tracks(FILE, some_tracks()[0], None, ARM, PoseOptions(with_scores=True))


def test_image_size_normalises_pixels():
    pos = empty_tracks(FILE, (1, 1, 2, 2))
    pos[0, 0] = [[0, 0], [640, 120]]
    tracks = finish_tracks(FILE, pos, None, ARM, PoseOptions(image_size=(640, 240)))
    np.testing.assert_array_equal(tracks.pos[0, 0], [[-1, -1], [1, 0]])


def test_half_a_joint_is_refused_with_its_place():
    pos, _ = some_tracks()
    pos[0, 1, 1, 0] = np.nan
    with pytest.raises(SkeletonFormatError, match=r"track 0, frame 1, joint 'hand': .* some"):
        finish_tracks(FILE, pos, None, ARM, PoseOptions())
    pos[0, 1, 1] = [np.inf, 0]
    with pytest.raises(SkeletonFormatError, match=r"joint 'hand': .* infinity"):
        finish_tracks(FILE, pos, None, ARM, PoseOptions())


def test_scores_that_cannot_be_are_refused():
    for wrong in (-0.1, 1.2, np.nan):
        pos, score = some_tracks()
        score[0, 1, 0] = wrong
        with pytest.raises(SkeletonFormatError, match=r"frame 1, joint 'shoulder': .* 0 to 1"):
            finish_tracks(FILE, pos, score, ARM, PoseOptions())
    pos, score = some_tracks()
    assert finish_tracks(FILE, pos, score * 9, ARM, PoseOptions(), max_score=9).valid.sum() == 3


def test_size_is_checked_before_memory_is_taken():
    check_size(FILE, (1, MAX_NUMBERS, 1, 1))
    with pytest.raises(SkeletonFormatError, match="cut long recordings"):
        empty_tracks(FILE, (10**6, 10**6, 2, 2))


@pytest.mark.parametrize(
    "wrong",
    [
        {"image_size": (0, 10)},
        {"image_size": (10,)},
        {"image_size": (float("nan"), 1)},
        {"fps": 0},
        {"min_score": float("inf")},
    ],
)
def test_options_out_of_range_are_refused(wrong: dict[str, object]):
    with pytest.raises(ConfigError, match=next(iter(wrong))):
        PoseOptions(**wrong)


def test_what_is_no_pixel_is_kept_and_noted():
    for options, first, notes in (
        (PoseOptions(image_size=(640, 480)), 0.25, 1),
        (PoseOptions(image_size=(640, 480), unit="normalised"), 0.25, 0),
        (PoseOptions(image_size=(640, 480), unit="pixel"), 0.25 / 320 - 1, 0),
    ):
        tracks = finish_tracks(FILE, np.full((1, 3, 2, 3), 0.25, np.float32), None, ARM, options)
        np.testing.assert_allclose(tracks.pos[0, 0, 0, 0], first, rtol=1e-6)
        assert len(tracks.notes) == notes
    pos = np.random.default_rng(0).uniform(0, (640, 360), (1, 9, 2, 2)).astype(np.float32)
    (note,) = finish_tracks(FILE, pos, None, ARM, PoseOptions(image_size=(360, 640))).notes
    assert "the other way round" in note


def test_scores_that_may_be_a_coordinate_are_noted():
    pos, score = some_tracks()
    tracks = finish_tracks(FILE, pos, score * 9, ARM, PoseOptions(), max_score=np.inf, notes=["a"])
    assert len(tracks.notes) == 2 and "coordinate z" in tracks.notes[1]
