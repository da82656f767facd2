import json
import shutil
from pathlib import Path

import numpy as np
import oracle_helpers
import pytest

from pyg_skeletonmae.errors import SkeletonFormatError
from pyg_skeletonmae.io.identities import TWICE
from pyg_skeletonmae.io.openpose import read_openpose
from pyg_skeletonmae.io.poses import PoseOptions
from pyg_skeletonmae.layouts import BODY25, OPENPOSE18
from pyg_skeletonmae.skeleton import Skeleton

ARM = Skeleton.from_parents("arm", ["shoulder", "hand"], [-1, 0])
ONE = [10.0, 20.0, 0.5, 0.0, 0.0, 0.0]
TWO = [30, 40, 1, 50, 60, 0.25]


@pytest.fixture(scope="module")
def oracles() -> Path:
    return oracle_helpers.oracles() / "data"


def write(folder: Path, *frames: list[list[float]], start: int = 0, key="pose_keypoints_2d"):
    folder.mkdir(exist_ok=True)
    for number, people in enumerate(frames, start):
        content = {"version": 1.3, "people": [{"person_id": [-1], key: p} for p in people]}
        (folder / f"clip_{number:012}_keypoints.json").write_text(json.dumps(content))
    return folder


def test_people_are_tracks_in_the_order_of_the_file(tmp_path):
    tracks = read_openpose(write(tmp_path, [ONE], [], [TWO, ONE], start=7), ARM)
    assert repr(tracks) == "PoseTracks(arm, tracks=2, frames=3, channels=2, fps=None)"
    np.testing.assert_array_equal(tracks.valid[0], [[1, 0], [0, 0], [1, 1]])
    np.testing.assert_array_equal(tracks.valid[1], [[0, 0], [0, 0], [1, 0]])
    np.testing.assert_array_equal(
        tracks.pos[0], [[[10, 20], [0, 0]], [[0, 0]] * 2, [[30, 40], [50, 60]]]
    )


def test_the_frames_follow_their_numbers_not_their_names(tmp_path):
    for number in (10, 9, 11):
        content = {"people": [{"pose_keypoints": [number, 0, 1, 0, 0, 0]}]}
        (tmp_path / f"{number}.json").write_text(json.dumps(content))
    (tmp_path / "9_rendered.png").write_bytes(b"")
    np.testing.assert_array_equal(read_openpose(tmp_path, ARM).pos[0, :, 0, 0], [9, 10, 11])


def test_options_apply(tmp_path):
    options = PoseOptions(image_size=(100, 80), min_score=0.3, with_scores=True, fps=30)
    tracks = read_openpose(write(tmp_path, [TWO]), ARM, options)
    np.testing.assert_allclose(tracks.pos[0, 0], [[-0.4, 0, 1], [0, 0, 0]], atol=1e-6)
    assert tracks.fps == 30


def test_nobody_in_any_frame_is_no_track(tmp_path):
    tracks = read_openpose(write(tmp_path, [], []), ARM)
    assert tracks.pos.shape == (0, 2, 2, 2) and tracks.valid.shape == (0, 2, 2)


def test_a_point_not_found_stays_missing_whatever_the_least_score(tmp_path):
    tracks = read_openpose(write(tmp_path, [ONE]), ARM, PoseOptions(min_score=-1))
    np.testing.assert_array_equal(tracks.valid, [[[True, False]]])


def test_a_folder_without_whole_frames_is_refused(tmp_path):
    with pytest.raises(SkeletonFormatError, match="a folder of JSON frames"):
        read_openpose(tmp_path / "nothing", ARM)
    with pytest.raises(SkeletonFormatError, match="expected JSON frames, found none"):
        read_openpose(tmp_path, ARM)
    write(tmp_path, [ONE])
    (tmp_path / "notes.json").write_text("{}")
    with pytest.raises(SkeletonFormatError, match=r"<name>_<number>_keypoints.json"):
        read_openpose(tmp_path, ARM)


def test_two_recordings_in_a_folder_are_refused(tmp_path):
    write(tmp_path, [ONE])
    (tmp_path / "other_000000000001_keypoints.json").write_text('{"people": []}')
    with pytest.raises(SkeletonFormatError, match="one file for each frame of 'clip'"):
        read_openpose(tmp_path, ARM)


def test_a_frame_without_people_is_a_frame_with_nobody(tmp_path):
    write(tmp_path, [ONE], [ONE], [TWO, ONE], [ONE], start=7)
    (tmp_path / "clip_000000000008_keypoints.json").unlink()
    for text in ("", " \n", "{}", "null", "[]"):
        (tmp_path / "clip_000000000010_keypoints.json").write_text(text)
        tracks = read_openpose(tmp_path, ARM)
        np.testing.assert_array_equal(tracks.valid.any(-1), [[1, 0, 1, 0], [0, 0, 1, 0]])
        assert tracks.notes == ("frames whose file is missing or empty show nobody",)
    for path in tmp_path.iterdir():
        path.write_text("")
    with pytest.raises(SkeletonFormatError, match=r"0007_keypoints\.json: .*JSON"):
        read_openpose(tmp_path, ARM)


def test_the_frame_numbers_set_no_size(tmp_path):
    write(tmp_path, [ONE], start=3)
    write(tmp_path, [ONE], start=999_999_999_999)
    with pytest.raises(SkeletonFormatError, match="cut long recordings"):
        read_openpose(tmp_path, ARM)


def test_leftovers_of_programs_are_no_frames(tmp_path):
    write(tmp_path, [ONE], [TWO])
    for name in ("._clip_000000000001_keypoints.json", "~$notes.json", "._x.json"):
        (tmp_path / name).write_bytes(b"\0\1")
    assert read_openpose(tmp_path, ARM).pos.shape[1] == 2


@pytest.mark.parametrize(("one", "two"), [(0, 1), ([4], [9]), ("1", "2"), (7.0, [[8.0]])])
def test_person_id_makes_the_tracks(tmp_path, one: object, two: object):
    for t in range(4):
        people = [(one, 10 + t), (two, 50 - t)][:: 1 if t % 2 else -1]
        content = [{"person_id": i, "pose_keypoints_2d": [x, 1, 1] * 2} for i, x in people]
        (tmp_path / f"{t}.json").write_text(json.dumps({"people": content}))
    np.testing.assert_array_equal(read_openpose(tmp_path, ARM).pos[0, :, 0, 0], [10, 11, 12, 13])


def test_person_ids_that_stand_twice_are_left_aside(tmp_path):
    write(tmp_path, [ONE, TWO], [TWO, ONE])
    for path in tmp_path.iterdir():
        path.write_text(path.read_text().replace("-1", "0"))
    tracks = read_openpose(tmp_path, ARM)
    np.testing.assert_array_equal(tracks.pos[0, :, 0, 0], [10, 30])
    assert tracks.notes == (TWICE,)


def test_the_message_names_file_person_and_point(tmp_path):
    write(tmp_path, [ONE], [ONE, [1, 2, 3, 4, 5, 6]])
    with pytest.raises(SkeletonFormatError, match=r"0001_keypoints.json: person 1, point 0: .* 3"):
        read_openpose(tmp_path, ARM)
    with pytest.raises(SkeletonFormatError, match=r"person 0.*75 numbers .*found 6"):
        read_openpose(tmp_path)


@pytest.mark.oracle
def test_valid_frames_agree_with_the_oracle(oracles):
    expected = np.load(oracles / "openpose" / "expected.npz")
    tracks = read_openpose(oracles / "openpose" / "valid", options=PoseOptions(with_scores=True))
    wanted = expected["xyc"].swapaxes(0, 1)
    assert tracks.skeleton == BODY25
    np.testing.assert_array_equal(tracks.pos, wanted)
    np.testing.assert_array_equal(tracks.valid, wanted[..., 2] > 0)
    np.testing.assert_array_equal(tracks.valid.any(-1).sum(0), expected["people_per_frame"])


@pytest.mark.oracle
def test_hostile_frames_are_refused(oracles, tmp_path):
    accepted = []
    for path in sorted((oracles / "hostile" / "openpose").glob("*.json")):
        folder = tmp_path / path.stem
        folder.mkdir()
        shutil.copy(path, folder / "clip_000000000000_keypoints.json")
        try:
            read_openpose(folder)
        except SkeletonFormatError as error:
            assert "\n" not in str(error)
        else:
            accepted.append(path.stem)
    assert accepted == ["people_empty"]


@pytest.mark.oracle
@pytest.mark.parametrize("name", ["coco18", "old_version_keys"])
def test_the_other_model_is_read_when_asked_for(oracles, tmp_path, name):
    shutil.copy(oracles / "hostile" / "openpose" / f"{name}.json", tmp_path / "clip_0.json")
    tracks = read_openpose(tmp_path, "openpose18")
    assert tracks.skeleton == OPENPOSE18 and tracks.valid.all()


def test_a_person_without_any_point_is_no_track(tmp_path):
    nobody = [0.0] * 6
    tracks = read_openpose(write(tmp_path, [nobody, ONE], [nobody, TWO]), ARM)
    np.testing.assert_array_equal(tracks.pos[:, :, 0, 0], [[10, 30]])
    assert read_openpose(write(tmp_path, [nobody], [nobody]), ARM).pos.shape == (0, 2, 2, 2)
