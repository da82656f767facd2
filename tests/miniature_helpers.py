"""Data sets in their owners' formats, small enough to pre-train on in a second."""

from __future__ import annotations

from itertools import product
from pathlib import Path

import numpy as np
from ntu_helpers import FIRST_ID, person, write_skeleton
from pyskl_helpers import annotation, save_pyskl

FRAMES = 14


def write_ntu(root: Path) -> Path:
    """Two actions of two subjects, one of whom trains, by three cameras, in two setups."""
    root.mkdir(parents=True)
    for number, (setup, camera, subject, action) in enumerate(
        product((1, 2), (1, 2, 3), (1, 3), (1, 2))
    ):
        name = f"S{setup:03d}C{camera:03d}P{subject:03d}R001A{action:03d}"
        tracks = {FIRST_ID: (0, person(FRAMES, number))}
        write_skeleton(root, tracks, FRAMES, name)
    return root


def write_pku(root: Path, part: int = 2) -> Path:
    """Recordings of four actions each; phase II goes by performers, phase I by its split file."""
    names = ["0002-L", "0002-M", "0003-M"]
    if part == 2:
        names = [f"A01N{n:02d}-{c}" for n in (1, 2) for c in "LM"]
    for number, name in enumerate(names):
        body = person(4 * FRAMES, number).reshape(4 * FRAMES, -1)
        table = np.concatenate([body, np.zeros_like(body)], 1)
        actions = (f"{1 + i % 2},{FRAMES * i},{FRAMES * (i + 1)},2" for i in range(4))
        for folder, lines in (
            ("skeleton", (" ".join(f"{v:.6f}" for v in row) for row in table)),
            ("label", actions),
        ):
            (root / folder).mkdir(parents=True, exist_ok=True)
            (root / folder / f"{name}.txt").write_text("\n".join(lines) + "\n")
    if part == 1:
        text = "Training videos: \n0002-L, 0002-M, \nValidataion videos:\n0003-M\n"
        (root / "cross-subject.txt").write_text(text)
    return root


def write_poses(path: Path, splits: tuple[str, str]) -> Path:
    """A pickle of pyskl's: twelve training and four test clips of two classes."""
    clips = [annotation(f"V{i:02d}", i % 2, FRAMES, 1) for i in range(16)]
    ids = [clip["frame_dir"] for clip in clips]
    return save_pyskl(path, clips, {splits[0]: ids[:12], splits[1]: ids[12:]})
