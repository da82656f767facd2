from __future__ import annotations

import time
import tracemalloc

import numpy as np
import pytest
import torch
from inference_helpers import TOLD, classifier, poses

from pyg_skeletonmae.errors import ConfigError, DataError
from pyg_skeletonmae.inference import Recognizer, Stream
from pyg_skeletonmae.inference.stream import MAX_PERSONS, Buffer, checked_frame
from pyg_skeletonmae.layouts import MEDIAPIPE33, NTU25
from pyg_skeletonmae.models import Classifier, Preprocessing, STEncoder


@pytest.fixture
def recognizer():
    return Recognizer(classifier(), TOLD)


def equal(first, second):
    assert [(p.start, p.stop, p.label) for p in first] == [
        (p.start, p.stop, p.label) for p in second
    ]
    for one, other in zip(first, second, strict=True):
        assert one.label is None or np.allclose(one.scores, other.scores, atol=1e-5)


@pytest.mark.parametrize("frames", [1, 15, 16, 17, 24, 43])
def test_a_stream_says_what_predict_says_of_the_same_windows(recognizer, frames):
    pos = poses(2, frames)
    pos[1, : frames // 2] = np.nan
    stream = recognizer.stream((pos[:, frame] for frame in range(frames)), 16, 8)
    assert isinstance(stream, Stream) and repr(stream) == "Stream(stream, window=16, stride=8)"
    assert stream.latency == 8
    equal(list(stream), recognizer.predict(pos, window=16, stride=8))
    assert stream.seconds > 0


def test_answers_come_as_soon_as_their_window_is_there(recognizer):
    read = []

    def frames():
        for number, frame in enumerate(poses(frames=40)[0]):
            read.append(number)
            yield frame

    answers = iter(recognizer.stream(frames(), 16, 8))
    assert (next(answers).stop, len(read)) == (16, 16)
    assert (next(answers).stop, len(read)) == (24, 24)


def test_persons_come_and_go_under_their_ids(recognizer):
    pos = poses(2, 48)
    frames = [{7: pos[0, t], "b": pos[1, t]} if t >= 24 else {7: pos[0, t]} for t in range(48)]
    people = list(recognizer.stream(frames, 16, 16, by="person"))
    assert [(p.person, p.start) for p in people] == [
        (7, 0), (7, 16), ("b", 16), (7, 32), ("b", 32),
    ]  # fmt: skip
    alone = recognizer.predict(pos[0], window=16, stride=16)
    equal([p for p in people if p.person == 7], alone)
    gone = [*frames[:16], *[None] * 16, *frames[16:32]]
    said = list(recognizer.stream(gone, 16, 16))
    assert [p.label is None for p in said] == [False, True, False]
    equal(said[:1], alone[:1])


def test_other_joints_go_by_names(recognizer):
    pos = poses(1, 20, joints=33)[0]
    streamed = list(recognizer.stream(pos, 16, 8, skeleton=MEDIAPIPE33))
    equal(streamed, recognizer.predict(pos, window=16, stride=8, skeleton="mediapipe33"))


@pytest.mark.parametrize(
    ("frame", "message"),
    [
        (np.zeros((16, 3)), r"door: frame 1: expected numbers \[17 joints, 3 coordinates\]"),
        (np.zeros((17, 2)), "found float64 of shape .17, 2."),
        (np.array([["a"] * 3] * 17), "expected numbers"),
        ({1: np.zeros((17, 3)), 2: np.zeros((17, 2))}, "persons of several shapes"),
        (np.full((17, 3), np.inf), "person 0, joint 0: expected finite"),
        (np.full((17, 3), 1e39), "expected finite"),
        (5, r"expected numbers .* found int64 of shape \[\]"),
        ([[[1, 2], [3]]], "found no array"),
        ({1: [[1], [1, 2]]}, "found no array"),
        ({1: None}, "found no array"),
        (np.zeros((300, 17, 3)), "frame 1: expected at most 256 persons"),
    ],
)
def test_a_frame_that_is_none_is_refused_by_its_number(recognizer, frame, message):
    stream = recognizer.stream([np.zeros((17, 3)), frame], 2, 1, name="door")
    with pytest.raises(DataError, match=message):
        list(stream)


def test_what_is_no_stream_is_refused_at_once(recognizer):
    with pytest.raises(DataError, match=r"door: expected frames one by one, found int"):
        recognizer.stream(5, 16, 8, name="door")
    with pytest.raises(ConfigError, match=r"window 0: expected a whole number"):
        recognizer.stream([], 0)


def test_a_stream_is_predict_also_with_missing_joints_and_persons_who_change(recognizer):
    rng = np.random.default_rng(0)
    pos = poses(3, 60)
    pos[rng.random(pos.shape[:3]) < 0.2] = np.nan
    pos[1, 20:40], pos[2, :30] = np.nan, np.nan
    streamed = list(recognizer.stream((pos[:, frame] for frame in range(60)), 16, 4))
    predicted = recognizer.predict(pos, window=16, stride=4)
    for one, other in zip(streamed, predicted, strict=True):
        assert (one.start, one.stop) == (other.start, other.stop)
        assert np.abs(one.scores - other.scores).max() < 1e-6
    present = list(recognizer.stream(poses(1, 60)[0], 16, 4))
    predicted = recognizer.predict(poses(1, 60), window=16, stride=4)
    for one, other in zip(present, predicted, strict=True):
        assert np.abs(one.scores - other.scores).max() < 1e-6


def test_a_joint_with_half_of_its_coordinates_is_refused():
    frame = np.zeros((17, 3))
    frame[4, 1] = np.nan
    with pytest.raises(DataError, match=r"frame 3, person 0, joint 4"):
        checked_frame(frame, 3, 17, 3)
    frame[4] = np.nan
    found = checked_frame(frame, 3, 17, 3)
    assert found.valid.sum() == 16 and not found.pos[0, 4].any()
    assert len(checked_frame([], 0, 17, 3).ids) == 0 and len(checked_frame({}, 0, 17, 3).ids) == 0


def test_who_has_left_is_forgotten_and_a_crowd_is_refused():
    buffer, pos = Buffer(4), np.ones((17, 3))
    for number in range(1000):
        buffer.add(checked_frame({number // 2: pos}, number, 17, 3))
    assert repr(buffer) == "Buffer(4, frames=4)"
    ids, joints, valid = buffer.window()
    assert ids == [498, 499] and joints.shape == (2, 4, 17, 3)
    assert valid.all(2).tolist() == [[True, True, False, False], [False, False, True, True]]
    crowd = dict.fromkeys(range(MAX_PERSONS), pos)
    buffer.add(checked_frame(crowd, 1000, 17, 3))
    with pytest.raises(DataError, match=f"more than {MAX_PERSONS} persons within a window of 4"):
        buffer.window()
    with pytest.raises(DataError, match=f"frame 1: expected at most {MAX_PERSONS} persons"):
        checked_frame(crowd | {"one more": pos}, 1, 17, 3)


@pytest.mark.slow
def test_an_hour_is_streamed_in_the_memory_of_a_minute(recognizer):
    """108,000 frames with persons who come and go, as fast as it goes."""
    frame = poses(frames=16)[0].astype(np.float64)

    def hour():
        for number in range(108_000):
            person = frame[number % 16]
            yield {number // 900: person} if number // 30 % 2 else person

    tracemalloc.start()
    peaks = []
    for number, _ in enumerate(recognizer.stream(hour(), 64, 64)):
        if number % 400 == 399:
            peaks.append(tracemalloc.get_traced_memory()[0])
    tracemalloc.stop()
    assert number == 108_000 // 64 and len(peaks) == 4
    assert peaks[-1] < peaks[0] + 100_000, peaks


@pytest.mark.slow
def test_streaming_costs_little_beside_the_encoder():
    """At most a fifth of one call of the encoder for each window: a transformer of MAMP's size."""
    encoder = STEncoder(NTU25, 3, frames=64, frames_per_patch=4, hidden_channels=256, depth=8)
    recognizer = Recognizer(Classifier(encoder, 60).eval(), Preprocessing(frames=64))
    frames = np.random.default_rng(0).normal(size=(64 + 16 * 5, 25, 3)).astype(np.float32)
    clip = recognizer.data(frames[None, :64], np.ones((1, 64, 25), bool))

    def streamed():
        assert len(list(recognizer.stream(iter(frames), 64, 16))) == 6

    def bare():
        with torch.inference_mode():
            for _ in range(6):
                encoder(clip)

    seconds: dict[str, list[float]] = {"bare": [], "streamed": []}
    for _ in range(6):
        for name, run in (("bare", bare), ("streamed", streamed)):
            begin = time.process_time()
            run()
            seconds[name].append(time.process_time() - begin)
    least = {name: min(several) for name, several in seconds.items()}
    assert least["streamed"] < 1.2 * least["bare"], least
