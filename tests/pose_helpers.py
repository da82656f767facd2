"""Writes folders of poses as people have them."""

from pathlib import Path

import numpy as np

from pyg_skeletonmae.layouts import MEDIAPIPE33

CLASSES = ("squat", "wave")


def motion(label: str, subject: int, seed: int, frames: int = 40) -> np.ndarray:
    """Somebody who waves or squats, ``[T, 33, 3]``, in MediaPipe's image coordinates."""
    rng = np.random.default_rng(seed)
    names = MEDIAPIPE33.joints
    high = {"eye": 0.1, "ear": 0.1, "nose": 0.1, "mouth": 0.13, "shoulder": 0.25, "elbow": 0.4}
    high |= {"wrist": 0.5, "hip": 0.55, "knee": 0.75, "ankle": 0.93}
    y = [next((h for part, h in high.items() if part in name), 0.52) for name in names]
    y = [0.95 if name.endswith(("heel", "foot")) else h for name, h in zip(names, y, strict=True)]
    side = [0.06 if "left" in name else -0.06 if "right" in name else 0 for name in names]
    rest = np.stack([0.5 + np.array(side), np.array(y), np.zeros(len(names))], 1)
    pos = np.repeat(rest[None], frames, 0) * (1 + 0.02 * subject)
    phase = np.sin(np.linspace(0, 2 * np.pi * rng.uniform(1, 2), frames) + rng.uniform(0, 6))
    if label == "wave":
        moved = [i for i, n in enumerate(names) if n.startswith("right_") and y[i] in (0.5, 0.52)]
        pos[:, moved, 0] += 0.1 * phase[:, None]
        pos[:, moved, 1] -= 0.35
    else:
        moved = [i for i, height in enumerate(y) if height < 0.7]
        pos[:, moved, 1] += 0.1 * (1 + phase[:, None])
    return pos + rng.normal(scale=0.004, size=pos.shape)


def write_mediapipe(path: Path, pos: np.ndarray, missing: int | None = None) -> Path:
    """A CSV as scripts around MediaPipe write it; in frame 1 a landmark may be hidden."""
    names = [alias for alias in MEDIAPIPE33.aliases if alias.isupper()]
    columns = [f"{name}_{axis}" for name in names for axis in ("x", "y", "z", "visibility")]
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = [",".join(["frame", *columns])]
    for frame, joints in enumerate(pos):
        sure = np.full(len(joints), 0.9)
        if missing is not None and frame == 1:
            sure[missing] = 0.1
        cells = np.concatenate([joints, sure[:, None]], 1).reshape(-1)
        lines.append(",".join([str(frame), *(f"{value:.6f}" for value in cells)]))
    path.write_text("\n".join(lines) + "\n")
    return path


def write_recordings(root: Path, subjects: int = 4, each: int = 3) -> Path:
    """A folder of MediaPipe CSV files and its table of labels."""
    rows = ["file,label,subject"]
    for subject in range(1, subjects + 1):
        for label in CLASSES:
            for number in range(each):
                seed = 100 * subject + 10 * number + CLASSES.index(label)
                name = f"person_{subject}/{label}_{number}.csv"
                write_mediapipe(root / name, motion(label, subject, seed, 30 + number))
                rows.append(f"{name},{label},{subject}")
    (root / "labels.csv").write_text("\n".join(rows) + "\n")
    return root
