import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pyg_skeletonmae.errors import SkeletonFormatError
from pyg_skeletonmae.io.coco_keypoints import read_coco_keypoints
from pyg_skeletonmae.io.poses import PoseOptions
from pyg_skeletonmae.layouts import COCO17
from pyg_skeletonmae.skeleton import Skeleton

ARM = Skeleton.from_parents("arm", ["shoulder", "hand"], [-1, 0])


def write(folder: Path, content: object) -> Path:
    path = folder / "pose.json"
    path.write_text(json.dumps(content))
    return path


def result(image_id: object, x: float = 1, score: float = 0.5, **more: object) -> dict[str, Any]:
    return {"image_id": image_id, "keypoints": [x, 2, score, 3, 4.5, 0], **more}


def annotations(*entries: dict[str, Any], ids=(30, 10, 20)) -> dict[str, Any]:
    return {"images": [{"id": i} for i in ids], "annotations": list(entries), "categories": []}


def test_results_fill_the_frames_between_their_numbers(tmp_path):
    content = [result(7, 9), result(5, 1), result(5, 2, score=1.5)]
    tracks = read_coco_keypoints(write(tmp_path, content), ARM)
    assert repr(tracks) == "PoseTracks(arm, tracks=2, frames=3, channels=2, fps=None)"
    np.testing.assert_array_equal(tracks.pos[:, :, 0, 0], [[1, 0, 9], [2, 0, 0]])
    np.testing.assert_array_equal(tracks.valid[..., 0], [[1, 0, 1], [1, 0, 0]])
    assert not tracks.valid[..., 1].any()


@pytest.mark.parametrize("key", ["track_id", "idx"])
def test_track_ids_make_the_tracks(tmp_path, key: str):
    content = [result("0.jpg", 1, **{key: 8}), result("0.jpg", 2, **{key: 3})]
    content += [result("1.jpg", 4, **{key: 8})]
    tracks = read_coco_keypoints(write(tmp_path, content), ARM)
    np.testing.assert_array_equal(tracks.pos[:, :, 0, 0], [[2, 0], [1, 4]])


def test_annotations_have_a_frame_for_every_image(tmp_path):
    content = annotations(result(20, 5, score=2), result(10, 6, score=1))
    options = PoseOptions(with_scores=True, image_size=(2, 4))
    tracks = read_coco_keypoints(write(tmp_path, content), ARM, options)
    np.testing.assert_array_equal(tracks.pos[0, :, 0], [[5, 0, 0.5], [4, 0, 1], [0, 0, 0]])
    tracks = read_coco_keypoints(write(tmp_path, content), ARM, PoseOptions(min_score=0.5))
    np.testing.assert_array_equal(tracks.valid[0, :, 0], [False, True, False])


def test_annotated_images_without_people(tmp_path):
    tracks = read_coco_keypoints(write(tmp_path, annotations()), ARM)
    assert tracks.pos.shape == (0, 3, 2, 2)


def test_the_layout_of_coco(tmp_path):
    keypoints = np.arange(1, 1 + 3 * COCO17.num_joints).tolist()
    content = [{"image_id": 1, "category_id": 1, "keypoints": keypoints, "score": 0.9}]
    tracks = read_coco_keypoints(write(tmp_path, content), options=PoseOptions(with_scores=True))
    assert tracks.skeleton == COCO17
    np.testing.assert_array_equal(tracks.pos.ravel(), keypoints)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ([], "expected results, found an empty list"),
        ({}, "the key 'annotations'"),
        ({"annotations": []}, "the key 'images'"),
        (3, "an object, found 3"),
        ([3], "entry 0: expected an object"),
        ([{"keypoints": [0] * 6}], "key 'image_id'.*None"),
        ([result("a.jpg")], "key 'image_id'"),
        ([result(True)], "key 'image_id'"),
        ([result(-1)], "key 'image_id'"),
        ([result(1.5)], "key 'image_id'"),
        ([{"image_id": 1}], "entry 0: expected the key 'keypoints'"),
        ([{"image_id": 1, "keypoints": [1, 2, 3]}], "6 numbers .*, found 3"),
        ([result(1, "1")], "number 0: expected a finite number, found '1'"),
        ([result(1, score=-1)], "scores from 0"),
        ([result(0), result(10**9)], "cut long recordings"),
        ([result(0), result(10**17)], "cut long recordings"),
        ([result(0, category_id=1), result(1, category_id=2)], "'category_id': expected one value"),
        ([result(0, track_id=1), result(1)], "'track_id': expected in all entries or none"),
        ([result(0, track_id="a")], "'track_id': expected an integer"),
        ([result(0, track_id=1), result(0, track_id=1)], "entry 1: .*track 1 twice"),
        (annotations(result(11, score=1)), "the id of an image, found 11"),
        (annotations(result(10, score=0.5)), "0, 1 or 2 as third numbers, found 0.5"),
        (annotations(ids=[]), "0 images"),
        (annotations(ids=[1, 1]), "2 images with 1 ids"),
        (annotations(ids=["1"]), "image 0, key 'id': expected an integer"),
    ],
)
def test_damage_is_refused(tmp_path, content: object, message: str):
    with pytest.raises(SkeletonFormatError, match=message) as caught:
        read_coco_keypoints(write(tmp_path, content), ARM)
    assert "\n" not in str(caught.value)
