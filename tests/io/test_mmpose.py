import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pyg_skeletonmae.datasets import PoseFolder
from pyg_skeletonmae.errors import SkeletonFormatError
from pyg_skeletonmae.io.identities import TWICE
from pyg_skeletonmae.io.mmpose import read_mmpose
from pyg_skeletonmae.io.poses import PoseOptions, PoseTracks
from pyg_skeletonmae.layouts import COCO17, WHOLEBODY133
from pyg_skeletonmae.skeleton import Skeleton

JOINTS = COCO17.num_joints
RNG = np.random.default_rng(0)
POS, SCORE = RNG.uniform(1, 640, (2, 3, JOINTS, 2)), RNG.uniform(0.1, 1, (2, 3, JOINTS))
ARM = Skeleton.from_parents("arm", ["shoulder", "hand"], [-1, 0])


def instance(m: int, t: int, **more: object) -> dict[str, Any]:
    shown = {"keypoints": POS[m, t].tolist(), "keypoint_scores": SCORE[m, t].tolist()}
    return shown | {"bbox": [[1, 2, 3, 4]], "bbox_score": 0.9} | more


def arm(x: float, score: float = 0.5, **more: object) -> dict[str, Any]:
    return {"keypoints": [[x, 2], [3, 4]], "keypoint_scores": [score, 3.5], **more}


def write(folder: Path, content: object) -> Path:
    path = folder / "pose.json"
    path.write_text(json.dumps(content))
    return path


def read(folder: Path, content: object, *arguments: Any, **options: Any) -> PoseTracks:
    return read_mmpose(write(folder, content), *arguments, options=PoseOptions(**options))


def test_a_video_of_the_demo_with_names_tracks_and_a_gap(tmp_path):
    names = {str(i): joint for i, joint in enumerate(COCO17.joints)}
    frames = [
        {"frame_id": 1, "instances": [instance(0, 0, track_id=7), instance(1, 0, track_id=5)]},
        {"frame_id": 3, "instances": [instance(1, 2, track_id=5), instance(0, 2, track_id=7)]},
    ]
    content = {"meta_info": {"keypoint_id2name": names}, "instance_info": frames}
    tracks = read(tmp_path, content, with_scores=True, fps=30)
    assert repr(tracks) == "PoseTracks(coco17, tracks=2, frames=3, channels=3, fps=30)"
    wanted = np.concatenate([POS, SCORE[..., None]], -1)[::-1].astype(np.float32)
    wanted[:, 1] = 0
    np.testing.assert_array_equal(tracks.pos, wanted)
    np.testing.assert_array_equal(tracks.valid.all(-1), [[True, False, True]] * 2)
    assert tracks.notes == ()
    two = Skeleton.from_parents("two", ["right_hip", "kopf"], [-1, 0], aliases={"nose": "kopf"})
    tracks = read(tmp_path, content, two)
    np.testing.assert_array_equal(tracks.pos, wanted[:, :, [12, 0], :2])
    with pytest.raises(SkeletonFormatError, match="expected the joint 'tail'"):
        read(tmp_path, content, Skeleton.from_parents("two", ["right_hip", "tail"], [-1, 0]))


@pytest.mark.parametrize("form", ["video", "images", "lists", "numbered", "predictions"])
def test_forms_of_the_inferencer(tmp_path, form: str):
    people = [[instance(0, t), instance(1, t)] for t in range(3)]
    content = {
        "video": [{"frame_id": t, "instances": people[t]} for t in range(3)],
        "images": people[0],
        "lists": people,
        "numbered": {"meta_info": {}, "instance_info": [{"instances": p} for p in people]},
        "predictions": {"predictions": people},
    }[form]
    tracks = read(tmp_path, content)
    np.testing.assert_array_equal(tracks.pos, POS.astype(np.float32)[:, : tracks.pos.shape[1]])
    assert tracks.pos.shape[1] == (1 if form == "images" else 3) and tracks.notes == ()


def test_scores(tmp_path):
    tracks = read(tmp_path, [[arm(1), arm(2, score=0)], [], [arm(1)]], ARM, with_scores=True)
    np.testing.assert_array_equal(tracks.valid[:, :, 0], [[1, 0, 1], [0, 0, 0]])
    np.testing.assert_array_equal(tracks.pos[0, 0], [[1, 2, 0.5], [3, 4, 3.5]])
    assert tracks.valid[1, 0, 1] and not tracks.valid[1, 2].any()
    assert len(tracks.notes) == 1 and "scores up to 3.5: no probabilities" in tracks.notes[0]


def test_three_coordinates(tmp_path):
    for points in (
        [[1, 2, 3], [4, 5, 6]],
        [[[1, 2, 3], [4, 5, 6]]],
    ):  # the lifters' has a list more
        one = {"keypoints": points, "keypoint_scores": [1, 1]}
        tracks = read(tmp_path, [{"frame_id": 0, "instances": [one]}], ARM)
        np.testing.assert_array_equal(tracks.pos[0, 0], [[1, 2, 3], [4, 5, 6]])


def test_tracks(tmp_path):
    content = [
        {"frame_id": t, "instances": [arm(10 + t, track_id=7), arm(50, track_id=[9.0])][::s]}
        for t, s in enumerate((1, -1, -1, 1))
    ]
    tracks = read(tmp_path, content, ARM)
    np.testing.assert_array_equal(tracks.pos[0, :, 0, 0], [10, 11, 12, 13])
    tracks = read(tmp_path, [[arm(1, track_id=0), arm(2, track_id=0)]], ARM)
    assert len(tracks.pos) == 2 and TWICE in tracks.notes


def test_names_and_whole_bodies(tmp_path):
    names = {"0": "thumb", "1": "hand", "2": "shoulder"}
    person = {"keypoints": [[1, 1], [2, 2], [3, 3]], "keypoint_scores": [1, 1, 1]}
    content = {"meta_info": {"keypoint_id2name": names}, "instance_info": [{"instances": [person]}]}
    np.testing.assert_array_equal(read(tmp_path, content, ARM).pos[0, 0, :, 0], [3, 2])
    other = Skeleton.from_parents("other", ["a", "b", "c"], [-1, 0, 1])
    tracks = read(tmp_path, content, other)
    np.testing.assert_array_equal(tracks.pos[0, 0, :, 0], [1, 2, 3])
    assert "read in its order" in tracks.notes[0]
    for count in (26, 133, 136):
        person = {"keypoints": [[i + 1, 1] for i in range(count)], "keypoint_scores": [1] * count}
        tracks = read(tmp_path, [person])
        np.testing.assert_array_equal(tracks.pos[0, 0, :, 0], np.arange(17) + 1)
        assert f"of {count} keypoints" in tracks.notes[0]
    data = PoseFolder(tmp_path, None, format="mmpose")
    assert data.skeleton == COCO17 and "pose.json" in data.card["notes"][0]


def test_all_of_coco_wholebody_by_mmposes_names(tmp_path):
    names = {joint: alias for alias, joint in WHOLEBODY133.aliases.items()}
    owner = [names.get(joint, joint) for joint in WHOLEBODY133.joints]
    assert owner[23] == "face-0" and owner[132] == "right_pinky_finger4"
    shuffled = {str(i): name for i, name in enumerate(reversed(owner))}
    person = {"keypoints": [[i + 1, 1] for i in range(133)], "keypoint_scores": [1] * 133}
    frames = [{"frame_id": 0, "instances": [person]}]
    content = {"meta_info": {"keypoint_id2name": shuffled}, "instance_info": frames}
    path = write(tmp_path, content)
    tracks = read_mmpose(path, "wholebody133")
    np.testing.assert_array_equal(tracks.pos[0, 0, :, 0], 133 - np.arange(133))
    tracks = read_mmpose(write(tmp_path, [person]), "wholebody133")
    np.testing.assert_array_equal(tracks.pos[0, 0, :, 0], np.arange(133) + 1)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (3, "MMPose 1.x"),
        ({}, "MMPose 1.x"),
        ([], "expected a frame, found none"),
        ([3], "frame 0: expected an object"),
        ([{"frame_id": 0}], "frame 0: expected the key 'instances'"),
        ([{"frame_id": "0", "instances": []}], "key 'frame_id': expected an integer"),
        ([{"frame_id": 1, "instances": []}] * 2, "each frame once"),
        ([[{"keypoints": [[1, 2]] * 2}]], "the key 'keypoint_scores'"),
        ([[{"keypoints": [1, 2], "keypoint_scores": [1, 1]}]], "a list of points"),
        ([[{"keypoints": [[1, 2], [3]], "keypoint_scores": [1, 1]}]], "2 or 3 numbers in every"),
        ([[{"keypoints": [[1]] * 2, "keypoint_scores": [1, 1]}]], "2 or 3 numbers in every"),
        ([[{"keypoints": [[1, 2]] * 2, "keypoint_scores": [1]}]], "a list of 2 numbers"),
        ([[{"keypoints": [[1, 2]] * 3, "keypoint_scores": [1] * 3}]], "2 keypoints, found 3"),
        ([[{"keypoints": [[1, "2"]] * 2, "keypoint_scores": [1] * 2}]], "a finite number"),
        ([[{"keypoints": [[1, 2]] * 2, "keypoint_scores": [True] * 2}]], "a finite number"),
        ([[arm(1, score=-1)]], "a score of 0 to 1, found -1"),
        ([[arm(1), {"keypoints": [[1, 2, 3]] * 2, "keypoint_scores": [1] * 2}]], "some of each"),
        ({"meta_info": {"keypoint_id2name": {"a": "b"}}, "instance_info": []}, "names by number"),
        ({"meta_info": {"keypoint_id2name": ["b"]}, "instance_info": []}, "names by number"),
        (
            {
                "meta_info": {"keypoint_id2name": {"0": "hand", "1": "hand", "2": "shoulder"}},
                "instance_info": [[arm(1)]],
            },
            "each joint once",
        ),
        (
            {
                "meta_info": {"keypoint_id2name": {"0": "hand", "9": "shoulder"}},
                "instance_info": [[arm(1)]],
            },
            "keypoints, found 2",
        ),
        (
            [{"frame_id": 0, "instances": [arm(1)]}, {"frame_id": 10**12, "instances": []}],
            "cut long recordings",
        ),
    ],
)
def test_damage_is_refused(tmp_path, content: object, message: str):
    with pytest.raises(SkeletonFormatError, match=message) as caught:
        read_mmpose(write(tmp_path, content), ARM)
    assert "\n" not in str(caught.value)
