"""Writes pickles as pyskl publishes them."""

import pickle
from pathlib import Path

import numpy as np


def pixels(frames: int, persons: int = 1, seed: int = 0, joints: int = 17) -> dict:
    """Keypoints in an image of 640 x 360, with scores; the last person is absent from frame 0."""
    rng = np.random.default_rng(seed)
    pos = rng.uniform(1, (640, 360), (persons, frames, joints, 2))
    score = rng.uniform(0.2, 1, (persons, frames, joints))
    if persons > 1:
        pos[-1, 0], score[-1, 0] = 0, 0
    score[0, 1, 2] = 0.005
    return {
        "keypoint": pos.astype(np.float16),
        "keypoint_score": score.astype(np.float16),
        "img_shape": (360, 640),
        "original_shape": (360, 640),
    }


def annotation(name: str, label: int = 0, frames: int = 8, persons: int = 1, **changes) -> dict:
    """An annotation in 2-D; a change to ``...`` takes a key away."""
    content = {"frame_dir": name, "label": label, "total_frames": frames}
    content |= pixels(frames, persons, len(name)) | changes
    return {key: value for key, value in content.items() if value is not ...}


def save_pyskl(path: Path, annotations: list, splits: dict) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(pickle.dumps({"split": splits, "annotations": annotations}, protocol=4))
    return path


def save_athletes(path: Path, second: str = "val", num_classes: int = 99) -> Path:
    """Six clips, two of each of three classes, the last of them: half train, half do not."""
    clips = [annotation(f"V{i}", num_classes - 1 - i % 3, 8 + i, 1 + i % 2) for i in range(6)]
    splits = {"train": ["V0", "V1", "V2"], second: ["V3", "V4", "V5"]}
    return save_pyskl(path, clips, splits)
