"""The trainer, optimisers and checkpoints."""

from typing import TYPE_CHECKING

from pyg_skeletonmae.__lazy__ import attach

if TYPE_CHECKING:
    from pyg_skeletonmae.training.allocator import keep_memory
    from pyg_skeletonmae.training.checkpoint import load_checkpoint, load_model, save_checkpoint
    from pyg_skeletonmae.training.hub import (
        find_release,
        from_hub,
        from_pretrained,
        push_to_hub,
    )
    from pyg_skeletonmae.training.model_card import ModelCard, TrainingData
    from pyg_skeletonmae.training.optim import OptimConfig
    from pyg_skeletonmae.training.release import (
        load_release,
        release_classes,
        release_config,
        release_data,
        release_preprocessing,
        save_release,
    )
    from pyg_skeletonmae.training.runlog import read_metrics
    from pyg_skeletonmae.training.trainer import Trainer

__all__ = [
    "ModelCard",
    "OptimConfig",
    "Trainer",
    "TrainingData",
    "find_release",
    "from_hub",
    "from_pretrained",
    "keep_memory",
    "load_checkpoint",
    "load_model",
    "load_release",
    "push_to_hub",
    "read_metrics",
    "release_classes",
    "release_config",
    "release_data",
    "release_preprocessing",
    "save_checkpoint",
    "save_release",
]

attach(__name__)
