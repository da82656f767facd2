"""Small releases and clips for them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from pyg_skeletonmae.layouts import COCO17
from pyg_skeletonmae.models import Classifier, GraphEncoder, Preprocessing
from pyg_skeletonmae.skeleton import Skeleton
from pyg_skeletonmae.training import ModelCard, save_release

CLASSES = ("wave", "squat", "kick")
TOLD = Preprocessing(frames=16, channels=3, rate=30.0)


def classifier(skeleton: Skeleton = COCO17, channels: int = 3) -> Classifier:
    torch.manual_seed(0)
    encoder = GraphEncoder(skeleton, channels, hidden_channels=8, depth=1)
    return Classifier(encoder, len(CLASSES)).eval()


def release(folder: Path, skeleton: Skeleton = COCO17, channels: int = 3) -> Path:
    told = Preprocessing(frames=16, channels=channels, rate=30.0)
    model = classifier(skeleton, channels)
    return save_release(model, folder, preprocessing=told, card=ModelCard(CLASSES))


def poses(persons: int = 1, frames: int = 40, joints: int = 17, channels: int = 3) -> np.ndarray:
    """Random walks ``[M, T, V, C]``."""
    rng = np.random.default_rng(persons * 1000 + frames)
    steps = rng.normal(size=(persons, frames, joints, channels)) * 0.05
    return (rng.normal(size=(persons, 1, joints, channels)) + steps.cumsum(1)).astype(np.float32)
