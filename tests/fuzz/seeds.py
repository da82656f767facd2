"""Small valid files of every format, the same bytes at any time.

Each function gives folders as ``{name of a file: content}``.
"""

from __future__ import annotations

import gzip
import io
import json
import pickle
import struct
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from fuzz.formats import npy, npz
from pyg_skeletonmae.datasets import Clip, write_store
from pyg_skeletonmae.io.uiprmd_files import relative_paths
from pyg_skeletonmae.layouts import COCO17, NTU25, UIPRMD22, get_layout
from pyg_skeletonmae.skeleton import Skeleton

Files = dict[str, bytes]
NTU_FILE = "S001C002P003R002A013.skeleton"
STICK = Skeleton(
    "stick",
    ("hip", "neck", "head", "left_hand", "right_hand"),
    (("neck", "hip"), ("head", "neck"), ("left_hand", "neck"), ("right_hand", "neck")),
    root="hip",
    left_right=(("left_hand", "right_hand"),),
    parts={"arms": ("left_hand", "right_hand")},
    aliases={"hand.L": "left_hand"},
)


def _rng(seed: int) -> np.random.Generator:
    return np.random.default_rng([20240501, seed])


def _pose(*shape: int, seed: int = 0) -> Any:
    return _rng(seed).uniform(-1, 1, shape).round(4).astype(np.float32)


def _text(lines: list[str]) -> bytes:
    return ("\n".join(lines) + "\n").encode()


def ntu() -> list[Files]:
    """Three frames: one body, nobody, two bodies; and one frame."""
    body = "{} 0 1 3 1 0 0 -0.1098 0.1209 2"
    joint = "{:.4f} {:.4f} {:.4f} 256.1 212.5 nan 539.9 -0.8 -0.2 0.5 1e-05 {}"

    def block(number: int) -> list[str]:
        pose = _pose(NTU25.num_joints, 3, seed=number)
        rows = [joint.format(*xyz, 2 if i % 5 else 1) for i, xyz in enumerate(pose)]
        return [body.format(72057594037931648 + number), str(NTU25.num_joints), *rows]

    three = ["3", "1", *block(0), "0", "2", *block(1), *block(0)]
    return [{NTU_FILE: _text(lines)} for lines in (three, ["1", "1", *block(2)])]


def pku() -> list[Files]:
    """Four frames, the second body absent in one."""
    rows = _pose(4, 2 * NTU25.num_joints * 3)
    rows[2, NTU25.num_joints * 3 :] = 0
    lines = [" ".join(f"{value:.6f}" for value in row) for row in rows]
    return [{"a.txt": _text(["".join([lines[0]]), *(f" {line}" for line in lines[1:])])}]


def pku_labels() -> list[Files]:
    """With and without confidences."""
    return [{"a.txt": b"3,10,50,2\n51,50,80,1\n1,90,100,2\n"}, {"a.txt": b"7,0,3\n"}]


def pku_split() -> list[Files]:
    """As the owners write it."""
    train, test = "0002-L, 0002-M, 0002-R, ", "0003-L, 0003-M"
    return [{"s.txt": _text(["Training videos: ", train, "Validataion videos:", test])}]


def pyskl() -> list[Files]:
    """In 3-D, and in 2-D with scores and sizes of images."""
    three = [
        {"frame_dir": f"a{i}", "label": i, "total_frames": 3, "keypoint": _pose(1 + i, 3, 4, 3)}
        for i in range(2)
    ]
    two = {
        "frame_dir": "b", "label": 0, "total_frames": 2, "img_shape": (240, 320),
        "original_shape": (480, 640), "keypoint": _pose(1, 2, 4, 2).astype(np.float16),
        "keypoint_score": np.abs(_pose(1, 2, 4)).astype(np.float16),
    }  # fmt: skip
    first = {"split": {"xsub_train": ["a0"], "xsub_val": ["a1"]}, "annotations": three}
    second = {"split": {"train": ["b"]}, "annotations": [two]}
    return [{"a.pkl": pickle.dumps(c, p)} for c, p in ((first, 4), (second, 2), (first, 5))]


def stgcn() -> list[Files]:
    """Of two people, the second absent, padded; labels as a list and as an array."""
    values = _pose(2, 3, 4, STICK.num_joints, 2)
    values[:, :, 3], values[1, ..., 1], values[0, :, 1, :, 0] = 0, 0, 0
    names, labels = ["a", "b"], [1, 0]
    return [
        {"a.npy": npy(values), "a.pkl": pickle.dumps((names, labels), 2)},
        {"a.npy": npy(values.astype(np.float64)), "a.pkl": pickle.dumps([names, np.array(labels)])},
    ]


def packed() -> list[Files]:
    """Three sequences of two people, as the layout has them and with our additions."""
    joints = (_pose(9, STICK.num_joints, 3) * 4000).astype(np.int16)
    arrays = {
        "joints": joints, "scale": np.float32(0.0002), "offset": np.array([0, 2, 6, 9]),
        "length": np.array([2, 4, 3], np.int32), "label": np.array([0, 1, 1]),
        "subject": np.array([1, 2, 1]), "repetition": np.array([1, 1, 2]),
        "name": np.array(["a", "b", "c"]), "joint_names": np.array(STICK.joints),
        "parents": STICK.parents.numpy(), "class_names": np.array(["sit", "stand"]),
        "fps": np.float32(30), "unit": np.array("m"),
    }  # fmt: skip
    ours = {
        "joints": _pose(9, STICK.num_joints, 2), "tracks": np.array([2, 1, 3]),
        "valid": _pose(9, STICK.num_joints) > -0.5,
    }  # fmt: skip
    return [{"a.npz": npz(arrays)}, {"a.npz": npz(arrays | ours)}]


def xy() -> list[Files]:
    """Three clips to train on and two to test on, padded with zeros."""
    columns = 2 * NTU25.num_joints * 3
    arrays: dict[str, Any] = {}
    for seed, (side, size) in enumerate({"train": 3, "test": 2}.items()):
        x = _pose(size, 6, columns, seed=seed)
        x[0, 4:] = 0
        x[1, :, columns // 2 :] = 0
        arrays |= {f"x_{side}": x, f"y_{side}": np.eye(4)[np.arange(size)]}
    return [{"a.npz": npz(arrays)}]


def openpose() -> list[Files]:
    """Three frames of one or two people, and nobody in one."""
    keypoints = np.abs(_pose(2, get_layout("body25").num_joints, 3)).astype(np.float64).round(4)
    keypoints[1, 3] = 0
    people = [{"person_id": [-1], "pose_keypoints_2d": k.reshape(-1).tolist()} for k in keypoints]
    files = {}
    for number, shown in enumerate((people, [], people[:1])):
        text = json.dumps({"version": 1.3, "people": shown})
        files[f"clip_{number:012}_keypoints.json"] = text.encode()
    return [files]


def coco() -> list[Files]:
    """Results with and without tracks, and annotations."""
    keypoints = np.abs(_pose(3, COCO17.num_joints, 3)).astype(np.float64).round(4)
    flat = [k.reshape(-1).tolist() for k in keypoints]
    results = [{"image_id": i, "category_id": 1, "keypoints": k} for i, k in enumerate(flat)]
    tracks = [
        {"image_id": f"{i // 2}.jpg", "keypoints": k, "idx": i % 2} for i, k in enumerate(flat)
    ]
    keypoints[..., 2] = _rng(1).integers(0, 3, keypoints.shape[:2])
    marked = [
        {"image_id": i, "id": i, "keypoints": k.reshape(-1).tolist(), "track_id": 4}
        for i, k in enumerate(keypoints)
    ]
    both = {"images": [{"id": i, "file_name": "a"} for i in range(4)], "annotations": marked}
    return [{"a.json": json.dumps(content).encode()} for content in (results, tracks, both)]


def mediapipe_csv() -> list[Files]:
    """By name with visibilities, and by number, one frame left out."""
    joints = get_layout("mediapipe33").joints
    names = [f"{joint}_{axis}" for joint in joints for axis in ("x", "y", "z", "visibility")]
    numbers = [f"{axis}{i}" for i in range(len(joints)) for axis in "xyz"]
    rows = [",".join(f"{v:.4f}" for v in row) for row in np.abs(_pose(3, len(names)))]
    frames = [
        f"{frame}," + ",".join(f"{v:.4f}" for v in row)
        for frame, row in zip((0, 2, 3), _pose(3, len(numbers)), strict=True)
    ]
    frames[1] = "2" + "," * len(numbers)
    return [
        {"a.csv": _text([",".join(names), *rows])},
        {"a.csv": _text(["frame," + ",".join(numbers), *frames])},
    ]


def landmark_table() -> list[Files]:
    """A row for each landmark; two people by their ids, ``;`` and decimal commas; no names."""
    joints, pose = STICK.joints, np.abs(_pose(4, STICK.num_joints, 3))
    long = [
        f"{frame},{joint},{x:.4f},{y:.4f},{score:.4f}"
        for frame, people in enumerate(pose[:2])
        for joint, (x, y, score) in zip(joints, people, strict=True)
    ]
    rows = [";".join(f"{v:.4f}" for v in row.reshape(-1)).replace(".", ",") for row in pose]
    names = ";".join(f"{axis}_{joint}" for joint in joints for axis in ("x", "y", "z"))
    people = [f"{i // 2};0,{i // 2};{i % 2};sit;{row}" for i, row in enumerate(rows)]
    plain = [" ".join(f"{v:.4f}" for v in row[:, :2].reshape(-1)) for row in pose]
    return [
        {"a.csv": _text(["frame,joint,x,y,score", *long])},
        {"a.csv": _text([f"frame;time;person;class;{names}", *people])},
        {"a.csv": _text(plain)},
    ]


def mediapipe_npy() -> list[Files]:
    """With and without visibilities, one landmark missing."""
    joints = get_layout("mediapipe33").num_joints
    values = np.abs(_pose(3, joints, 4))
    values[1, 2] = np.nan
    return [{"a.npy": npy(values)}, {"a.npy": npy(values[..., :3].astype(np.float64))}]


def arrays() -> list[Files]:
    """Of one person and of two with scores, a joint missing; an array by itself, float16."""
    pos, score = _pose(2, 3, STICK.num_joints, 3), np.abs(_pose(2, 3, STICK.num_joints))
    pos[0, 1, 2] = np.nan
    both = npz({"pos": pos, "score": score.astype(np.float64)})
    return [{"a.npy": npy(pos[0])}, {"a.npz": both}, {"a.npz": npz({"x": pos.astype("f2")})}]


def labels() -> list[Files]:
    """With subjects and a label in quotes; without."""
    rows = ["file,label,subject", 'a/b.csv,"sit, down",3', "x.csv,wave,1"]
    return [{"a.csv": _text(rows)}, {"a.csv": _text(["file,label", "x.csv,wave"])}]


def deeplabcut() -> list[Files]:
    """One animal with likelihoods; two without; labelled images."""
    parts = [part for part in STICK.joints for _ in range(3)]
    one = [
        "scorer" + ",net" * len(parts),
        "bodyparts," + ",".join(parts),
        "coords" + ",x,y,likelihood" * STICK.num_joints,
        *(
            f"{i}," + ",".join(f"{v:.4f}" for v in np.abs(_pose(len(parts), seed=i)))
            for i in (3, 5)
        ),
    ]
    parts = [part for part in STICK.joints for _ in range(2)]
    two = [
        "scorer" + ",net" * 2 * len(parts),
        "individuals" + ",a" * len(parts) + ",b" * len(parts),
        "bodyparts," + ",".join(parts + parts),
        "coords" + ",x,y" * 2 * STICK.num_joints,
        *(f"{i}," + ",".join(f"{v:.4f}" for v in _pose(2 * len(parts), seed=i)) for i in (0, 1)),
    ]
    labels = [line.partition(",")[0] + ",,," + line.partition(",")[2] for line in two[:4]]
    labels += [
        f"labeled-data,v,img{i}.png," + line.partition(",")[2] for i, line in enumerate(two[4:])
    ]
    return [{"a.csv": _text(lines)} for lines in (one, two, labels)]


def sleap() -> list[Files]:
    """Two tracks of four frames, as SLEAP lays them out; needs h5py."""
    import h5py

    pos, score = np.abs(_pose(2, 2, STICK.num_joints, 4)), np.abs(_pose(2, STICK.num_joints, 4))
    pos[1, :, :, 1] = np.nan
    bones = [(STICK.index(parent), STICK.index(child)) for child, parent in STICK.bones]
    buffer = io.BytesIO()
    with h5py.File(buffer, "w") as file:
        file.create_dataset("tracks", data=pos.astype(np.float64), compression="gzip", shuffle=True)
        file.create_dataset("point_scores", data=score.astype(np.float64))
        file.create_dataset("node_names", data=np.array(STICK.joints, "S"))
        file.create_dataset("edge_inds", data=np.array(bones))
        file["tracks"].attrs["dims"] = np.bytes_('["track", "xy", "node", "frame"]')
    files = [{"a.h5": buffer.getvalue()}]
    with h5py.File(buffer, "r+") as file:
        file["tracks"].attrs["dims"] = '["track", "xy", "node", "frame"]'
        del file["edge_inds"]
        file["edge_inds"] = np.zeros(0)
    return [*files, {"a.h5": buffer.getvalue()}]


def bvh() -> list[Files]:
    """Five joints, two of them ends, three frames; one with positions that replace an OFFSET."""
    lines = [
        "HIERARCHY", "ROOT hips", "{", "\tOFFSET 0.0 1.5 0.0",
        "\tCHANNELS 6 Xposition Yposition Zposition Zrotation Xrotation Yrotation",
        "\tJOINT chest", "\t{", "\t\tOFFSET 0.0 5.25 0.5",
        "\t\tCHANNELS 3 Zrotation Xrotation Yrotation",
        "\t\tEnd Site", "\t\t{", "\t\t\tOFFSET 0.0 2.0 0.0", "\t\t}", "\t}",
        "\tJOINT leg", "\t{", "\t\tOFFSET 1.0 -4.5 0.0", "\t\tCHANNELS 1 Xrotation",
        "\t\tEnd Site", "\t\t{", "\t\t\tOFFSET 0.0 -4.0 0.0", "\t\t}", "\t}", "}",
        "MOTION", "Frames: 3", "Frame Time: 0.033333",
    ]  # fmt: skip
    lines += [" ".join(f"{value:.3f}" for value in 90 * row) for row in _pose(3, 10)]
    moved = [line.replace("CHANNELS 1 X", "CHANNELS 2 Yposition X") for line in lines]
    moved[-3:] = [f"{row} -4.5 {last}" for row, _, last in (x.rpartition(" ") for x in moved[-3:])]
    return [{"a.bvh": _text(lines)}, {"a.bvh": _text(moved)}]


def mmpose() -> list[Files]:
    """The demo's file of two frames with a gap, names and tracks; the inferencer's, in 3-D, and of
    one image."""
    points = np.abs(_pose(3, COCO17.num_joints, 3)).astype(np.float64).round(4)
    people = [
        {"keypoints": p[:, :2].tolist(), "keypoint_scores": p[:, 2].tolist(), "track_id": i}
        for i, p in enumerate(points)
    ]
    info = {"keypoint_id2name": {str(i): joint for i, joint in enumerate(COCO17.joints)}}
    frames = [{"frame_id": 1, "instances": people[:2]}, {"frame_id": 3, "instances": people[2:]}]
    bare = [{"keypoints": p.tolist(), "keypoint_scores": p[:, 2].tolist()} for p in points]
    contents = ({"meta_info": info, "instance_info": frames}, [bare[:2], [], bare[2:]], people[:2])
    return [{"a.json": json.dumps(content).encode()} for content in contents]


def kinetics() -> list[Files]:
    """Three frames, the second without people."""
    points = np.abs(_pose(3, get_layout("openpose18").num_joints, 3)).astype(np.float64).round(3)
    points[0, 3] = 0
    people = [{"pose": p[:, :2].ravel().tolist(), "score": p[:, 2].tolist()} for p in points]
    frames = [{"frame_index": i, "skeleton": s} for i, s in ((1, people[:2]), (3, people[2:]))]
    content = {"data": frames, "label": "waving", "label_index": 7}
    return [{"a.json": json.dumps(content).encode()}]


def yolo() -> list[Files]:
    """With scores, confidences and tracks; labels with flags."""
    points = np.abs(_pose(3, COCO17.num_joints, 3)).astype(np.float64).round(4)
    points[0, 3] = 0
    rows = [" ".join(f"{v:g}" for v in (0, 0.5, 0.5, 0.2, 0.4, *p.ravel())) for p in points]
    tracked = {
        "v_1.txt": _text([f"{rows[0]} 0.9 4", f"{rows[1]} 0.8 2"]),
        "v_3.txt": _text([f"{rows[2]} 0.7 2"]),
    }
    points[..., 2] = np.arange(3 * COCO17.num_joints).reshape(3, -1) % 3
    rows = [" ".join(f"{v:g}" for v in (0, 0.5, 0.5, 0.2, 0.4, *p.ravel())) for p in points]
    return [tracked, {f"{i}.txt": _text([row]) for i, row in enumerate(rows)}]


def yolo_json() -> list[Files]:
    """Two frames and an empty one, with tracks."""
    points = np.abs(_pose(3, COCO17.num_joints, 3)).astype(np.float64).round(4)
    people = [
        {
            "name": "person",
            "class": 0,
            "track_id": i,
            "keypoints": dict(zip(("x", "y", "visible"), p.T.tolist(), strict=True)),
        }
        for i, p in enumerate(points)
    ]
    return [{"a.json": json.dumps([people[:2], [], people[2:]]).encode()}]


def mediapipe_json() -> list[Files]:
    """Image and world landmarks of the tasks; lists of numbers."""
    joints = get_layout("mediapipe33").num_joints
    values = np.abs(_pose(2, joints, 4)).astype(np.float64).round(4).tolist()
    person = [[dict(zip(("x", "y", "z", "visibility"), p, strict=True)) for p in v] for v in values]
    frames = [
        {"frame": 2 * i, "pose_landmarks": [p], "pose_world_landmarks": [p]}
        for i, p in enumerate(person)
    ]
    contents = ({"fps": 25, "frames": frames}, values)
    return [{"a.json": json.dumps(content).encode()} for content in contents]


def trc() -> list[Files]:
    """Three frames of five markers, one missing once."""
    names = "\t\t\t".join(STICK.joints)
    axes = "\t".join(f"{axis}{i + 1}" for i in range(STICK.num_joints) for axis in "XYZ")
    lines = [
        "PathFileType\t4\t(X/Y/Z)\ta.trc",
        "DataRate\tCameraRate\tNumFrames\tNumMarkers\tUnits",
        f"60.00\t60.00\t3\t{STICK.num_joints}\tm", f"Frame#\tTime\t{names}\t\t",
        f"\t\t{axes}", "",
    ]  # fmt: skip
    for i, row in enumerate(_pose(3, 3 * STICK.num_joints)):
        cells = [f"{v:.4f}" for v in row]
        cells[3:6] = cells[3:6] if i else ["", "", ""]
        lines.append("\t".join([f"{i + 1}", f"{i / 60:.4f}", *cells]))
    return [{"a.trc": _text(lines)}]


def c3d() -> list[Files]:
    """Two frames of six markers, one of them no joint: floats, and integers of a MIPS processor."""
    markers = [*STICK.joints, "clavicle"]
    points = np.concatenate([_pose(2, len(markers), 3), np.zeros((2, len(markers), 1))], -1)
    points[1, 2, 3] = -1
    files = []
    for order, scale in (("<", -1.0), (">", 0.25)):
        values = points.astype(f"{order}f4") if scale < 0 else (100 * points).astype(f"{order}i2")
        labels = "".join(f"{name:<12}" for name in markers).encode()
        rows = [
            (1, b"LABELS", struct.pack("bBBB", -1, 2, 12, len(markers)) + labels),
            (1, b"RATE", struct.pack(f"{order}bBf", 4, 0, 50)),
            (1, b"UNITS", struct.pack("bBB", -1, 1, 2) + b"mm"),
        ]
        section = struct.pack("bb", 5, -1) + b"POINT" + struct.pack(f"{order}Hb", 3, 0)
        for group, name, value in rows:
            section += struct.pack("bb", len(name), group) + name
            section += struct.pack(f"{order}H", len(value) + 3) + value + b"\0"
        section = (b"\1P\1" + bytes([86 if order == ">" else 84]) + section).ljust(512, b"\0")
        head = struct.pack(f"{order}5HfHHf", len(markers), 0, 1, 2, 10, scale, 3, 0, 50)
        data = (b"\2P" + head).ljust(512, b"\0") + section + values.tobytes()
        files.append({"a.c3d": data})
    return files


def skeleton_yaml() -> list[Files]:
    """A skeleton with every kind of field."""
    with tempfile.TemporaryDirectory() as folder:
        STICK.to_yaml(Path(folder) / "a.yaml")
        return [{"a.yaml": (Path(folder) / "a.yaml").read_bytes()}]


def store() -> list[Files]:
    """Four clips of one to three persons, labelled; and three with missing joints, unlabelled."""
    sizes = ((1, 4), (2, 3), (3, 1), (1, 2))
    clips = [
        Clip(_pose(*size, STICK.num_joints, 3, seed=i), i % 2, i, f"clip-{i}", extra={"rep": i})
        for i, size in enumerate(sizes)
    ]
    bare = []
    for i in range(3):
        pos, valid = (
            _pose(1, 3, STICK.num_joints, 2, seed=i),
            np.ones((1, 3, STICK.num_joints), bool),
        )
        valid[0, 1, i], pos[0, 1, i] = False, 0
        bare.append(Clip(pos, None, -1, f"{i}", valid))
    folders = []
    for some in (clips, bare):
        with tempfile.TemporaryDirectory() as folder:
            write_store(Path(folder) / "s", some, STICK, None)
            files = {path.name: path.read_bytes() for path in sorted(Path(folder, "s").iterdir())}
        with np.load(io.BytesIO(files["index.npz"])) as index:
            files["index.npz"] = npz(dict(index))  # without the time of day
        folders.append(files)
    return folders


def uiprmd() -> list[Files]:
    """One repetition of three frames, plain and packed."""
    names = relative_paths(1, 1, 1, True)
    tables = [
        _text(
            [
                ",".join(f"{v:.5f}" for v in row)
                for row in 40 * _pose(3, 3 * UIPRMD22.num_joints, seed=i)
            ]
        )
        for i in range(2)
    ]
    plain = dict(zip(names, tables, strict=True))
    return [plain, {f"{name}.gz": gzip.compress(text, mtime=0) for name, text in plain.items()}]
