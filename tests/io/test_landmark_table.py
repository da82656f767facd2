from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from table_helpers import DOG, Layout, by_name, by_number

from pyg_skeletonmae.errors import ConfigError, SkeletonFormatError
from pyg_skeletonmae.io.landmark_columns import TableOptions
from pyg_skeletonmae.io.landmark_table import read_landmark_table, read_table_labels
from pyg_skeletonmae.io.poses import PoseOptions
from pyg_skeletonmae.layouts import COCO17, HAND21, MEDIAPIPE33
from pyg_skeletonmae.skeleton import Skeleton

XYZV = ("x", "y", "z", "visibility")
GAP = (3, 4, 7, 8)
FRAME = {"frame": lambda row: str(GAP[row])}
OWNER = {joint: alias for alias, joint in MEDIAPIPE33.aliases.items()}
STARS = {"lead": {"": str, "file": lambda row: "a b.mp4", "class": lambda row: "squat"}}


def upper_side(match: re.Match[str]) -> str:
    return match[1][0].upper() + match[2].upper()


LAYOUTS = {
    "x0": Layout(),
    "x1": Layout(by_number("{a}{j}", 1)),
    "x_0 with v": Layout(by_number("{a}_{j}"), "xyzv"),
    "0_x": Layout(by_number("{j}_{a}"), "xy"),
    "L0_x": Layout(by_number("L{j}_{a}"), XYZV),
    "landmark_00_x": Layout(by_number("landmark_{j:02}_{a}"), XYZV),
    "pose_0_x": Layout(by_number("pose_{j}_{a}"), (*"xyz", "presence")),
    "landmarks[0].x": Layout(by_number("pose.landmarks[{j}].{a}"), "xyz"),
    "kp0x": Layout(by_number("kp{j}{a}"), "xy"),
    "NOSE_x": Layout(by_name(MEDIAPIPE33, "{j}_{a}", OWNER.__getitem__), XYZV),
    "NOSE_X": Layout(lambda j, a: f"{OWNER[MEDIAPIPE33.joints[j]]}_{a}".upper(), XYZV),
    "nose.x": Layout(by_name(MEDIAPIPE33, "{j}.{a}")),
    "x_nose": Layout(by_name(MEDIAPIPE33, "{a}_{j}"), XYZV),
    "left shoulder x": Layout(by_name(MEDIAPIPE33, "{j} {a}", lambda j: j.replace("_", " "))),
    "leftShoulderX": Layout(
        lambda j, a: OWNER[MEDIAPIPE33.joints[j]].title().replace("_", "") + a.upper(), "xy"
    ),
    "shoulder-left-x": Layout(
        by_name(MEDIAPIPE33, "{j}-{a}", lambda j: "-".join(reversed(j.split("_", 1))))
    ),
    "LShoulder_x": Layout(
        by_name(COCO17, "{j}_{a}", lambda j: re.sub("(left|right)_(.)", upper_side, j)),
        "xy",
        "coco17",
    ),
    "yolo": Layout(by_name(COCO17, "{j}_{a}"), ("x", "y", "confidence"), "coco17"),
    "yolo kpt": Layout(by_number("kpt_{j}_{a}"), ("x", "y", "conf"), "coco17"),
    "movenet": Layout(
        by_name(COCO17, "{j}_{a}"), ("y", "x", "score"), "coco17", frames=GAP, lead=FRAME
    ),
    "hand": Layout(by_number("hand_{j}_{a}"), "xyz", "hand21"),
    "hand by name": Layout(by_name(HAND21, "{j}_{a}", str.upper), "xyz", "hand21"),
    "own": Layout(by_name(DOG, "{j}_{a}"), ("x", "y", "likelihood"), DOG),
    "own in camel case": Layout(by_name(DOG, "{j}{a}"), "xy", DOG),
    "own, any order": Layout(by_name(DOG, "{a} of the {j}"), "zxy", DOG, shuffle=True),
    "any order": Layout(channels=XYZV, name=by_number("{a}{j}"), shuffle=True),
    "index, file, class": Layout(**STARS),
    "class behind": Layout(trail={"label": lambda row: "wave", "clock": lambda row: "12:01:07"}),
    "frames left out": Layout(frames=GAP, lead=FRAME),
    "frame_id": Layout(frames=GAP, lead={"Frame ID": FRAME["frame"]}),
    "time in ms": Layout(frames=GAP, lead={"timestamp_ms": lambda row: f"{GAP[row] * 33.4:.0f}"}),
    "missing": Layout(missing=[(0, 3), (2, 32)]),
    "semicolons, commas": Layout(separator=";", mark=","),
    "tabs": Layout(separator="\t", name=by_name(MEDIAPIPE33, "{j} {a}")),
    "bars": Layout(separator="|", end="\r\n"),
    "blanks": Layout(separator="  "),
    "quoted, decimal commas": Layout(mark=",", quote=True),
    "BOM, CRLF": Layout(encoding="utf-8-sig", end="\r\n"),
    "UTF-16": Layout(encoding="utf-16", separator="\t"),
    "Excel": Layout(
        encoding="utf-8-sig", end="\r\n", separator=";", mark=",", quote=True, channels=XYZV
    ),
    "a comma too many": Layout(end=",\n"),
    "no names, xyzv": Layout(channels=XYZV, header=False),
    "no names, xyz": Layout(header=False, missing=[(0, 0)]),
    "no names, xy": Layout(channels="xy", header=False, separator="\t"),
    "no names, frame": Layout(header=False, frames=GAP, lead=FRAME),
    "no names, class": Layout(header=False, lead={"class": lambda row: "squat"}),
    "no names, xys": Layout(
        channels=("x", "y", "score"),
        layout="coco17",
        header=False,
        options={"columns": ["x", "y", "score"]},
    ),
    "no names, told": Layout(
        channels=("x", "y", "score"),
        layout=DOG,
        header=False,
        frames=GAP,
        lead=FRAME,
        options={"columns": "frame,x,y,score"},
    ),
    "numbers as names": Layout(name=lambda j, a: str(3 * j + "xyz".index(a)), lead={"": str}),
    "rows of people": Layout(persons=2, lead={"frame": lambda row: str(row // 2)}),
    "rows of ids": Layout(persons=3, person="id", lead={"frame_no": lambda row: str(row // 3)}),
    "long": Layout(long="landmark", channels=XYZV, frames=GAP),
    "long, missing": Layout(long="keypoint_id", missing=[(1, 4)]),
    "long by name": Layout(
        long="Landmark Name", landmark=lambda j: OWNER[MEDIAPIPE33.joints[j]], channels="xy"
    ),
    "long from 1": Layout(long="joint", landmark=lambda j: str(j + 1)),
    "long by id": Layout(long="id"),
    "long, people": Layout(long="bodypart", landmark=DOG.joints.__getitem__, layout=DOG, persons=2),
    "long, two ids": Layout(long="lm_index", persons=2, person="track_id", separator=";", mark=","),
    "told": Layout(
        lambda j, a: f"{chr(97 + j)}-{'hv'['xy'.index(a)]}",
        "xy",
        DOG,
        options={
            "columns": {
                f"{chr(97 + j)}-{h}": f"{DOG.joints[j]}_{a}"
                for j in range(5)
                for h, a in ("hx", "vy")
            }
        },
    ),
    "world": Layout(
        trail={f"world_{a}{j}": str for a in "xyz" for j in range(33)},
        options={"ignore": ["world_*"]},
    ),
    "boxes": Layout(lead={"bbox_x": str, "bbox_y": str, "id": str}),
}


@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=LAYOUTS)
def test_layouts(tmp_path: Path, layout: Layout) -> None:
    pos, score = layout.write(tmp_path / "a.csv")
    options = PoseOptions(with_scores=score is not None)
    tracks = read_landmark_table(
        tmp_path / "a.csv", layout.layout, options, TableOptions(**layout.options)
    )
    assert tracks.notes and tracks.pos.dtype == np.float32
    np.testing.assert_array_equal(tracks.valid, ~np.isnan(pos).any(-1))
    np.testing.assert_array_equal(tracks.pos[..., : pos.shape[-1]], np.nan_to_num(pos).astype("f4"))
    if score is not None:
        np.testing.assert_array_equal(tracks.pos[..., -1], np.nan_to_num(score).astype("f4"))


def test_there_are_many() -> None:
    assert len(LAYOUTS) > 50


XY = ",".join(f"{joint}_{axis}" for joint in DOG.joints for axis in "xy")
ROW = ",".join(f"0.{i}" for i in range(1, 11))
LONG = "frame,landmark,x,y\n" + "".join(f"{f},{j},.1,.2\n" for f in range(2) for j in range(5))
FRAMED = f"frame,{XY}\n3,{ROW}\n4,{ROW}\n"

WRONG = {
    "two columns for x": (
        XY.replace("neck_x", "nose.x") + f"\n{ROW}\n",
        "column for x of 'neck' (or columns=",
    ),
    "a column twice": (f"{XY},NOSE_X\n{ROW},1\n", "ignore="),
    "two sets": (f"{XY},{','.join(f'world_{n}' for n in XY.split(','))}\n{ROW},{ROW}\n", "ignore="),
    "pixels beside": (
        f"{XY},{XY.replace('_x', '_x_px').replace('_y', '_y_px')}\n{ROW},{ROW}\n",
        "ignore=",
    ),
    "a joint too few": (
        XY.replace("neck_y", "y") + f"\n{ROW}\n",
        "column for y of 'neck' (or columns=",
    ),
    "numbers from 2": (
        ",".join(f"x{i},y{i}" for i in range(2, 7)) + f"\n{ROW}\n",
        "another skeleton, or first_index=",
    ),
    "one too many": (
        ",".join(f"x{i},y{i}" for i in range(6)) + f"\n{ROW},1,2\n",
        "another skeleton, or first_index=",
    ),
    "no landmarks": ("a,b\n1,2\n", "(columns=)"),
    "two scores": (
        ",".join(f"{j}_{a}" for j in DOG.joints for a in ("x", "y", "score", "likelihood"))
        + f"\n{ROW},{ROW}\n",
        "one score of each landmark (ignore=",
    ),
    "two frame columns": (
        f"frame_no,frame_id,{XY}\n1,1,{ROW}\n",
        "one column that is the frame (ignore=",
    ),
    "frames again": (f"frame,{XY}\n3,{ROW}\n3,{ROW}\n", "columns={...: 'person'}"),
    "half frames": (f"frame,{XY}\n0.5,{ROW}\n", "whole numbers from 0 (or ignore=)"),
    "files as frames": (f"frame,{XY}\na.jpg,{ROW}\n", "line 2, column 'frame': expected numbers"),
    "a far frame": (f"frame,{XY}\n0,{ROW}\n900000000,{ROW}\n", "cut long recordings into clips"),
    "a word": (FRAMED.replace("4,0.1", "4,left"), "line 3, column 'nose_x': expected numbers"),
    "infinity": (FRAMED.replace("4,0.1", "4,inf"), "line 3, column 'nose_x'"),
    "too large": (FRAMED.replace("4,0.1", "4,1e999"), "finite numbers"),
    "ragged": (FRAMED + "5,1\n", "line 4: expected 11 cells, found 2"),
    "commas in commas": (f"{XY}\n{ROW.replace('.', ',')}\n", "decimal commas, cells end with ;"),
    "two marks": (
        f"{XY}\n{ROW}\n{ROW}\n".replace(",", ";").replace("0.9", "0,9"),
        "one decimal mark",
    ),
    "thousands": (
        XY.replace(",", ";") + "\n" + ";".join(["1,024", "100"] * 5),
        "that may be thousands",
    ),
    "an empty line": (f"{XY}\n{ROW}\n\n{ROW}\n", "line 3: expected cells, found an empty line"),
    "nobody's person": (f"frame,person,{XY}\n0,,{ROW}\n", "a person in every row, or ignore="),
    "a person twice": (f"frame,person,{XY}\n0,1,{ROW}\n0,1,{ROW}\n", "columns={...: 'person'}"),
    "three columns each": ("\n".join([f"{ROW},1,2,3,4,5"] * 2), "columns= to say which of"),
    "seven columns": ("1,2,3,4,5,6,7\n", "2, 3 or 4 columns for each of"),
    "no such landmark": (LONG.replace("0,4,", "0,9,"), "first_index="),
    "landmarks of what": (LONG.replace(",0,", ",zero,"), "joints of dog"),
    "never a first": ("frame,landmark,x,y\n0,1,.1,.2\n0,2,.1,.2\n", "first_index="),
    "long, twice": (LONG + "1,4,.1,.2\n", "each landmark once in a frame (columns="),
    "long, which": (LONG.replace("landmark", "what"), "columns="),
    "only names": (f"{XY}\n", "a row of numbers"),
    "empty": ("", "a row of names or numbers"),
    "other bytes": (b"nose_x,nose_y\n\xff", "UTF-8"),
    "an open quote": (f'{XY}\n"{ROW}\n', "double quotes"),
}


@pytest.mark.parametrize(("text", "message"), WRONG.values(), ids=WRONG)
def test_what_is_refused(tmp_path: Path, text: str | bytes, message: str) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(SkeletonFormatError) as caught:
        read_landmark_table(path, DOG)
    said = str(caught.value)
    assert message in said and "\n" not in said and len(said.replace(str(path), "")) < 500


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"columns": {"nase": "nose_x"}}, "the column 'nase' of columns="),
        (
            {"columns": {"nose_x": "elbow"}},
            "<joint>_x, frame, time, person or landmark in columns=",
        ),
        ({"columns": ["x", "y"]}, "2 columns as columns= names, found 11"),
        ({"label_column": "class"}, "the column 'class' of label_column="),
        ({"first_index": 1, "ignore": "nose_*"}, "column for x of 'nose'"),
    ],
)
def test_what_was_told_and_is_not_there(tmp_path: Path, options: dict, message: str) -> None:
    (tmp_path / "a.csv").write_text(FRAMED)
    with pytest.raises(SkeletonFormatError) as caught:
        read_landmark_table(tmp_path / "a.csv", DOG, table=TableOptions(**options))
    assert message in str(caught.value)


def test_pixels_are_compared_with_the_numbers(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(FRAMED)
    options = PoseOptions(image_size=(640, 480))
    with pytest.raises(SkeletonFormatError, match="pixels where image_size= is given"):
        read_landmark_table(tmp_path / "a.csv", DOG, options)
    (tmp_path / "a.csv").write_text(FRAMED.replace("0.", "32"))
    assert read_landmark_table(tmp_path / "a.csv", DOG, options).pos[0, 0, 0, 0] == np.float32(
        1 / 320
    )


def test_what_was_understood_is_said(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(
        f"index,class,time_s,{XY}\n"
        + "".join(f"{i},sit,{t},{ROW}\n" for i, t in enumerate((0, 0.04, 0.16)))
    )
    tracks = read_landmark_table(tmp_path / "a.csv", DOG)
    assert tracks.notes == (
        "x, y from nose_x ... tailBase_y; frames from time_s; ignored: index, class",
    )
    assert tracks.fps == 25 and tracks.valid.all((0, 2)).tolist() == [
        True,
        True,
        False,
        False,
        True,
    ]
    assert read_landmark_table(tmp_path / "a.csv", DOG, PoseOptions(fps=3)).fps == 3


def test_several_persons_beside_each_other(tmp_path: Path) -> None:
    names = ",".join(f"person{p}_{name}" for p in (1, 0) for name in XY.split(","))
    (tmp_path / "a.csv").write_text(f"{names}\n{ROW},{ROW.replace('0.', '2.')}\n")
    tracks = read_landmark_table(tmp_path / "a.csv", DOG)
    assert tracks.pos.shape == (2, 1, 5, 2) and tracks.pos[:, 0, 0, 0].tolist() == [
        np.float32(2.1),
        np.float32(0.1),
    ]
    assert "2 persons beside each other" in tracks.notes[0]


def test_frames_that_begin_again(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(
        "\n".join(line[2:] for line in LONG.replace("frame", "fr").splitlines()).replace(
            ",landmark", "landmark", 1
        )
    )
    tracks = read_landmark_table(tmp_path / "a.csv", DOG)
    assert tracks.pos.shape == (1, 2, 5, 2) and tracks.valid.all()
    assert "no column of frames: one begins where the first comes again" in tracks.notes[0]


def test_landmarks_that_the_skeleton_lacks(tmp_path: Path) -> None:
    rows = [f"0,{name},.1,.2" for name in ("nose", "neck", "left front paw", "ear")]
    (tmp_path / "a.csv").write_text("frame,part,x,y\n" + "\n".join(rows) + "\n")
    tracks = read_landmark_table(tmp_path / "a.csv", DOG)
    assert tracks.valid[0, 0].tolist() == [True] * 3 + [False] * 2
    assert (
        "landmarks left out: ear" in tracks.notes[0]
        and "never there: right_front_paw, tailBase" in tracks.notes[0]
    )
    with pytest.raises(SkeletonFormatError, match="joints of dog, found ear"):
        read_landmark_table(tmp_path / "a.csv", DOG, table=TableOptions(strict=True))


def test_labels(tmp_path: Path) -> None:
    path, table = tmp_path / "a.csv", TableOptions(label_column="Class")
    path.write_text(f"frame,class,{XY}\n0,sit,{ROW}\n2,stand,{ROW}\n")
    assert read_landmark_table(path, DOG, table=table).labels == ("sit", "sit", "stand")
    assert read_table_labels(path, table) == {"sit", "stand"}
    path.write_text(f"frame,id,class,{XY}\n0,1,sit,{ROW}\n0,2,stand,{ROW}\n")
    with pytest.raises(SkeletonFormatError, match="one label in a frame"):
        read_landmark_table(path, DOG, table=table)
    path.write_text(f"frame,class,{XY}\n0,,{ROW}\n")
    for read in (
        lambda: read_landmark_table(path, DOG, table=table),
        lambda: read_table_labels(path, table),
    ):
        with pytest.raises(SkeletonFormatError, match="line 2, column 'class': expected a label"):
            read()
    with pytest.raises(SkeletonFormatError, match="label_column="):
        read_table_labels(path, TableOptions(label_column="kind"))


def test_options() -> None:
    assert TableOptions("x, y", "a*").columns == ("x", "y") and TableOptions(
        ignore="a,b"
    ).ignore == ("a", "b")
    for wrong in ({"columns": {"a": 1}}, {"columns": [1]}, {"first_index": 2}, {"ignore": [None]}):
        with pytest.raises(ConfigError, match="expected"):
            TableOptions(**wrong)


def test_one_joint_has_no_single_meaning(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("1,2,3\n")
    with pytest.raises(SkeletonFormatError, match="columns="):
        read_landmark_table(tmp_path / "a.csv", Skeleton.from_parents("dot", ["dot"], [-1]))
