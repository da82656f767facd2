import json
import shutil
import unicodedata

import numpy as np
import pytest
from pose_helpers import motion, write_mediapipe, write_recordings

from pyg_skeletonmae.datasets.sets.pose_folder import PoseFolder
from pyg_skeletonmae.errors import ConfigError, DataError, SkeletonError, SkeletonFormatError
from pyg_skeletonmae.io.poses import PoseOptions


def test_folder_with_labels(tmp_path):
    data = PoseFolder(write_recordings(tmp_path, 2, 2))
    assert repr(data) == "PoseFolder(8)" and data.class_names == ("squat", "wave")
    assert data.labels.tolist() == [0, 0, 1, 1] * 2 and data.subjects.tolist() == [1] * 4 + [2] * 4
    assert data.store.names[0] == "person_1/squat_0.csv" and data[0].pos.shape == (33, 30, 3)
    np.testing.assert_allclose(data.store.clip(0).pos[0], motion("squat", 1, 100, 30), atol=1e-6)
    train, test = data.split("subject", train=[1])
    assert len(train) == len(test) == 4
    assert data.store.root.parent == tmp_path / "processed"
    assert "8 recordings, mediapipe" in data.store.card["source"]


def test_hidden_landmarks_are_missing(tmp_path):
    write_mediapipe(tmp_path / "a.csv", motion("wave", 1, 0), missing=5)
    assert PoseFolder(tmp_path, labels=None).store.valid is None
    data = PoseFolder(tmp_path, labels=None, options=PoseOptions(min_score=0.5, with_scores=True))
    assert not data.store.clip(0).valid[0, 1, 5] and data[0].pos.shape[-1] == 4


def test_folder_without_labels(tmp_path):
    write_recordings(tmp_path, 1, 1)
    (tmp_path / "labels.csv").unlink()
    with pytest.raises(SkeletonFormatError, match=r"labels\.csv: .*a CSV file of labels"):
        PoseFolder(tmp_path)
    data = PoseFolder(tmp_path, labels=None)
    assert len(data) == 2 and data.store.label is None
    assert PoseFolder(tmp_path, labels=None).store.root == data.store.root


def test_another_table_makes_another_store(tmp_path):
    first = PoseFolder(write_recordings(tmp_path, 1, 2))
    text = (tmp_path / "labels.csv").read_text()
    (tmp_path / "labels.csv").write_text(text.replace("wave,1", "hello,1"))
    second = PoseFolder(tmp_path)
    assert second.class_names == ("hello", "squat") and first.store.root != second.store.root
    ordered = PoseFolder(tmp_path, class_names=["squat", "hello", "jump"])
    assert ordered.num_classes == 3 and ordered.labels.tolist() == [0, 0, 1, 1]
    with pytest.raises(DataError, match="label 'hello': expected one of squat, jump"):
        PoseFolder(tmp_path, class_names=["squat", "jump"])


def test_numbers_as_labels(tmp_path):
    for number in (1, 2, 10):
        write_mediapipe(tmp_path / f"{number}.csv", motion("wave", 1, number))
    (tmp_path / "labels.csv").write_text("file,label\n10.csv,10\n2.csv,2\n1.csv,1\n")
    data = PoseFolder(tmp_path)
    assert data.class_names == ("1", "2", "10") and data.labels.tolist() == [2, 1, 0]
    assert data.subjects.tolist() == [-1, -1, -1]


def test_what_is_left_out_and_why(tmp_path):
    write_recordings(tmp_path, 1, 2)
    (tmp_path / "person_1/squat_0.csv").write_text("x0,y0\n1,2\n")
    (tmp_path / "person_1/squat_1.csv").unlink()
    write_mediapipe(tmp_path / "more.csv", motion("wave", 1, 0))
    write_mediapipe(tmp_path / "person_1/wave_0.csv", np.full((4, 33, 3), np.nan))
    data = PoseFolder(tmp_path)
    assert list(data.store.names) == ["person_1/wave_1.csv"]
    left_out = {
        name: reason for reason, names in data.store.card["dropped"].items() for name in names
    }
    assert left_out["more.csv"] == "not in the table of labels"
    assert left_out["person_1/wave_0.csv"] == "nobody is seen"
    assert "no such file" in left_out["person_1/squat_1.csv"] and len(left_out) == 4


def test_processes_and_reading_again(tmp_path):
    write_recordings(tmp_path, 1, 2)
    first = PoseFolder(tmp_path, processed_root=tmp_path / "one")
    second = PoseFolder(tmp_path, processed_root=tmp_path / "two", workers=2)
    assert first.store.content_hash == second.store.content_hash
    write_mediapipe(tmp_path / "person_1/wave_0.csv", motion("wave", 1, 9))
    assert PoseFolder(tmp_path, processed_root=tmp_path / "one").store.content_hash == (
        first.store.content_hash
    )
    again = PoseFolder(tmp_path, processed_root=tmp_path / "one", force_reload=True)
    assert again.store.content_hash != first.store.content_hash


def test_own_skeleton(tmp_path):
    (tmp_path / "stick.yaml").write_text(
        "name: stick\njoints: [foot, hip, head]\nroot: foot\nbones: [[hip, foot], [head, hip]]\n"
    )
    np.save(tmp_path / "a.npy", np.random.default_rng(0).normal(size=(2, 9, 3, 2)))
    data = PoseFolder(tmp_path, None, tmp_path / "stick.yaml", "arrays")
    assert data.skeleton.name == "stick" and int(data[0].num_tracks) == 2
    with pytest.raises(SkeletonError, match="arrays files do not say their skeleton"):
        PoseFolder(tmp_path, None, format="arrays")


COPIES = (".ipynb_checkpoints/a-checkpoint.npy", "._a.npy", "__MACOSX/x/a.npy", ".git/a.npy")
LEFT = ("~$a.npy", ".~lock.a.npy#", "#a.npy#", "a.npy~", ".a.npy.swp", "a.npy.bak", "a.npy.part")


def test_what_is_no_recording_is_not_read(tmp_path):
    root = tmp_path / "files"
    for name in ("a.npy", "deep/b.npy", "a (1).npy", *COPIES, *LEFT):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        with (root / name).open("wb") as file:
            np.save(file, np.random.default_rng(0).normal(size=(6, 17, 3)))
    (root / "Thumbs.db").write_bytes(b"x")
    (root / "linked").symlink_to(tmp_path / "files" / "deep")
    settings = {"format": "arrays", "skeleton": "coco17", "processed_root": root / "out"}
    data = PoseFolder(root, None, **settings)
    assert list(data.store.names) == ["a (1).npy", "a.npy", "deep/b.npy"]
    left, copies = data.card["notes"]
    assert left.startswith("not read, as no recordings (hidden, linked folders, or leftovers")
    assert "): 11, #a.npy#, ._a.npy" in left
    assert copies == "taken, but copies by their names: 1, a (1).npy"
    # An unfinished store, and a finished one, inside the folder of the files.
    shutil.copytree(data.store.root, root / ".x.0123456789abcdef.journal" / "000000-ab")
    data = PoseFolder(root, None, force_reload=True, **settings)
    assert len(data) == 3 and "(stores of this library): 1, out/arrays" in data.card["notes"][0]
    for force in (False, True):  # in the folder `processed`
        data = PoseFolder(root, None, "coco17", "arrays", force_reload=force)
        assert len(data) == 3 and len(data.card["notes"]) == 3


@pytest.mark.parametrize("forms", [("NFC", "NFD"), ("NFD", "NFC")])
def test_names_in_two_forms_of_unicode_are_one(tmp_path, forms):
    on_disk, in_table = (unicodedata.normalize(form, "größe/übung") for form in forms)
    (tmp_path / on_disk).parent.mkdir()
    for name in (on_disk, f"{on_disk}2"):
        write_mediapipe(tmp_path / f"{name}.csv", motion("wave", 1, 0))
    classes = [unicodedata.normalize(form, "Kür") for form in forms]
    table = f"file,label\n{in_table}.csv,{classes[0]}\n{in_table}2.csv,{classes[1]}\n"
    (tmp_path / "labels.csv").write_text(table, encoding="utf-8")
    data = PoseFolder(tmp_path, class_names=[classes[1]])
    assert len(data) == 2 and data.num_classes == 1 and not data.card["dropped"]
    train, test = data.split("name", train=[f"{on_disk}.csv"])
    assert len(train) == len(test) == 1


def test_zeros(tmp_path):
    pos = np.random.default_rng(0).normal(size=(2, 8, 17, 3))
    pos[0, ::2] = 0  # whole frames
    pos[1, 3:5, 7] = 0  # a joint
    pos[:, :, 0] = 0  # the origin
    np.save(tmp_path / "a.npy", np.concatenate([pos, np.zeros((1, 8, 17, 3))]))
    settings = {"format": "arrays", "skeleton": "coco17"}
    data = PoseFolder(tmp_path, None, **settings)
    assert data.store.num_tracks.tolist() == [2] and data.card["missing_joints"] == 0
    assert [note.endswith(" (1: a.npy)") for note in data.card["notes"]] == [True, True]
    data = PoseFolder(tmp_path, None, zeros="missing", **settings)
    assert data.card["missing_joints"] == 4 * 17 + 2 and data.card["notes"] == []
    data = PoseFolder(tmp_path, None, options=PoseOptions(zeros="keep"), **settings)
    assert data.store.num_tracks.tolist() == [3] and data.card["notes"] == []
    with pytest.raises(ConfigError, match="zeros='drop': expected one of missing, keep"):
        PoseFolder(tmp_path, None, zeros="drop", **settings)


def test_errors(tmp_path):
    with pytest.raises(ConfigError, match="format 'kinect': expected one of mediapipe, openpose"):
        PoseFolder(tmp_path, format="kinect")
    with pytest.raises(ConfigError, match=r"min_score=0\.3 means nothing for bvh, which takes fps"):
        PoseFolder(tmp_path, format="bvh", options=PoseOptions(min_score=0.3))
    with pytest.raises(DataError, match="no recording of the format 'coco'"):
        PoseFolder(tmp_path, None, format="coco")
    (tmp_path / "a.json").write_text(json.dumps([]))
    with pytest.raises(DataError, match="no clip is left"):
        PoseFolder(tmp_path, None, format="coco")


def test_labels_that_files_say(tmp_path):
    people = [{"pose": [0.5, 0.25] * 18, "score": [0.9] * 18}]
    for name, label in (("a", "wave"), ("b", "jump"), ("c", None)):
        frames = [{"frame_index": 1, "skeleton": people}]
        (tmp_path / f"{name}.json").write_text(json.dumps({"data": frames, "label": label}))
    (tmp_path / "d.json").write_text("{")
    data = PoseFolder(tmp_path, labels=None, format="kinetics")
    assert data.class_names == ("jump", "wave") and data.labels.tolist() == [1, 0]
    assert "says no label, but others do" in str(data.card)
    (tmp_path / "labels.csv").write_text("file,label\na.json,x\nb.json,x\n")
    data = PoseFolder(tmp_path, format="kinetics")
    assert data.class_names == ("x",) and data.labels.tolist() == [0, 0]
    (tmp_path / "labels.csv").write_text("file,subject\na.json,1\nb.json,2\n")
    data = PoseFolder(tmp_path, format="kinetics")
    assert data.labels.tolist() == [1, 0] and data.subjects.tolist() == [1, 2]
