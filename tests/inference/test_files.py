from __future__ import annotations

import logging

import numpy as np
import pytest
from inference_helpers import poses

from pyg_skeletonmae.datasets import SkeletonDataset
from pyg_skeletonmae.errors import ConfigError, DataError, SkeletonFormatError
from pyg_skeletonmae.inference.files import Reading, guessed_format, read_path
from pyg_skeletonmae.io import PoseOptions
from pyg_skeletonmae.io.pyskl import PysklClip, write_pyskl
from pyg_skeletonmae.layouts import COCO17


def read(path, **said):
    return list(read_path(path, COCO17, Reading(**said)))


def write_table(path, pos, joints=COCO17.joints):
    head = ["frame", *(f"{joint}_{c}" for joint in joints for c in "xyz")]
    rows = [[str(t), *(f"{v:.6f}" for v in frame.reshape(-1))] for t, frame in enumerate(pos)]
    path.write_text("\n".join(",".join(row) for row in [head, *rows]) + "\n")
    return path


def test_a_table_has_the_joints_of_the_model_unless_told(tmp_path):
    pos = poses(frames=12)[0]
    ((name, tracks, _),) = read(write_table(tmp_path / "a.csv", pos))
    assert name == str(tmp_path / "a.csv") and np.allclose(tracks.pos[0], pos, atol=1e-5)
    with pytest.raises(SkeletonFormatError, match=r"a.csv"):
        read(tmp_path / "a.csv", skeleton="ntu25")


def test_a_folder_gives_what_can_be_read_and_says_what_cannot(tmp_path, caplog):
    (tmp_path / "deep").mkdir()
    write_table(tmp_path / "a.csv", poses(frames=12)[0])
    write_table(tmp_path / "deep/b.csv", poses(frames=9)[0])
    (tmp_path / "c.csv").write_text("nothing,of,use\n1,2,3\n")
    (tmp_path / "labels.csv").write_text("file,label\na.csv,x\n")
    np.save(tmp_path / "d.npy", poses(2))
    with caplog.at_level(logging.WARNING, "pyg_skeletonmae"):
        found = read(tmp_path)
    assert [recording.name for recording in found] == ["a.csv", "d.npy", "deep/b.csv"]
    (said,) = [record.getMessage() for record in caplog.records]
    assert said.startswith("left out: ") and "c.csv" in said
    only = tmp_path / "only"
    only.mkdir()
    (only / "c.csv").write_text("nothing,of,use\n1,2,3\n")
    with pytest.raises(
        DataError, match=r"only: no recording that can be read; the first: .*c\.csv"
    ):
        read(only)
    with pytest.raises(DataError, match=r"no recording of the format 'bvh'"):
        read(only, format="bvh")


def test_the_format_is_said_where_a_name_does_not_say_it(tmp_path):
    for name in ("a.json", "a.txt", "a.mp4"):
        (tmp_path / name).write_text("{}")
        with pytest.raises(ConfigError, match=rf"{name}: say its format with format= \(--format\)"):
            read(tmp_path / name)
    (tmp_path / "m.csv").write_text("scorer,net,net\nbodyparts,a,a\n")
    assert guessed_format(tmp_path / "m.csv") == "deeplabcut"
    assert (
        guessed_format(tmp_path / "a.bvh") == "bvh" and guessed_format(tmp_path / "a.h5") == "sleap"
    )
    with pytest.raises(ConfigError, match=r"did you mean 'bvh'"):
        read(write_table(tmp_path / "a.csv", poses()[0]), format="bhv")
    with pytest.raises(ConfigError, match=r"means nothing for table"):
        read(tmp_path / "a.csv", options=PoseOptions(positions="add"))


def test_files_that_hold_whole_data_sets(tmp_path):
    clips = [poses(1, 12), poses(2, 9)]
    names = ["first", "second"]
    dataset = SkeletonDataset.from_arrays(
        clips, [0, 1], "coco17", root=tmp_path / "store", names=names
    )
    dataset.to_npz(tmp_path / "packed.npz", scale=None)
    pickle = [PysklClip(name, clip, 0) for name, clip in zip(names, clips, strict=True)]
    write_pyskl(tmp_path / "a.pkl", pickle, {})
    for path in ("store", "packed.npz", "a.pkl"):
        found = read(tmp_path / path)
        assert [recording.name for recording in found] == names, path
        for (_, tracks, _), clip in zip(found, clips, strict=True):
            assert tracks.skeleton.joints == COCO17.joints
            assert np.allclose(tracks.pos, clip, atol=1e-4), path


def test_there_is_nothing(tmp_path):
    with pytest.raises(DataError, match=r"no.csv: expected a file or a folder, found nothing"):
        read(tmp_path / "no.csv")
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match=r"empty: no recording that can be read"):
        read(tmp_path / "empty")
