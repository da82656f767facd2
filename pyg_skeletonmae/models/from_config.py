"""Models from their configuration, as release folders hold it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from torch import nn

from pyg_skeletonmae.configurable import Configurable, decode
from pyg_skeletonmae.errors import CheckpointError, ConfigError
from pyg_skeletonmae.models.classifier import Classifier
from pyg_skeletonmae.models.encoders.graph import GraphEncoder
from pyg_skeletonmae.models.encoders.graph_temporal import GraphTemporalEncoder
from pyg_skeletonmae.models.encoders.st import STEncoder
from pyg_skeletonmae.models.encoders.st_gcn import STGCN, STGCNEncoder
from pyg_skeletonmae.models.encoders.strl import STRLEncoder
from pyg_skeletonmae.models.encoders.sttformer import STTFormerEncoder
from pyg_skeletonmae.models.pretraining.attention_decoder import AttentionDecoder
from pyg_skeletonmae.models.pretraining.graph_decoder import GraphDecoder
from pyg_skeletonmae.models.pretraining.graph_mae import GraphSkeletonMAE
from pyg_skeletonmae.models.pretraining.masked_pretrainer import MaskedPretrainer
from pyg_skeletonmae.models.pretraining.mixing_decoder import MixingDecoder
from pyg_skeletonmae.models.pretraining.skeleton2vec import Skeleton2Vec
from pyg_skeletonmae.models.pretraining.st_backbone import ViTBackbone
from pyg_skeletonmae.models.pretraining.st_decoder import STDecoder
from pyg_skeletonmae.models.pretraining.st_mae import STSkeletonMAE
from pyg_skeletonmae.models.pretraining.sttformer_backbone import STTFormerBackbone
from pyg_skeletonmae.models.pretraining.sttformer_decoder import STTFormerDecoder
from pyg_skeletonmae.models.pretraining.targets import (
    BoneTarget,
    CoordinateTarget,
    EmbeddingTarget,
    LatentTarget,
    MotionTarget,
    WeightedTargets,
)
from pyg_skeletonmae.models.strl import STRL
from pyg_skeletonmae.transforms.masking import PartMask, RandomMask
from pyg_skeletonmae.transforms.motion_masking import MotionMask, MotionTubeMask
from pyg_skeletonmae.transforms.token_masking import JointFrameMask, RandomTokenMask, TubeMask

PRETRAINING: tuple[type, ...] = (
    GraphSkeletonMAE, STSkeletonMAE, Skeleton2Vec, MaskedPretrainer,
)  # fmt: skip
CLASSIFIERS: tuple[type, ...] = (STRL, Classifier, STGCN)
ENCODERS: tuple[type, ...] = (
    GraphEncoder, GraphTemporalEncoder, STEncoder, STGCNEncoder, STRLEncoder, STTFormerEncoder,
)  # fmt: skip
BACKBONES: tuple[type, ...] = (ViTBackbone, STTFormerBackbone)
MASKS: tuple[type, ...] = (
    PartMask, RandomMask, RandomTokenMask, JointFrameMask, TubeMask, MotionMask, MotionTubeMask,
)  # fmt: skip
TARGETS: tuple[type, ...] = (
    CoordinateTarget, MotionTarget, BoneTarget, EmbeddingTarget, LatentTarget, WeightedTargets,
)  # fmt: skip
DECODERS: tuple[type, ...] = (
    MixingDecoder, AttentionDecoder, GraphDecoder, STDecoder, STTFormerDecoder,
)  # fmt: skip
CLASSES = (*PRETRAINING, *CLASSIFIERS, *ENCODERS, *BACKBONES, *MASKS, *TARGETS, *DECODERS)
"""All that settings, releases and run folders may name."""


def check_classes(classes: Iterable[object]) -> tuple[type, ...]:
    """A user's own classes, as :func:`build_model` takes them.

    Raises:
        ConfigError: One is no class of models or of their parts, or has the name of another.
    """
    by_name = {cls.__name__: cls for cls in CLASSES}
    for cls in classes:
        name = getattr(cls, "__name__", repr(cls))
        if not (isinstance(cls, type) and issubclass(cls, (nn.Module, Configurable))):
            raise ConfigError(
                f"{name}: expected a class of models, encoders, backbones or masks (a subclass of "
                f"torch.nn.Module or Configurable), found {cls!r:.60}"
            )
        if by_name.setdefault(name, cls) is not cls:
            raise ConfigError(f"{name}: there is another class of this name; rename yours")
    return tuple(by_name.values())[len(CLASSES) :]


def build_model(config: dict[str, Any], classes: Iterable[type] = ()) -> nn.Module:
    """Builds a model, with fresh weights, from the ``config`` of another one.

    Nothing is imported by name: only this library's models and their parts are built, and the
    classes that are given.

    Args:
        config: Class and arguments, as a model's attribute ``config`` holds them.
        classes: Your own classes that the configuration may name.

    Raises:
        CheckpointError: The configuration names an unknown class or argument, or is no model's.
        ConfigError: As :func:`check_classes`.
    """
    model = decode(config, {cls.__name__: cls for cls in (*CLASSES, *check_classes(classes))})
    if not isinstance(model, nn.Module):
        raise CheckpointError(f"expected the configuration of a model, found {config!r:.80}")
    return model
