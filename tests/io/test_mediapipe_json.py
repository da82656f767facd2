import json

import numpy as np
import pytest

from pyg_skeletonmae.errors import ConfigError, SkeletonFormatError
from pyg_skeletonmae.io.mediapipe_json import read_mediapipe_json
from pyg_skeletonmae.io.poses import PoseOptions

RNG = np.random.default_rng(0)
POSE, HANDS = RNG.uniform(0.1, 1, (3, 33, 4)), RNG.uniform(0.1, 1, (2, 21, 4))
AXES = ("x", "y", "z", "visibility")


def landmarks(values: np.ndarray, axes=AXES) -> list[dict]:
    return [dict(zip(axes, point.tolist(), strict=False)) for point in values]


def read(folder, content: object, layout: str = "mediapipe33", **options):
    (folder / "a.json").write_text(json.dumps(content))
    return read_mediapipe_json(folder / "a.json", layout, PoseOptions(**options))


FORMS = {
    "solutions": [{"pose_landmarks": landmarks(p)} for p in POSE],
    "protobuf": [{"pose_landmarks": {"landmark": landmarks(p)}} for p in POSE],
    "tasks": [{"pose_landmarks": [landmarks(p)], "segmentation_masks": None} for p in POSE],
    "javascript": [{"poseLandmarks": landmarks(p), "faceLandmarks": []} for p in POSE],
    "numbers": POSE.tolist(),
    "persons": [[landmarks(p)] for p in POSE],
    "numbered": {
        "frames": [{"frame": 4 + i, "landmarks": landmarks(p)} for i, p in enumerate(POSE)]
    },
}


@pytest.mark.parametrize("form", FORMS)
def test_every_form_is_the_same_person(tmp_path, form: str):
    tracks = read(tmp_path, FORMS[form], with_scores=True)
    np.testing.assert_array_equal(tracks.pos, POSE[None].astype(np.float32))
    assert tracks.valid.all() and tracks.fps is None


def test_gaps_rate_and_image_size(tmp_path):
    frames = [{"frame": i, "pose_landmarks": landmarks(p)} for i, p in ((2, POSE[0]), (5, POSE[1]))]
    frames.append({"frame": 6, "pose_landmarks": None})
    tracks = read(tmp_path, {"fps": 25, "frames": frames}, image_size=(640, 480))
    assert repr(tracks) == "PoseTracks(mediapipe33, tracks=1, frames=5, channels=3, fps=25.0)"
    np.testing.assert_array_equal(tracks.valid.all(-1), [[True, False, False, True, False]])
    np.testing.assert_allclose(tracks.pos[0, 3, :, :2], 2 * POSE[1, :, :2] - 1, atol=1e-6)


def test_world_landmarks_are_read_if_named(tmp_path):
    frames = [
        {"pose_world_landmarks": [landmarks(p * (2, 2, 2, 1))], "pose_landmarks": [landmarks(p)]}
        for p in POSE
    ]
    tracks = read(tmp_path, frames)
    np.testing.assert_array_equal(tracks.pos[0], POSE[..., :3].astype(np.float32))
    assert tracks.notes[0] == "read pose_landmarks, not pose_world_landmarks"
    tracks = read(tmp_path, frames, key="pose_world_landmarks")
    np.testing.assert_array_equal(tracks.pos[0], (2 * POSE)[..., :3].astype(np.float32))
    with pytest.raises(ConfigError, match="pose_world_landmarks are in metres"):
        read(tmp_path, frames, key="pose_world_landmarks", image_size=(6, 4))
    with pytest.raises(SkeletonFormatError, match=r"'other' of 33 points, found only pose_world"):
        read(tmp_path, frames, key="other")


def test_hands_are_tracks_by_side(tmp_path):
    zero = np.concatenate([HANDS[..., :3], np.zeros((2, 21, 1))], -1)
    left, right = landmarks(zero[0]), landmarks(zero[1])
    wanted = HANDS[..., None, :, :3].astype(np.float32)
    names = [[{"category_name": "Right", "index": 0}], [{"category_name": "Left", "index": 1}]]
    for frame in (
        {"left_hand_landmarks": left, "right_hand_landmarks": right},
        {"rightHandLandmarks": right, "leftHandLandmarks": left},
        {"hand_landmarks": [right, left], "handedness": names},
        {
            "multi_hand_landmarks": [{"landmark": right}, {"landmark": left}],
            "multi_handedness": [{"classification": [{"label": x}]} for x in ("Right", "Left")],
        },
    ):
        tracks = read(tmp_path, [frame | {"pose_landmarks": landmarks(POSE[0])}], "hand21")
        np.testing.assert_array_equal(tracks.pos, wanted)
        assert "all visibilities are 0: not used" in tracks.notes
    names[0][0]["category_name"] = "Left"  # both: nobody knows which is which
    tracks = read(tmp_path, [{"hand_landmarks": [right, left], "handedness": names}], "hand21")
    np.testing.assert_array_equal(tracks.pos, wanted[::-1])


def test_two_coordinates(tmp_path):
    tracks = read(tmp_path, [landmarks(p, "xy") for p in POSE])
    np.testing.assert_array_equal(tracks.pos[0], POSE[..., :2].astype(np.float32))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ([], "a list of frames"),
        ({"frames": 3}, "a list of frames"),
        (
            [{"face_landmarks": landmarks(POSE[0])[:5]}],
            "found only face_landmarks",
        ),
        ([landmarks(POSE[0]), landmarks(POSE[0])[:5]], "33 landmarks, found 5"),
        ([[*landmarks(POSE[0])[:32], {"x": 1, "y": 2}]], "key 'z', number 32"),
        ([[*landmarks(POSE[0])[:32], 7]], "key 'x', number 32"),
        ([[*POSE[0].tolist()[:32], [1, 2]]], "2 or 3 or 4 numbers in every point"),
        ([{"frame": 1, "a_landmarks": landmarks(POSE[0])}] * 2, "each frame once"),
        ([{"frame": 1, "a_landmarks": landmarks(POSE[0])}, {}], "the key 'frame'"),
    ],
)
def test_damage_is_refused(tmp_path, content: object, message: str):
    with pytest.raises(SkeletonFormatError, match=message):
        read(tmp_path, content)
