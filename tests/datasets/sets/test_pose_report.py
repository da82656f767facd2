from pathlib import Path

from pose_helpers import motion, write_mediapipe

from pyg_skeletonmae.datasets.sets.pose_report import describe_poses
from pyg_skeletonmae.io.poses import PoseOptions


def test_what_is_understood(tmp_path: Path) -> None:
    write_mediapipe(tmp_path / "a.csv", motion("wave", 1, 0, 10), missing=3)
    write_mediapipe(tmp_path / "b.csv", motion("wave", 2, 0, 8))
    (tmp_path / "c.csv").write_text("x0,y0\n1,2\n")
    (tmp_path / "labels.csv").write_text("file,label,subject\na.csv,x,P1\nb.csv,y,P2\nc.csv,y,P2\n")
    lines = describe_poses(tmp_path, "labels.csv", options=PoseOptions(min_score=0.5, fps=30))
    assert lines[0] == "recordings  3 of the format mediapipe"
    assert lines[1].startswith("joints      33 (mediapipe33): nose, left_eye_inner")
    assert lines[2:4] == ["classes     2: x, y", "subjects    2"]
    assert lines[4] == "  a.csv: 1 person(s), 10 frames, 3 channels, 30 a second, 0.3% missing"
    assert lines[5] == "  b.csv: 1 person(s), 8 frames, 3 channels, 30 a second, 0.0% missing"
    assert lines[6] == (
        "understood  x, y, z, visibility from NOSE_x ... RIGHT_FOOT_INDEX_visibility; "
        "frames from frame (2: a.csv, b.csv)"
    )
    assert lines[7] == "note        subjects: 1 = P1, 2 = P2"
    assert "left out    line 1: expected" in lines[8] and "(1: c.csv)" in lines[8]
    assert not (tmp_path / "processed").exists()


def test_many_recordings(tmp_path: Path) -> None:
    for number in range(23):
        write_mediapipe(tmp_path / f"{number}.csv", motion("wave", 1, number, 3))
    lines = describe_poses(tmp_path)
    assert "  ... and 3 more" in lines and "(23: 0.csv, 1.csv, 10.csv, ...)" in lines[-1]
