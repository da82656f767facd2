"""Encoders, pre-training models and classifiers."""

from typing import TYPE_CHECKING

from pyg_skeletonmae.__lazy__ import attach

if TYPE_CHECKING:
    from pyg_skeletonmae.models.base import Encoder, SkeletonEncoder, SkeletonModel, TokenEncoder
    from pyg_skeletonmae.models.checkpoints.mamp import load_mamp
    from pyg_skeletonmae.models.checkpoints.skeleton2vec import load_skeleton2vec
    from pyg_skeletonmae.models.classifier import Classifier
    from pyg_skeletonmae.models.encoders.graph import GraphEncoder
    from pyg_skeletonmae.models.encoders.graph_temporal import GraphTemporalEncoder
    from pyg_skeletonmae.models.encoders.st import STEncoder
    from pyg_skeletonmae.models.encoders.st_gcn import STGCN, STGCNEncoder
    from pyg_skeletonmae.models.encoders.strl import STRLEncoder
    from pyg_skeletonmae.models.encoders.sttformer import STTFormerEncoder
    from pyg_skeletonmae.models.flat import FlatClassifier
    from pyg_skeletonmae.models.from_config import build_model
    from pyg_skeletonmae.models.preprocessing import Preprocessing
    from pyg_skeletonmae.models.pretraining.attention_decoder import AttentionDecoder
    from pyg_skeletonmae.models.pretraining.graph_decoder import GraphDecoder
    from pyg_skeletonmae.models.pretraining.graph_mae import GraphSkeletonMAE
    from pyg_skeletonmae.models.pretraining.masked import MaskedDecoder, MaskedView
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
        MaskedTarget,
        MotionTarget,
        WeightedTargets,
    )
    from pyg_skeletonmae.models.strl import STRL

__all__ = [
    "AttentionDecoder",
    "BoneTarget",
    "Classifier",
    "CoordinateTarget",
    "EmbeddingTarget",
    "Encoder",
    "FlatClassifier",
    "GraphDecoder",
    "GraphEncoder",
    "GraphSkeletonMAE",
    "GraphTemporalEncoder",
    "LatentTarget",
    "MaskedDecoder",
    "MaskedPretrainer",
    "MaskedTarget",
    "MaskedView",
    "MixingDecoder",
    "MotionTarget",
    "Preprocessing",
    "STDecoder",
    "STEncoder",
    "STGCN",
    "STGCNEncoder",
    "STRL",
    "STRLEncoder",
    "STSkeletonMAE",
    "STTFormerBackbone",
    "STTFormerDecoder",
    "STTFormerEncoder",
    "Skeleton2Vec",
    "SkeletonEncoder",
    "SkeletonModel",
    "TokenEncoder",
    "ViTBackbone",
    "WeightedTargets",
    "build_model",
    "load_mamp",
    "load_skeleton2vec",
]

attach(__name__)
