"""Models from their configuration, as release folders hold it."""

from __future__ import annotations

from typing import Any

from torch import nn

from pyg_skeletonmae.configurable import decode
from pyg_skeletonmae.errors import CheckpointError
from pyg_skeletonmae.models.classifier import Classifier
from pyg_skeletonmae.models.encoders.graph import GraphEncoder
from pyg_skeletonmae.models.encoders.st import STEncoder
from pyg_skeletonmae.models.encoders.st_gcn import STGCN, STGCNEncoder
from pyg_skeletonmae.models.encoders.strl import STRLEncoder
from pyg_skeletonmae.models.encoders.sttformer import STTFormerEncoder
from pyg_skeletonmae.models.pretraining.graph_mae import GraphSkeletonMAE
from pyg_skeletonmae.models.pretraining.skeleton2vec import Skeleton2Vec
from pyg_skeletonmae.models.pretraining.st_backbone import ViTBackbone
from pyg_skeletonmae.models.pretraining.st_mae import STSkeletonMAE
from pyg_skeletonmae.models.pretraining.sttformer_backbone import STTFormerBackbone
from pyg_skeletonmae.models.strl import STRL
from pyg_skeletonmae.transforms.masking import PartMask, RandomMask
from pyg_skeletonmae.transforms.motion_masking import MotionMask, MotionTubeMask
from pyg_skeletonmae.transforms.token_masking import JointFrameMask, RandomTokenMask, TubeMask

_CLASSES: tuple[type, ...] = (
    Classifier,
    GraphEncoder,
    GraphSkeletonMAE,
    JointFrameMask,
    MotionMask,
    MotionTubeMask,
    PartMask,
    RandomMask,
    RandomTokenMask,
    STEncoder,
    STGCN,
    STGCNEncoder,
    STRL,
    STRLEncoder,
    STSkeletonMAE,
    STTFormerBackbone,
    STTFormerEncoder,
    Skeleton2Vec,
    TubeMask,
    ViTBackbone,
)


def build_model(config: dict[str, Any]) -> nn.Module:
    """Builds a model, with fresh weights, from the ``config`` of another one.

    Nothing is imported by name: only this library's models and masking policies are built.

    Raises:
        CheckpointError: The configuration names an unknown class or argument, or is no model's.
    """
    model = decode(config, {cls.__name__: cls for cls in _CLASSES})
    if not isinstance(model, nn.Module):
        raise CheckpointError(f"expected the configuration of a model, found {config!r:.80}")
    return model
