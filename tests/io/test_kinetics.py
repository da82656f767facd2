import json

import numpy as np
import pytest

from pyg_skeletonmae.errors import SkeletonFormatError
from pyg_skeletonmae.io.kinetics import read_kinetics, read_kinetics_label
from pyg_skeletonmae.io.poses import PoseOptions

POSE = np.random.default_rng(0).uniform(0.1, 1, (3, 18, 3)).round(3)
POSE[0, 5] = 0


def clip(**replace: object) -> dict:
    people = [{"pose": p[:, :2].ravel().tolist(), "score": p[:, 2].tolist()} for p in POSE]
    frames = [
        {"frame_index": 1, "skeleton": people[:2]},
        {"frame_index": 2, "skeleton": []},
        {"frame_index": 4, "skeleton": people[2:]},
    ]
    return {"data": frames, "label": "waving", "label_index": 3} | replace


def test_people_in_their_frames(tmp_path):
    path = tmp_path / "a.json"
    path.write_text(json.dumps(clip()))
    tracks = read_kinetics(path, options=PoseOptions(with_scores=True))
    assert repr(tracks) == "PoseTracks(openpose18, tracks=2, frames=4, channels=3, fps=None)"
    wanted = np.zeros((2, 4, 18, 3))
    wanted[0, 0], wanted[1, 0], wanted[0, 3] = POSE
    np.testing.assert_array_equal(tracks.pos, wanted.astype(np.float32))
    np.testing.assert_array_equal(tracks.valid, wanted[..., 2] > 0)
    assert len(tracks.notes) == 1 and "parts of the image's width" in tracks.notes[0]
    tracks = read_kinetics(path, options=PoseOptions(image_size=(340, 256)))
    np.testing.assert_allclose(tracks.pos[1, 0], 2 * POSE[1, :, :2] - 1, atol=1e-6)
    assert tracks.notes == ()


@pytest.mark.parametrize(
    ("said", "label"),
    [
        ({}, "waving"),
        ({"label": None}, "3"),
        ({"label": None, "label_index": None}, None),
        ({"label": " a\u0308 "}, "\u00e4"),
    ],
)
def test_the_class_that_a_file_says(tmp_path, said: dict, label: str | None):
    (tmp_path / "a.json").write_text(json.dumps(clip(**said)))
    tracks = read_kinetics(tmp_path / "a.json")
    assert tracks.labels == (None if label is None else (label,) * 4)
    assert read_kinetics_label(tmp_path / "a.json") == ({label} - {None})


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({}, "the key 'data'"),
        ([], "an object"),
        (clip(label=3), "key 'label': expected text"),
        (clip(label=" "), "key 'label': expected a class"),
        (clip(label=None, label_index=-1), "a class from 0, found -1"),
        (clip(label=None, label_index=1.5), "an integer"),
        (clip(data=[]), "a frame, found none"),
        (clip(data=[{"frame_index": 1}]), "the key 'skeleton'"),
        (clip(data=[{"frame_index": "1", "skeleton": []}]), "an integer"),
        (clip(data=[{"frame_index": 1, "skeleton": [{"pose": [1], "score": [1]}]}]), "of 36 num"),
    ],
)
def test_damage_is_refused(tmp_path, content: object, message: str):
    (tmp_path / "a.json").write_text(json.dumps(content))
    with pytest.raises(SkeletonFormatError, match=message):
        read_kinetics(tmp_path / "a.json")
