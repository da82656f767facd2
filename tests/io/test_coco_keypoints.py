import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pyg_skeletonmae.errors import SkeletonFormatError
from pyg_skeletonmae.io.coco_keypoints import read_coco_keypoints
from pyg_skeletonmae.io.identities import SOME, TWICE
from pyg_skeletonmae.io.poses import PoseOptions
from pyg_skeletonmae.layouts import COCO17, get_layout
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


def crossing(key: str, one: object, two: object) -> list[dict[str, Any]]:
    """Two people who change places in the file from frame to frame: x is 10 + t and 50 - t."""
    frames = []
    for t in range(4):
        pair = [result(t, 10 + t, **{key: one}), result(t, 50 - t, **{key: two})]
        frames += pair if t % 2 == 0 else pair[::-1]
    return frames


@pytest.mark.parametrize("key", ["track_id", "idx", "person_id", "instance_id", "id"])
@pytest.mark.parametrize(
    ("one", "two"),
    [(0, 1), (3.0, 7.0), ([1.0], [2.0]), ([[4]], [[5]]), ("8", "9"), (1, 10**17), ("ann", "bob")],
)
def test_identities_of_every_form(tmp_path, key: str, one: object, two: object):
    tracks = read_coco_keypoints(write(tmp_path, crossing(key, one, two)), ARM)
    np.testing.assert_array_equal(tracks.pos[0, :, 0, 0], [10, 11, 12, 13])
    np.testing.assert_array_equal(tracks.pos[1, :, 0, 0], [50, 49, 48, 47])
    assert tracks.notes == ()


def test_an_identity_may_change_its_type(tmp_path):
    forms = [2, "2", 2.0, [2], [[2.0]], "2.0"]
    content = [result(t, 10 + t, track_id=form) for t, form in enumerate(forms)]
    assert read_coco_keypoints(write(tmp_path, content), ARM).pos.shape[:2] == (1, 6)


@pytest.mark.parametrize("key", ["track_id", "tracking_id", "trackId", "track", "idx", "person_id"])
def test_one_identity_for_everybody_is_no_tracking(tmp_path, key: str):
    tracks = read_coco_keypoints(write(tmp_path, crossing(key, 0, 0)), ARM)
    np.testing.assert_array_equal(tracks.pos[0, :, 0, 0], [10, 49, 12, 47])
    assert tracks.notes == (TWICE,)


def test_the_next_key_is_asked_where_one_does_not_track(tmp_path):
    content = crossing("track_id", 3, 4)
    tracks = read_coco_keypoints(write(tmp_path, [{**e, "idx": 0} for e in content]), ARM)
    assert tracks.pos[0, 3, 0, 0] == 13 and tracks.notes == ()
    content = [{**e, "track_id": -1} for e in crossing("person_id", 3, 4)]
    assert read_coco_keypoints(write(tmp_path, content), ARM).pos[0, 3, 0, 0] == 13


def test_people_without_an_identity_come_last(tmp_path):
    content = [result(0, 1, track_id=5), result(0, 2), result(1, 3, track_id=None)]
    content += [result(1, 4, track_id=5), result(2, 6, track_id=-1)]
    tracks = read_coco_keypoints(write(tmp_path, content), ARM)
    np.testing.assert_array_equal(tracks.pos[:, :, 0, 0], [[1, 4, 0], [2, 3, 6]])
    assert tracks.notes == (SOME,)


def test_numbers_of_annotations_are_no_identities(tmp_path):
    entries = [result(i, 10 * i + k, score=2, id=9 - i - 3 * k) for i in (10, 20) for k in (0, 1)]
    tracks = read_coco_keypoints(write(tmp_path, annotations(*entries, ids=(10, 20))), ARM)
    np.testing.assert_array_equal(tracks.pos[:, :, 0, 0], [[100, 200], [101, 201]])


def test_an_identity_for_every_detection_is_refused_before_memory_is_taken(tmp_path):
    content = [result(t, track_id=t) for t in range(3000)]
    with pytest.raises(SkeletonFormatError, match="3000 x 3000 x 2 x 3"):
        read_coco_keypoints(write(tmp_path, content), ARM)


@pytest.mark.parametrize("count", [26, 133, 136])
def test_whole_bodies_begin_with_the_joints_of_coco(tmp_path, count: int):
    keypoints = [number for i in range(count) for number in (i + 1, 2, 0.5)]
    path = write(tmp_path, [{"image_id": 0, "keypoints": keypoints}])
    tracks = read_coco_keypoints(path)
    np.testing.assert_array_equal(tracks.pos[0, 0, :, 0], np.arange(17) + 1)
    assert f"of {count} keypoints" in tracks.notes[0]
    whole = Skeleton.from_parents("all", [f"p{i}" for i in range(count)], [-1, *range(count - 1)])
    tracks = read_coco_keypoints(path, whole)
    assert tracks.pos.shape[2] == count and tracks.notes == ()


@pytest.mark.parametrize("name", ["halpe26", "halpe136"])
def test_all_of_halpe_are_read_where_its_skeleton_is_asked_for(tmp_path, name: str):
    count = get_layout(name).num_joints
    keypoints = [number for i in range(count) for number in (i + 1, 2, 0.5)]
    path = write(tmp_path, [{"image_id": 0, "keypoints": keypoints}])
    assert f"the skeleton {name!r} has all" in read_coco_keypoints(path).notes[0]
    tracks = read_coco_keypoints(path, name)
    np.testing.assert_array_equal(tracks.pos[0, 0, :, 0], np.arange(count) + 1)
    assert tracks.notes == () and tracks.skeleton.index("Neck") == 18
    if count > 26:
        body = read_coco_keypoints(path, "halpe26")
        assert body.pos.shape[2] == 26 and "the first 26" in body.notes[0]


def test_all_of_coco_wholebody_are_read_where_its_skeleton_is_asked_for(tmp_path):
    keypoints = [number for i in range(133) for number in (i + 1, 2, 0.5)]
    path = write(tmp_path, [{"image_id": 0, "keypoints": keypoints}])
    assert "the skeleton 'wholebody133' has all" in read_coco_keypoints(path).notes[0]
    tracks = read_coco_keypoints(path, "wholebody133")
    assert tracks.skeleton.name == "wholebody133" and tracks.notes == ()
    np.testing.assert_array_equal(tracks.pos[0, 0, :, 0], np.arange(133) + 1)
    half = write(tmp_path, [{"image_id": 0, "keypoints": keypoints[: 3 * 68]}])
    with pytest.raises(SkeletonFormatError, match="399 numbers"):
        read_coco_keypoints(half, "wholebody133")


def test_names_of_images_may_have_a_text_before_their_number(tmp_path):
    content = [result("walk_0012.png", 1), result("walk_0014.png", 2)]
    tracks = read_coco_keypoints(write(tmp_path, content), ARM)
    np.testing.assert_array_equal(tracks.pos[0, :, 0, 0], [1, 0, 2])


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
        ([result("a/0.jpg"), result("b/1.jpg")], "names of key 'image_id': expected one value"),
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
