"""Encoders, pre-training models and classifiers."""

from pyg_skeletonmae.models.base import Encoder, SkeletonModel
from pyg_skeletonmae.models.build import build_model
from pyg_skeletonmae.models.classifier import Classifier
from pyg_skeletonmae.models.graph_encoder import GraphEncoder
from pyg_skeletonmae.models.graph_mae import GraphSkeletonMAE
from pyg_skeletonmae.models.st_backbone import ViTBackbone
from pyg_skeletonmae.models.st_encoder import STEncoder
from pyg_skeletonmae.models.st_mae import STSkeletonMAE
from pyg_skeletonmae.models.strl import STRL
from pyg_skeletonmae.models.strl_encoder import STRLEncoder

__all__ = [
    "Classifier",
    "Encoder",
    "GraphEncoder",
    "GraphSkeletonMAE",
    "STEncoder",
    "STRL",
    "STRLEncoder",
    "STSkeletonMAE",
    "SkeletonModel",
    "ViTBackbone",
    "build_model",
]
