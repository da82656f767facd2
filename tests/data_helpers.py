"""Small clips for the tests of stores and data sets."""

from __future__ import annotations

import numpy as np

from pyg_skeletonmae.datasets import Clip
from pyg_skeletonmae.skeleton import Skeleton

STICK = Skeleton(
    "stick",
    ("hip", "neck", "head", "hand"),
    (("neck", "hip"), ("head", "neck"), ("hand", "neck")),
    root="hip",
)


def array(persons: int, frames: int, channels: int = 3, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng([seed, persons, frames, channels])
    return rng.normal(size=(persons, frames, STICK.num_joints, channels)).astype(np.float32)


def some_clips(channels: int = 3) -> list[Clip]:
    """Five clips: one to three persons, one to nine frames, three classes, two subjects."""
    sizes = [(1, 5), (2, 3), (1, 1), (3, 9), (1, 4)]
    return [
        Clip(array(*size, channels, seed=i), label=i % 3, subject=1 + i % 2, name=f"clip-{i}")
        for i, size in enumerate(sizes)
    ]
