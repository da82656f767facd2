import json

import numpy as np
import pytest

from pyg_skeletonmae.errors import SkeletonFormatError
from pyg_skeletonmae.io.poses import PoseOptions
from pyg_skeletonmae.io.yolo_pose import read_yolo_pose
from pyg_skeletonmae.skeleton import Skeleton

POSE = np.random.default_rng(0).uniform(0.1, 1, (3, 17, 3)).round(4)
POSE[0, 5, :2] = 0  # as Ultralytics writes a joint it does not trust
BOX = (0, 0.5, 0.5, 0.2, 0.4)


def line(*numbers: float) -> str:
    return " ".join(f"{number:g}" for number in numbers) + "\n"


def write(folder, width: int = 3, tails=((), (), ())) -> None:
    """The lines as Ultralytics' ``save_txt`` formats them: two people, nobody, the second again."""
    rows = [line(*BOX, *p[:, :width].ravel(), *tail) for p, tail in zip(POSE, tails, strict=True)]
    (folder / "clip_9.txt").write_text(rows[0] + rows[1])
    (folder / "clip_11.txt").write_text(rows[2])


@pytest.mark.parametrize("width", [2, 3])
@pytest.mark.parametrize("tails", [((0.9,), (0.8,), (1,)), ((), (), ()), ((1,), (1,), (1,))])
def test_people_without_tracks(tmp_path, width: int, tails):
    write(tmp_path, width, tails)
    tracks = read_yolo_pose(tmp_path)
    wanted = np.zeros((2, 3, 17, 2))
    wanted[0, 0], wanted[1, 0], wanted[0, 2] = POSE[..., :2]
    np.testing.assert_allclose(tracks.pos, wanted, atol=1e-6)
    np.testing.assert_array_equal(tracks.valid, wanted.any(-1))
    assert "parts of the image's width" in tracks.notes[-1]


@pytest.mark.parametrize("tails", [((0.9, 4), (0.8, 2), (0.7, 4)), ((4,), (2,), (4,))])
def test_tracks_and_scores(tmp_path, tails):
    write(tmp_path, 3, tails)
    options = PoseOptions(with_scores=True, image_size=(640, 480))
    tracks = read_yolo_pose(tmp_path, options=options)
    wanted = np.zeros((2, 3, 17, 3))
    wanted[1, 0], wanted[0, 0], wanted[1, 2] = POSE * (2, 2, 1) - (1, 1, 0)
    wanted[1, 0, 5] = 0
    np.testing.assert_allclose(tracks.pos, wanted, atol=1e-6)
    assert tracks.notes == ()


def test_what_coordinates_are_can_be_told(tmp_path):
    write(tmp_path)
    options = PoseOptions(image_size=(640, 480), unit="normalised")
    tracks = read_yolo_pose(tmp_path, options=options)
    np.testing.assert_allclose(tracks.pos[1, 0], POSE[1, :, :2], atol=1e-6)


def test_labels_have_flags(tmp_path):
    points = POSE[1].copy()
    points[:, 2] = np.arange(17) % 3
    (tmp_path / "000001.txt").write_text(line(*BOX, *points.ravel()))
    (tmp_path / "classes.txt").write_text("person\n")
    tracks = read_yolo_pose(tmp_path, options=PoseOptions(with_scores=True))
    np.testing.assert_array_equal(tracks.valid[0, 0], points[:, 2] > 0)
    assert set(tracks.pos[0, 0, :, 2]) == {0, 0.5, 1}
    assert "scores of 0, 1 and 2 are flags of labels: halved" in tracks.notes


@pytest.mark.parametrize("visible", [True, False])
def test_json_of_results(tmp_path, visible: bool):
    """``[json.loads(result.to_json()) for result in results]``, with and without ``track``."""

    def person(p: np.ndarray, track: int | None) -> dict:
        keys = ("x", "y", "visible")[: 2 + visible]
        keypoints = dict(zip(keys, (p * (640, 480, 1)).T.tolist(), strict=False))
        known = {} if track is None else {"track_id": track}
        return {"name": "person", "class": 0, "confidence": 0.9, "keypoints": keypoints} | known

    frames = [[person(POSE[0], 2), person(POSE[1], 1)], [], [person(POSE[2], 2)]]
    path = tmp_path / "a.json"
    path.write_text(json.dumps(frames))
    tracks = read_yolo_pose(path, options=PoseOptions(with_scores=visible))
    wanted = np.zeros((2, 3, 17, 3))
    wanted[1, 0], wanted[0, 0], wanted[1, 2] = POSE * (640, 480, 1)
    wanted[1, 0, 5] = 0
    np.testing.assert_allclose(tracks.pos, wanted[..., : 2 + visible], rtol=1e-6)
    assert tracks.notes == ()
    path.write_text(json.dumps([person(POSE[1], None)]))
    assert read_yolo_pose(path).pos.shape == (1, 1, 17, 2)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("0 0.5 0.5 0.2 0.4 1 2", "34 or 51 numbers for 17 joints, found 7 columns"),
        (line(*BOX, *POSE[0].ravel()) + "0 1\n", "line 2: expected 56 finite numbers"),
        (line(*BOX, *POSE[0].ravel(), -3.5), "confidences of 0 to 1, or the numbers of tracks"),
        (line(*BOX, *POSE[0].ravel(), 0.5, 1.5), "the numbers of tracks"),
        ("a b", "line 1: expected numbers"),
        ("0 inf", "line 1: expected numbers"),
        (line(*BOX, *(2 * POSE[0]).ravel()), "the scores|a score of 0 to 1"),
    ],
)
def test_damage_is_refused(tmp_path, text: str, message: str):
    (tmp_path / "a_1.txt").write_text(text)
    with pytest.raises(SkeletonFormatError, match=message):
        read_yolo_pose(tmp_path)


def test_a_folder_of_other_things_is_refused(tmp_path):
    two = Skeleton.from_parents("two", ["a", "b"], [-1, 0])
    with pytest.raises(SkeletonFormatError, match="a frame, found none"):
        read_yolo_pose(tmp_path, two)
    (tmp_path / "a_1.txt").write_text(line(*BOX, 0.1, 0.2, 0.3, 0.4))
    (tmp_path / "b_2.txt").write_text(line(*BOX, 0.1, 0.2, 0.3, 0.4))
    with pytest.raises(SkeletonFormatError, match="one recording in a folder"):
        read_yolo_pose(tmp_path, two)
    (tmp_path / "b_2.txt").rename(tmp_path / "notes.txt")
    with pytest.raises(SkeletonFormatError, match=r"<frame number>\.txt, found notes\.txt"):
        read_yolo_pose(tmp_path, two)
