"""Encoders, pre-training models and classifiers."""

from pyg_skeletonmae.models.base import Encoder, SkeletonEncoder, SkeletonModel
from pyg_skeletonmae.models.build import build_model
from pyg_skeletonmae.models.classifier import Classifier
from pyg_skeletonmae.models.graph_encoder import GraphEncoder
from pyg_skeletonmae.models.graph_mae import GraphSkeletonMAE
from pyg_skeletonmae.models.official_mamp import load_mamp
from pyg_skeletonmae.models.official_skeleton2vec import load_skeleton2vec
from pyg_skeletonmae.models.skeleton2vec import Skeleton2Vec
from pyg_skeletonmae.models.st_backbone import ViTBackbone
from pyg_skeletonmae.models.st_encoder import STEncoder
from pyg_skeletonmae.models.st_gcn import STGCN, STGCNEncoder
from pyg_skeletonmae.models.st_mae import STSkeletonMAE
from pyg_skeletonmae.models.strl import STRL
from pyg_skeletonmae.models.strl_encoder import STRLEncoder
from pyg_skeletonmae.models.sttformer import STTFormerEncoder
from pyg_skeletonmae.models.sttformer_backbone import STTFormerBackbone

__all__ = [
    "Classifier",
    "Encoder",
    "GraphEncoder",
    "GraphSkeletonMAE",
    "STEncoder",
    "STGCN",
    "STGCNEncoder",
    "STRL",
    "STRLEncoder",
    "STSkeletonMAE",
    "STTFormerBackbone",
    "STTFormerEncoder",
    "Skeleton2Vec",
    "SkeletonEncoder",
    "SkeletonModel",
    "ViTBackbone",
    "build_model",
    "load_mamp",
    "load_skeleton2vec",
]
