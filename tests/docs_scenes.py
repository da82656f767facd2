"""What lies in the folder of a reader of each page: files as people have them, small releases."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import torch
from docs_helpers import ROOT, blocks
from inference_helpers import CLASSES, TOLD, poses, release
from miniature_helpers import write_ntu, write_pku, write_poses
from ntu_helpers import person, write_skeleton
from pose_helpers import write_recordings
from pyskl_helpers import save_athletes

from pyg_skeletonmae.datasets import SkeletonDataset, SyntheticActions
from pyg_skeletonmae.datasets.sets.ntu_incomplete import LISTS
from pyg_skeletonmae.evaluation import extract_features
from pyg_skeletonmae.layouts import COCO17, NTU25, UIPRMD22
from pyg_skeletonmae.loader import SkeletonLoader
from pyg_skeletonmae.models import GraphSkeletonMAE, STSkeletonMAE, ViTBackbone
from pyg_skeletonmae.training import save_release
from pyg_skeletonmae.transforms import Resample

Scene = Callable[[Path], dict[str, object]]  # writes into a folder, gives names in Python

# Stand-ins for pose estimators, which need weights from the network: two people in five frames.
ULTRALYTICS = """
from types import SimpleNamespace as Any

import torch


class YOLO:
    def __init__(self, weights):
        pass

    def track(self, source, stream, verbose=True):
        for frame in range(20):
            xy = torch.rand(2, 17, 2) * 400
            keypoints = Any(xy=xy, conf=torch.full((2, 17), 0.9))
            found = torch.tensor([1.0, 2.0]) if frame != 3 else None
            yield Any(boxes=Any(id=found), keypoints=keypoints)
"""
CV2 = """
CAP_PROP_FPS, COLOR_BGR2RGB = 5, 4


class VideoCapture:
    def __init__(self, path):
        self.frames = 5

    def get(self, what):
        return 30.0

    def read(self):
        self.frames -= 1
        return self.frames >= 0, "image"


def cvtColor(image, how):
    return image
"""
MEDIAPIPE = """
from types import SimpleNamespace as Any


class Image:
    def __init__(self, image_format, data):
        pass


class PoseLandmarker:
    @classmethod
    def create_from_options(cls, options):
        return cls()

    def __enter__(self):
        return self

    def __exit__(self, *error):
        pass

    def detect_for_video(self, image, milliseconds):
        point = Any(x=0.1, y=0.2, z=0.3, visibility=0.9)
        return Any(pose_landmarks=[[point] * 33])


vision = Any(
    PoseLandmarker=PoseLandmarker,
    PoseLandmarkerOptions=lambda **options: options,
    RunningMode=Any(VIDEO=1),
)
tasks = Any(vision=vision, BaseOptions=lambda **options: options)
ImageFormat = Any(SRGB=1)
"""


MY_PACKAGE = """
from pyg_skeletonmae.models import GraphEncoder
from pyg_skeletonmae.transforms import RandomMask


class MyMask(RandomMask):
    def __init__(self):
        super().__init__(0.5)


class MyEncoder(GraphEncoder):
    pass
"""


def estimators(folder: Path) -> None:
    for name, text in (("ultralytics", ULTRALYTICS), ("cv2", CV2), ("mediapipe", MEDIAPIPE)):
        (folder / f"{name}.py").write_text(text)


def write_uiprmd(root: Path) -> Path:
    """Four people, two movements, each well and badly, in the packed file of UI-PRMD."""
    rng = np.random.default_rng(0)
    rows = [(who, what, well) for who in (1, 2, 3, 4) for what in (0, 1) for well in (0, 1)]
    clips = [rng.normal(size=(1, 30, 22, 3)).cumsum(1) * 0.02 for _ in rows]
    root.mkdir(parents=True)
    subjects, labels, correct = zip(*rows, strict=True)
    columns = {"correct": correct}
    data = SkeletonDataset.from_arrays(clips, labels, UIPRMD22, subjects=subjects, columns=columns)
    data.to_npz(root / "uiprmd_kinect.npz")
    return root


def of_uiprmd(folder: Path) -> dict[str, object]:
    write_uiprmd(folder / "data/uiprmd")
    return {}


def readme(folder: Path) -> dict[str, object]:
    (folder / "recordings").mkdir()
    joints = SyntheticActions(num_clips=12).skeleton.num_joints
    for i in range(6):
        np.save(folder / f"recordings/{i}.npy", poses(frames=24 + i, joints=joints)[0])
    return {}


def coming_from(folder: Path) -> dict[str, object]:
    """What a poses dataset of movement has, of two animals of which one lacks a joint."""
    pos = np.random.default_rng(0).normal(size=(40, 2, 3, 2))  # time, space, keypoints, individuals
    sure = np.full((40, 3, 2), np.nan)
    pos[3, :, 1, 0], sure[:, :, 1] = np.nan, 0.9
    keypoints = np.array(["snout", "neck", "tail_base"])
    return {"ds": SimpleNamespace(position=pos, confidence=sure, keypoints=keypoints)}


def command_line(folder: Path) -> dict[str, object]:
    of_uiprmd(folder)
    write_ntu(folder / "data/ntu")
    incomplete(folder / "data/ntu")
    write_skeleton(folder, {72: (9, person(29))}, 38, "S001C002P003R001A011")
    save_release(GraphSkeletonMAE(UIPRMD22, hidden_channels=8), folder / "my_release")
    (folder / "my_package.py").write_text(MY_PACKAGE)
    return {}


def incomplete(folder: Path) -> None:
    """The owners' list, which lies there as if it had been fetched: as long, of others' clips."""
    names = [f"S017C003P{p:03d}R002A{a:03d}" for p in range(50, 56) for a in range(1, 61)]
    (folder / LISTS[60]).write_text("\n".join(names[:302]) + "\n")


def using(folder: Path) -> dict[str, object]:
    estimators(folder)
    release(folder / "runs/finetune")
    save_release(
        GraphSkeletonMAE(COCO17, hidden_channels=8), folder / "runs/pretrain", preprocessing=TOLD
    )
    release(folder / "runs/flat", channels=2)
    release(folder / "copied")
    write_poses(folder / "train.pkl", ("train", "val"))
    write_poses(folder / "new.pkl", ("train", "val"))
    tested = [poses(frames=20 + i) for i in range(6)]
    for name in ("clips", "store"):
        SkeletonDataset.from_arrays(
            tested, [0, 1, 2] * 2, COCO17, subjects=[1, 1, 1, 2, 2, 2],
            class_names=CLASSES, root=folder / name,
        )  # fmt: skip
    for name in ("recordings", "incoming"):
        (folder / name).mkdir()
        for i in range(12):
            np.save(folder / name / f"{i}.npy", poses(frames=24 + i)[0])
    for name, frames in (("a", 20), ("b", 30), ("long", 90), ("wave", 40)):
        write_table(folder / f"{name}.csv", poses(frames=frames)[0])
    clips = [poses(frames=20 + i)[0] for i in range(10)]
    return {"clips": clips, "labels": [0, 1] * 5}


def write_table(path: Path, pos: np.ndarray) -> None:
    """A table of the joints of COCO by number."""
    head = ["frame", *(f"{axis}{j}" for j in range(17) for axis in "xyz")]
    rows = [[str(i), *map("{:.5f}".format, frame.reshape(-1))] for i, frame in enumerate(pos)]
    path.write_text("\n".join(map(",".join, [head, *rows])) + "\n")


def data(folder: Path) -> dict[str, object]:
    command_line(folder)
    write_pku(folder / "data/pkummd/v1", 1)
    write_pku(folder / "data/pkummd/v2", 2)
    save_athletes(folder / "data/finegym/gym_hrnet.pkl")
    write_poses(folder / "ntu60_3danno.pkl", ("xsub_train", "xsub_val"))
    write_poses(folder / "mine.pkl", ("train", "val"))
    write_recordings(folder / "poses", 2, 1)
    deeplabcut(folder)
    (skeleton,) = [b.code for b in blocks(ROOT / "docs/deeplabcut.md") if b.language == "yaml"]
    (folder / "mouse.yaml").write_text(skeleton)
    write_openpose(folder / "clip")
    for name in "ab":
        write_openpose(folder / "people" / name)
    (folder / "people/labels.csv").write_text("file,label,subject\na,sit,1\nb,walk,2\n")
    clips = [poses(frames=10 + i) for i in range(4)]
    mine = SkeletonDataset.from_arrays(clips, None, COCO17)
    for part in ("part-00000", "part-00001"):
        SkeletonDataset.from_arrays(clips, None, COCO17, root=folder / "data/parts" / part)
    names = {"clips": clips, "labels": [0, 1, 0, 1], "subjects": [1, 2, 3, 4]}
    return {**names, "ntu": mine, "pkummd": mine}


def write_openpose(folder: Path) -> None:
    """Somebody in four frames, as OpenPose writes 25 joints."""
    folder.mkdir(parents=True)
    for frame in range(4):
        keypoints = [value for joint in range(25) for value in (100 + joint, 200 + frame, 0.9)]
        text = json.dumps({"people": [{"pose_keypoints_2d": keypoints}]})
        (folder / f"clip_{frame:012}_keypoints.json").write_text(text)


def clips_of_two_sides() -> tuple[SkeletonDataset, SkeletonDataset]:
    return SyntheticActions(num_clips=24, num_classes=2).split(by="subject", train=[1, 3, 5, 7, 9])


def evaluation(folder: Path) -> dict[str, object]:
    of_uiprmd(folder)
    torch.manual_seed(0)
    train, test = clips_of_two_sides()
    backbone = ViTBackbone(hidden_channels=8, depth=2, heads=2, decoder_channels=8, decoder_depth=1)
    model = STSkeletonMAE(train.skeleton, frames=8, backbone=backbone)
    release(folder / "runs/pretrain", UIPRMD22)

    def loader(clips: SkeletonDataset) -> SkeletonLoader:
        return SkeletonLoader(clips, 8, Resample(8))

    sides = {"train_loader": loader(train), "test_loader": loader(test)}
    return {
        "model": model, "encoder": model.encoder, "train": loader(train), "test": loader(test),
        "train_clips": train, "num_classes": 2,
        "test_features": extract_features(model.encoder, loader(test)), "loader": loader, **sides,
    }  # fmt: skip


def training(folder: Path) -> dict[str, object]:
    train, _ = clips_of_two_sides()
    model = GraphSkeletonMAE(train.skeleton, hidden_channels=8)
    return {"model": model, "loader": SkeletonLoader(train, 8, Resample(8), shuffle=True)}


def of_a_batch(folder: Path) -> dict[str, object]:
    train, _ = clips_of_two_sides()
    batch = next(iter(SkeletonLoader(train, 8, Resample(8))))
    return {"batch": batch, "skeleton": train.skeleton, "dataset": train}


def of_ntu(folder: Path) -> dict[str, object]:
    clips = [person(20, i)[None] for i in range(3)]
    return {"dataset": SkeletonDataset.from_arrays(clips, None, NTU25), "other": UIPRMD22}


def deeplabcut(folder: Path) -> dict[str, object]:
    page = (ROOT / "docs/deeplabcut.md").read_text(encoding="utf-8")
    parts = re.findall(r"^joints: \[(.*)\]$", page, re.MULTILINE)[0].split(", ")
    (folder / "videos").mkdir()
    for seed, name in enumerate(("day1", "day2")):
        write_video(folder / "videos" / f"{name}.csv", parts, seed)
    return {}


def write_video(path: Path, parts: list[str], seed: int, frames: int = 240) -> None:
    """An animal that sits, then runs, then turns, each for a third of the time, by DeepLabCut."""
    rng = np.random.default_rng(seed)
    time, kind = np.arange(frames), np.arange(frames) * 3 // frames
    pos = rng.normal(size=(len(parts), 2)) * 20 + 300 + rng.normal(size=(frames, len(parts), 2))
    run = np.where(kind == 1, 15 * np.sin(time), 0)
    pos[..., 0] += run[:, None] * np.linspace(0, 1, len(parts))
    pos[..., 1] += np.where(kind == 2, 15 * np.cos(time / 2), 0)[:, None]
    score = np.where(rng.random((frames, len(parts))) < 0.05, 0.1, 0.95)
    values = np.concatenate([pos, score[..., None]], -1).reshape(frames, -1)
    heads = [
        ["scorer", *["net"] * 3 * len(parts)],
        ["bodyparts", *[part for part in parts for _ in range(3)]],
        ["coords", *["x", "y", "likelihood"] * len(parts)],
    ]
    rows = [[str(i), *(f"{value:.3f}" for value in row)] for i, row in enumerate(values)]
    path.write_text("\n".join(",".join(row) for row in [*heads, *rows]) + "\n")


def own_poses(folder: Path) -> dict[str, object]:
    estimators(folder)
    write_recordings(folder / "poses", 4, 3)
    return {}
