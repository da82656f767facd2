import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pyg_skeletonmae.datasets import PoseFolder
from pyg_skeletonmae.errors import SkeletonFormatError
from pyg_skeletonmae.io.mmpose import read_mmpose
from pyg_skeletonmae.io.poses import PoseOptions
from pyg_skeletonmae.layouts import COCO17
from pyg_skeletonmae.skeleton import Skeleton

ARM = Skeleton.from_parents("arm", ["shoulder", "hand"], [-1, 0])


def write(folder: Path, content: object) -> Path:
    path = folder / "pose.json"
    path.write_text(json.dumps(content))
    return path


def instance(x: float, score: float = 0.5, **more: object) -> dict[str, Any]:
    return {"keypoints": [[x, 2], [3, 4]], "keypoint_scores": [score, 3.5], "bbox_score": 1, **more}


FRAMES = [
    {"frame_id": 3, "instances": [instance(1), instance(5)]},
    {"frame_id": 5, "instances": [instance(2)]},
]


@pytest.mark.parametrize("content", [FRAMES, {"meta_info": {}, "instance_info": FRAMES}])
def test_a_video(tmp_path, content: object):
    options = PoseOptions(with_scores=True, fps=25)
    tracks = read_mmpose(write(tmp_path, content), ARM, options)
    assert repr(tracks) == "PoseTracks(arm, tracks=2, frames=3, channels=3, fps=25)"
    np.testing.assert_array_equal(tracks.pos[0, :, 0], [[1, 2, 0.5], [0, 0, 0], [2, 2, 0.5]])
    np.testing.assert_array_equal(tracks.pos[1, :, 1], [[3, 4, 3.5], [0, 0, 0], [0, 0, 0]])


def test_other_forms(tmp_path):
    people = [instance(1), instance(2, score=0)]
    assert read_mmpose(write(tmp_path, people), ARM).pos.shape == (2, 1, 2, 2)
    tracks = read_mmpose(write(tmp_path, {"predictions": [people, [], people[:1]]}), ARM)
    np.testing.assert_array_equal(tracks.valid[:, :, 0], [[1, 0, 1], [0, 0, 0]])
    assert tracks.valid[1, 0, 1] and not tracks.valid[1, 2].any()
    lifted = {"keypoints": [[[1, 2, 3], [4, 5, 6]]], "keypoint_scores": [1, 1]}
    tracks = read_mmpose(write(tmp_path, [{"frame_id": 0, "instances": [lifted]}]), ARM)
    np.testing.assert_array_equal(tracks.pos[0, 0], [[1, 2, 3], [4, 5, 6]])


def test_tracks(tmp_path):
    content = [
        {"frame_id": t, "instances": [instance(10 + t, track_id=7), instance(50, track_id=9)][::s]}
        for t, s in enumerate((1, -1, -1, 1))
    ]
    tracks = read_mmpose(write(tmp_path, content), ARM)
    np.testing.assert_array_equal(tracks.pos[0, :, 0, 0], [10, 11, 12, 13])


def test_names_and_whole_bodies(tmp_path):
    meta = {"keypoint_id2name": {"0": "thumb", "1": "hand", "2": "shoulder"}}
    person = {"keypoints": [[1, 1], [2, 2], [3, 3]], "keypoint_scores": [1, 1, 1]}
    content = {"meta_info": meta, "instance_info": [{"frame_id": 0, "instances": [person]}]}
    tracks = read_mmpose(write(tmp_path, content), ARM)
    np.testing.assert_array_equal(tracks.pos[0, 0, :, 0], [3, 2])
    for count in (26, 133, 136):
        person = {"keypoints": [[i + 1, 1] for i in range(count)], "keypoint_scores": [1] * count}
        tracks = read_mmpose(write(tmp_path, [person]))
        np.testing.assert_array_equal(tracks.pos[0, 0, :, 0], np.arange(17) + 1)
        assert f"of {count} keypoints" in tracks.notes[0]
    data = PoseFolder(tmp_path, None, format="mmpose")
    assert data.skeleton == COCO17 and "pose.json" in data.card["notes"][0]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (3, "MMPose 1.x"),
        ({}, "MMPose 1.x"),
        ([], "expected frames, found none"),
        ([3], "frame 0: expected an object"),
        ([{"frame_id": 0}], "frame 0: expected the key 'instances'"),
        ([{"frame_id": "0", "instances": []}], "key 'frame_id': expected an integer"),
        ([{"frame_id": 1, "instances": []}] * 2, "each frame once"),
        ([[{"keypoints": [[1, 2]] * 2}]], "the key 'keypoint_scores'"),
        ([[{"keypoints": [1, 2], "keypoint_scores": [1, 1]}]], "x, y or x, y, z"),
        ([[{"keypoints": [[1, 2], [3]], "keypoint_scores": [1, 1]}]], "x, y or x, y, z"),
        ([[{"keypoints": [[1, 2]] * 2, "keypoint_scores": [1]}]], "2 scores"),
        ([[{"keypoints": [[1, 2]] * 3, "keypoint_scores": [1] * 3}]], "6 numbers .*found 9"),
        ([[{"keypoints": [[1, "2"]] * 2, "keypoint_scores": [1] * 2}]], "a finite number"),
        ([[instance(1, score=-1)]], "scores from 0"),
        (
            [[instance(1), {"keypoints": [[1, 2, 3]] * 2, "keypoint_scores": [1] * 2}]],
            "some of each",
        ),
        (
            [{"frame_id": 0, "instances": [instance(1)]}, {"frame_id": 10**12, "instances": []}],
            "cut long recordings",
        ),
    ],
)
def test_damage_is_refused(tmp_path, content: object, message: str):
    with pytest.raises(SkeletonFormatError, match=message) as caught:
        read_mmpose(write(tmp_path, content), ARM)
    assert "\n" not in str(caught.value)
