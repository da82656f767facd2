"""Layers and losses: convolutions over the joints and over time, losses of masked modelling."""

from pyg_skeletonmae.nn.losses import cosine_error, masked_mse, rce_loss, sce_loss
from pyg_skeletonmae.nn.pool import pool_tracks
from pyg_skeletonmae.nn.skeleton_conv import SkeletonGCNConv, SkeletonGINConv
from pyg_skeletonmae.nn.skeleton_gat_conv import SkeletonGATConv
from pyg_skeletonmae.nn.temporal_conv import MultiScaleTemporalConv

__all__ = [
    "MultiScaleTemporalConv",
    "SkeletonGINConv",
    "SkeletonGCNConv",
    "SkeletonGATConv",
    "cosine_error",
    "masked_mse",
    "pool_tracks",
    "rce_loss",
    "sce_loss",
]
