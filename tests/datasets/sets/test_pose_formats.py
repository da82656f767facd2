import json
import shutil

import numpy as np
import pytest
from oracle_helpers import oracles

from pyg_skeletonmae.datasets.sets.pose_folder import PoseFolder
from pyg_skeletonmae.datasets.sets.pose_formats import (
    PoseTask,
    ReadPoses,
    find_recordings,
    get_format,
    pose_skeleton,
)
from pyg_skeletonmae.errors import ConfigError, DataError, SkeletonError, SkeletonFormatError
from pyg_skeletonmae.io.identities import TWICE
from pyg_skeletonmae.io.poses import AS_IS, PoseOptions
from pyg_skeletonmae.layouts import COCO17
from pyg_skeletonmae.skeleton import Skeleton

ARM = """HIERARCHY
ROOT shoulder
{
  OFFSET 0 0 0
  CHANNELS 6 Xposition Yposition Zposition Zrotation Xrotation Yrotation
  JOINT elbow
  {
    OFFSET 2 0 0
    CHANNELS 1 Zrotation
    End Site
    {
      OFFSET 1 0 0
    }
  }
}
MOTION
Frames: 2
Frame Time: 0.02
0 0 0 0 0 0 0
10 0 0 90 0 0 0
"""


def people(count: int, joints: int) -> dict:
    point = [5.0, 6.0, 0.9]
    return {"people": [{"pose_keypoints_2d": point * joints} for _ in range(count)]}


def test_bvh(tmp_path):
    (tmp_path / "a.bvh").write_text(ARM)
    data = PoseFolder(tmp_path, None, format="bvh")
    assert data.skeleton.joints == ("shoulder", "elbow", "elbow_End")
    np.testing.assert_allclose(data.store.clip(0).pos[0, 1], [[10, 0, 0], [10, 2, 0], [10, 3, 0]])
    two = Skeleton.from_parents("two", ["lower", "upper"], [-1, 0], aliases={"elbow": "lower"})
    (tmp_path / "b.bvh").write_text(ARM.replace("shoulder", "upper"))
    data = PoseFolder(tmp_path, None, two, "bvh")
    assert list(data.store.names) == ["b.bvh"]
    (reason,) = data.store.card["dropped"]
    assert "has no joint 'upper', only shoulder" in reason
    np.testing.assert_allclose(data.store.clip(0).pos[0, 0], [[2, 0, 0], [0, 0, 0]])


def test_what_bvh_positions_mean_can_be_told(tmp_path):
    (tmp_path / "a.bvh").write_text(ARM.replace("CHANNELS 1 Zrotation", "CHANNELS 1 Xposition"))
    for positions, elbow in (("replace", 0.0), ("add", 2.0)):
        data = PoseFolder(tmp_path, None, format="bvh", options=PoseOptions(positions=positions))
        np.testing.assert_allclose(data.store.clip(0).pos[0, 0, 1], [elbow, 0, 0])
    with pytest.raises(ConfigError, match="positions='add' means nothing for coco"):
        PoseFolder(tmp_path, None, format="coco", options=PoseOptions(positions="add"))
    with pytest.raises(ConfigError, match="positions='both'"):
        PoseOptions(positions="both")


def test_bvh_rates(tmp_path):
    for name in "abc":
        (tmp_path / f"{name}.bvh").write_text(ARM)
    data = PoseFolder(tmp_path, None, format="bvh")
    assert data.card["fps"] == 50 and "rates" not in data.card and not data.store.extra
    assert "50 a second" in repr(data.card) and data.store.clip(0).fps == 50
    (tmp_path / "b.bvh").write_text(ARM.replace("0.02", "0.008333333"))
    data = PoseFolder(tmp_path, None, format="bvh", force_reload=True)
    assert data.card["fps"] is None and data.card["rates"] == {"50.0": 2, "120.0": 1}
    assert "2 clips of 50.0 a second, 1 clips of 120.0 a second" in repr(data.card)
    np.testing.assert_allclose(data.store.extra["fps"], [50, 120, 50])
    assert data.store.clip(2).fps == 50 and not data.store.clip(2).extra
    assert len(data.split("fps", train=[50.0])[0]) == 2
    kept = PoseFolder(tmp_path, None, format="bvh", pre_filter=lambda clip: int(clip.clip_id) != 1)
    assert kept.card["fps"] == 50
    told = PoseFolder(tmp_path, None, format="bvh", options=PoseOptions(fps=30))
    assert told.card["fps"] == 30 and "rates" not in told.card


def test_a_damaged_first_file_is_left_out(tmp_path):
    (tmp_path / "a.bvh").write_text("HIERARCHY")
    (tmp_path / "b.bvh").write_text(ARM)
    data = PoseFolder(tmp_path, None, format="bvh")
    assert list(data.store.names) == ["b.bvh"]
    assert list(data.card["dropped"].values()) == [["a.bvh"]]
    (tmp_path / "b.bvh").write_text("")
    with pytest.raises(SkeletonFormatError, match=r"a\.bvh"):
        PoseFolder(tmp_path, None, format="bvh", force_reload=True)


def test_what_a_reader_decides_stands_in_the_card(tmp_path):
    for name in "ab":
        entries = [{"image_id": i // 2, "keypoints": [3.0, 4.0, 0.8] * 17} for i in range(4)]
        (tmp_path / f"{name}.json").write_text(json.dumps([{**e, "idx": 0} for e in entries]))
    data = PoseFolder(tmp_path, None, format="coco")
    assert data.card["notes"] == [f"{TWICE} (2: a.json, b.json)"]
    assert data.store.num_tracks.tolist() == [2, 2]


def test_openpose(tmp_path):
    for name, counts in (("x/one", (1, 2)), ("two", (0, 1)), ("empty", (0, 0))):
        (tmp_path / name).mkdir(parents=True)
        for frame, count in enumerate(counts):
            path = tmp_path / name / f"v_{frame:012}_keypoints.json"
            path.write_text(json.dumps(people(count, 25)))
    data = PoseFolder(tmp_path, None, format="openpose")
    assert list(data.store.names) == ["two", "x/one"]
    assert data.store.num_tracks.tolist() == [1, 2] and data.skeleton.name == "body25"
    assert data.store.card["dropped"] == {"nobody is seen": ["empty"]}
    assert data.store.card["files"]["count"] == 6


def test_coco_and_deeplabcut(tmp_path):
    entries = [{"image_id": i, "keypoints": [3.0, 4.0, 0.8] * 17} for i in range(4)]
    (tmp_path / "a.json").write_text(json.dumps(entries))
    assert PoseFolder(tmp_path, None, format="coco")[0].pos.shape == (17, 4, 2)
    fly = Skeleton.from_parents("fly", ["thorax", "head"], [-1, 0])
    head = "scorer,s,s,s,s\nbodyparts,head,head,thorax,thorax\ncoords,x,y,x,y\n"
    (tmp_path / "a.csv").write_text(head + "0,1,2,3,4\n1,5,6,7,8\n")
    data = PoseFolder(tmp_path, None, fly, "deeplabcut")
    np.testing.assert_array_equal(data.store.clip(0).pos[0, 0], [[3, 4], [1, 2]])


def test_sleap(tmp_path):
    h5py = pytest.importorskip("h5py")
    with h5py.File(tmp_path / "fly.h5", "w") as file:
        file["tracks"] = np.arange(16.0).reshape(1, 2, 2, 4)
        file["node_names"] = ["head", "thorax"]
        file["edge_inds"] = np.array([[1, 0]])
    data = PoseFolder(tmp_path, None, format="sleap")
    assert data.skeleton.joints == ("head", "thorax") and data[0].pos.shape == (2, 4, 2)


def test_a_folder_of_text_files_is_one_recording_of_yolo(tmp_path):
    row = "0 .5 .5 .2 .4 " + " ".join(["0.25 0.5 0.9"] * 17) + "\n"
    for name in ("x/a_1.txt", "x/a_3.txt", "y/b_2.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(row)
    data = PoseFolder(tmp_path, None, format="yolo")
    assert list(data.store.names) == ["x", "y"] and data.store.card["files"]["count"] == 3
    assert data[0].pos.shape == (17, 3, 2) and data.skeleton.name == "coco17"


def test_files_of_other_formats_are_told(tmp_path):
    (tmp_path / "a.json").write_text("[]")
    with pytest.raises(DataError, match=r"as of openpose, coco, mediapipe_json, .*: name one"):
        PoseFolder(tmp_path, None, "coco17", "mediapipe")


@pytest.mark.parametrize(
    ("name", "file", "message"),
    [("sleap", "a.slp", "export analysis files"), ("deeplabcut", "a.h5", "write CSV files")],
)
def test_files_of_a_tool_that_are_not_read_say_what_to_export(tmp_path, name, file, message):
    (tmp_path / file).touch()
    with pytest.raises(DataError, match=f"no recording of the format '{name}'; from .*{message}"):
        PoseFolder(tmp_path, None, "coco17", name)


def test_markers_need_a_skeleton(tmp_path):
    (tmp_path / "a.trc").write_text("PathFileType")
    with pytest.raises(SkeletonError, match="trc files do not say their skeleton"):
        PoseFolder(tmp_path, None, format="trc")


def test_finding(tmp_path):
    for name in ("b.npy", "sub/a.NPZ", "sub/c.csv", "processed/d.npy", "labels.npy"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    found = find_recordings(tmp_path, "arrays", "labels.npy")
    assert list(found.paths) == ["b.npy", "sub/a.NPZ"]
    (note,) = found.notes
    assert note == "not read, as no recordings (in the folder 'processed'): 1, processed/d.npy"
    assert find_recordings(tmp_path, "bvh", None) == ({}, [])


def test_reading_by_the_reader_alone(tmp_path):
    np.save(tmp_path / "a.npy", np.full((3, 17, 2), np.nan))
    reader = ReadPoses("arrays", COCO17, AS_IS)
    with pytest.raises(DataError, match="nobody is seen"):
        list(reader(PoseTask(tmp_path / "a.npy", "a")))
    assert pose_skeleton("openpose", None, [tmp_path]).name == "body25"
    assert pose_skeleton("arrays", "coco17", [tmp_path]) is COCO17
    with pytest.raises(ConfigError, match="format 'x'"):
        get_format("x")


@pytest.mark.oracle
def test_recorded_openpose_frames(tmp_path):
    root = oracles()
    shutil.copytree(root / "data/openpose/valid", tmp_path / "clip")
    clip = PoseFolder(tmp_path, None, format="openpose").store.clip(0)
    with np.load(root / "data/openpose/expected.npz") as wanted:
        xyc = wanted["xyc"].transpose(1, 0, 2, 3)
    np.testing.assert_array_equal(clip.valid, xyc[..., 2] > 0)
    np.testing.assert_array_equal(clip.pos, np.where(clip.valid[..., None], xyc[..., :2], 0))
