"""The trainer, optimisers and checkpoints."""

from pyg_skeletonmae.training.allocator import keep_memory
from pyg_skeletonmae.training.checkpoint import load_checkpoint, load_model, save_checkpoint
from pyg_skeletonmae.training.optim import OptimConfig
from pyg_skeletonmae.training.runlog import read_metrics
from pyg_skeletonmae.training.trainer import Trainer

__all__ = [
    "OptimConfig",
    "Trainer",
    "keep_memory",
    "load_checkpoint",
    "load_model",
    "read_metrics",
    "save_checkpoint",
]
