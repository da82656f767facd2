"""Writes .skeleton files as the owners of NTU RGB+D lay them out."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from pyg_skeletonmae.layouts import NTU25

FIRST_ID = 72057594037931648


def body_lines(body: int, joints: np.ndarray) -> list[str]:
    """The lines of one body: id, number of joints, joints [25, 3]."""
    lines = [f"{body} 0 1 3 1 0 0 -0.1098 0.1209 2", str(len(joints))]
    for number, (x, y, z) in enumerate(joints):
        state = (2, 2, 1, 0)[number % 4]
        lines.append(f"{x:.7g} {y:.7g} {z:.7g} 256.1 212 nan 539.9 -0.8 -0.2 0 1e-05 {state}")
    return lines


def skeleton_text(frames: Sequence[Sequence[tuple[int, np.ndarray]]]) -> str:
    """The text of a file: (id, joints [25, 3]) of each body in each frame."""
    lines = [str(len(frames))]
    for bodies in frames:
        lines.append(str(len(bodies)))
        for body, joints in bodies:
            lines += body_lines(body, joints)
    return "\n".join(lines) + "\n"


def person(frames: int, seed: int = 0, scale: float = 0.05, wide: bool = False) -> np.ndarray:
    """Somebody who stands and fidgets, [T, 25, 3], float32, in 7 digits; ``wide`` = lies down."""
    rng = np.random.default_rng(seed)
    height = np.linspace(-0.8, 0.8, NTU25.num_joints)
    pos = rng.normal(size=(frames, NTU25.num_joints, 3)) * scale
    pos[..., 0 if wide else 1] += height
    pos[..., 2] += 3
    text = [f"{value:.7g}" for value in pos.reshape(-1)]
    return np.array(text, np.float64).astype(np.float32).reshape(pos.shape)


def write_skeleton(
    folder: Path,
    tracks: dict[int, tuple[int, np.ndarray]],
    num_frames: int,
    name: str = "S001C002P003R002A013",
) -> Path:
    """A file with tracks: id -> (first frame, joints [R, 25, 3])."""
    frames: list[list[tuple[int, np.ndarray]]] = [[] for _ in range(num_frames)]
    for body, (start, joints) in tracks.items():
        for number, pose in enumerate(joints):
            frames[start + number].append((body, pose))
    path = folder / f"{name}.skeleton"
    path.write_text(skeleton_text(frames))
    return path
