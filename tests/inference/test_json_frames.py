from __future__ import annotations

import io
import json

import numpy as np
import pytest

from pyg_skeletonmae.errors import SkeletonFormatError
from pyg_skeletonmae.inference.json_frames import MAX_LINE, read_frames
from pyg_skeletonmae.io import PoseOptions
from pyg_skeletonmae.skeleton import Skeleton

STICK = Skeleton(
    "stick", ("hip", "neck", "head"), (("neck", "hip"), ("head", "neck")), "hip",
    aliases={"Kopf": "head"},
)  # fmt: skip
ONE = [[1, 2], [3, 4.5], [5, 6]]


def read(*lines, **options):
    text = "\n".join(line if isinstance(line, str) else json.dumps(line) for line in lines)
    return list(read_frames(io.BytesIO(text.encode()), STICK, PoseOptions(**options)))


def test_the_forms_of_a_frame():
    (frame,) = read(ONE)
    assert list(frame) == [0] and np.array_equal(frame[0], np.array(ONE, np.float32))
    (two,) = read([ONE, None, ONE])
    assert list(two) == [0, 2]
    persons = [
        {"id": "b", "joints": ONE, "box": [1, 2]},
        {"id": 7, "joints": {"Kopf": [5, 6], "hip": [1, 2]}},
        {"joints": [None, None, None]},
    ]
    (frame,) = read({"persons": persons, "time": 3.2})
    assert list(frame) == ["b", 7, 2] and np.isnan(frame[7][1]).all() and np.isnan(frame[2]).all()
    assert frame[7][2].tolist() == [5, 6]
    assert read("", "null", "[]", '{"persons": []}', "  ") == [None, None, {}]
    (missing,) = read("[[NaN, NaN], null, [1, 2]]")
    assert np.isnan(missing[0][:2]).all() and missing[0][2].tolist() == [1, 2]


def test_the_options_of_detections():
    scored = {"persons": [{"joints": ONE, "scores": [0.9, 0.5, 0.2]}]}
    (frame,) = read(scored, min_score=0.5)
    assert np.isnan(frame[0]).all(1).tolist() == [False, True, True]
    (frame,) = read([[0, 0], [320, 240], [640, 480]], image_size=(640, 480), zeros="missing")
    assert frame[0][1:].tolist() == [[0, 0], [1, 1]] and np.isnan(frame[0][0]).all()
    (frame,) = read([[0.5, 0.5]] * 3, image_size=(640, 480), unit="normalised")
    assert frame[0].tolist() == [[0.5, 0.5]] * 3


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("{", ""),
        ("[" * 100_000, "nested too deeply|JSON"),
        ("3", "a list, an object, or null, found 3"),
        ('{"person": []}', "the key 'persons', found .'person'."),
        ('{"persons": 3}', "a list of at most 256 persons"),
        ({"persons": [{"joints": ONE}] * 300}, "a list of at most 256 persons, found 300"),
        ([ONE] * 300, "at most 256 persons, found 300"),
        ({"persons": [3]}, "the key 'joints'"),
        ({"persons": [{"id": 1, "joints": ONE}] * 2}, "ids that differ, found 1 twice"),
        ({"persons": [{"id": [1], "joints": ONE}]}, "ids that are whole numbers or short texts"),
        ({"persons": [{"joints": {"hpi": [1, 2]}}]}, "joints of stick, found 'hpi'"),
        ({"persons": [{"joints": ONE, "scores": [1]}]}, "rows of 3 numbers"),
        ([[1, 2], [3, 4]], "the 3 joints of stick, found 2 rows"),
        ([[1, 2], [3], [4, 5]], "rows of 2 numbers, found .3."),
        ([[1, 2], ["a", 3], [4, 5]], "numbers, found 'a'"),
        ([[1, 2], [True, 3], [4, 5]], "numbers, found True"),
        ("[[1, 2], [Infinity, 3], [4, 5]]", "finite numbers, found inf"),
        ("[[1, 2], [1e400, 3], [4, 5]]", "finite numbers"),
        ("[[1, 2], [" + "9" * 5000 + ", 3], [4, 5]]", "JSON|numbers that float64"),
        ("[[1, 2], [" + "9" * 400 + ", 3], [4, 5]]", "numbers that float64 can hold"),
        ([1, 2, 3], "a row of numbers, or null"),
        ("[[[[1]]]]", "the 3 joints|rows"),
        ("x" * (MAX_LINE + 1), "at most 1048576 bytes, found more"),
    ],
)
def test_a_line_that_is_no_frame_is_named(line, message):
    with pytest.raises(SkeletonFormatError, match=rf"standard input: line 3: expected .*{message}"):
        read(ONE, "", line)


def test_bytes_that_are_no_text():
    with pytest.raises(SkeletonFormatError, match=r"door: line 1: expected JSON in UTF-8"):
        list(read_frames(io.BytesIO(b"\xff\xfe[]\n"), STICK, name="door"))


def test_nothing_is_read_before_it_is_asked_for():
    class Endless(io.RawIOBase):
        lines = 0

        def readline(self, size=-1):
            self.lines += 1
            return b"[]\n" if self.lines % 2 else json.dumps(ONE).encode() + b"\n"

    endless = Endless()
    frames = read_frames(endless, STICK)
    assert next(frames) is None and next(frames) is not None and endless.lines == 2
