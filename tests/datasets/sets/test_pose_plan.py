from pathlib import Path

import numpy as np
import pytest
from pose_helpers import motion, write_mediapipe

from pyg_skeletonmae.datasets.sets.pose_folder import PoseFolder
from pyg_skeletonmae.datasets.sets.pose_plan import PosePlan, plan_poses
from pyg_skeletonmae.errors import ConfigError, DataError
from pyg_skeletonmae.io.landmark_columns import TableOptions
from pyg_skeletonmae.io.poses import AS_IS

ROW = ",".join(f"{v:.3f}" for v in np.linspace(0.1, 0.9, 99))
NAMES = ",".join(f"{a}{j}" for j in range(33) for a in "xyz")


def plan(root: Path, labels: str | None = "labels.csv", **table: object) -> PosePlan:
    return plan_poses(root, labels, None, "mediapipe", AS_IS, None, TableOptions(**table))


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for name in "abc":
        write_mediapipe(tmp_path / f"{name}.csv", motion("wave", 1, ord(name), 6))
    return tmp_path


def write_labelled(path: Path, labels: list[str]) -> None:
    rows = [f"{label},{ROW}" for label in labels]
    path.write_text("\n".join([f"class,{NAMES}", *rows]) + "\n")


def test_further_columns_of_the_table_of_labels(root: Path) -> None:
    (root / "labels.csv").write_text(
        "file,label,subject,age,camera,fps\na.csv,x,anna,20,left,1\nb.csv,y,ben,,right,2\n"
    )
    data = PoseFolder(root)
    assert set(data.store.extra) == {"age"} and data.store.extra["age"][0] == 20
    assert data.store.extra["age"].isnan().tolist() == [False, True]
    assert data.subjects.tolist() == [1, 2]
    assert data.card["notes"][:3] == [
        "columns of the table of labels: age",
        "not kept of the table of labels, no numbers: camera, fps",
        "subjects: 1 = anna, 2 = ben",
    ]


def test_a_column_to_divide_by(root: Path) -> None:
    (root / "labels.csv").write_text("file;label;session\na.csv;x;1\nb.csv;y;2\nc.csv;x;2\n")
    train, test = PoseFolder(root).split("session", train=[2])
    assert len(train) == 2 and len(test) == 1


def test_a_table_without_labels(root: Path) -> None:
    (root / "labels.csv").write_text("file,subject\na.csv,P03\nb.csv,P11\n")
    data = PoseFolder(root)
    assert data.store.label is None and data.subjects.tolist() == [3, 11]
    assert data.card["dropped"] == {"not in the table of labels": ["c.csv"]}


def test_labels_in_a_column(tmp_path: Path) -> None:
    write_labelled(tmp_path / "a.csv", ["sit", "sit", "stand", "stand", "stand", "sit"])
    write_labelled(tmp_path / "b.csv", ["lie"] * 3)
    data = PoseFolder(tmp_path, label_column="class", workers=0)
    assert data.class_names == ("lie", "sit", "stand")
    assert list(data.store.names) == ["a.csv#0", "a.csv#1", "a.csv#2", "b.csv"]
    assert data.labels.tolist() == [1, 2, 1, 0] and data[1].pos.shape == (33, 3, 3)
    assert any("cut where the label changes (1: a.csv)" in note for note in data.card["notes"])
    assert PoseFolder(tmp_path, None).store.root.name == "mediapipe-2"
    with pytest.raises(DataError, match="label 'lie': expected one of sit, stand"):
        PoseFolder(tmp_path, label_column="class", class_names=["sit", "stand"])


def test_a_file_without_the_column_is_left_out(tmp_path: Path) -> None:
    write_labelled(tmp_path / "a.csv", ["sit"])
    write_mediapipe(tmp_path / "b.csv", motion("wave", 1, 0))
    np.save(tmp_path / "c.npy", np.ones((2, 33, 3)))
    data = PoseFolder(tmp_path, label_column="class")
    assert len(data) == 1 and "has no column of labels" in data.card["dropped"]
    assert sum(map(len, data.card["dropped"].values())) == 2


def test_two_tables_of_labels(tmp_path: Path) -> None:
    write_labelled(tmp_path / "a.csv", ["sit"])
    (tmp_path / "labels.csv").write_text("file,subject\na.csv,7\n")
    data = PoseFolder(tmp_path, label_column="class")
    assert data.subjects.tolist() == [7] and data.class_names == ("sit",)
    (tmp_path / "labels.csv").write_text("file,label\na.csv,x\n")
    with pytest.raises(ConfigError, match="label_column=, labels=: both"):
        plan(tmp_path, label_column="class")


def test_what_cannot_be(root: Path) -> None:
    with pytest.raises(DataError, match="nowhere: no such folder"):
        plan(root / "nowhere")
    with pytest.raises(ConfigError, match="of tables only, not of the format 'openpose'"):
        PoseFolder(root, None, format="openpose", strict=True)
    with pytest.raises(ConfigError, match=r"'mediapip'.*; did you mean 'mediapipe'"):
        PoseFolder(root, None, format="mediapip")


def test_the_name_of_a_store_is_short(root: Path) -> None:
    first = PoseFolder(root, None)
    second = PoseFolder(root, None, skeleton="coco17")
    assert [data.store.root.name for data in (first, second)] == ["mediapipe", "mediapipe-2"]
    assert PoseFolder(root, None, skeleton="coco17").store.root == second.store.root
    assert second[0].pos.shape == (17, 6, 3)
    assert "from NOSE_x ... RIGHT_ANKLE_visibility" in second.card["notes"][0]
    (first.store.root / "card.json").write_text("{")
    assert PoseFolder(root, None, force_reload=True).store.root == first.store.root


def test_any_skeleton_in_a_table(root: Path) -> None:
    data = PoseFolder(root, None, "coco17", "table")
    assert data.store.root.name == "table" and data.skeleton.name == "coco17"
