"""Layers and losses: convolutions over joints and time, transformers, masked modelling."""

from typing import TYPE_CHECKING

from pyg_skeletonmae.__lazy__ import attach

if TYPE_CHECKING:
    from pyg_skeletonmae.nn.attention import SelfAttention
    from pyg_skeletonmae.nn.drop_path import DropPath
    from pyg_skeletonmae.nn.ema import EMA
    from pyg_skeletonmae.nn.latent_target import latent_target
    from pyg_skeletonmae.nn.losses import cosine_error, masked_mse, rce_loss, sce_loss
    from pyg_skeletonmae.nn.pool import pool_batch, pool_tracks
    from pyg_skeletonmae.nn.skeleton_conv import SkeletonGCNConv, SkeletonGINConv
    from pyg_skeletonmae.nn.skeleton_gat_conv import SkeletonGATConv
    from pyg_skeletonmae.nn.sttformer import TupleAttention, TupleBlock
    from pyg_skeletonmae.nn.temporal_conv import MultiScaleTemporalConv, TemporalConv
    from pyg_skeletonmae.nn.token_embed import JointTimeEmbedding, PatchEmbed
    from pyg_skeletonmae.nn.transformer import LayerScale, Transformer, TransformerBlock

__all__ = [
    "DropPath",
    "EMA",
    "JointTimeEmbedding",
    "LayerScale",
    "PatchEmbed",
    "SelfAttention",
    "TemporalConv",
    "Transformer",
    "TransformerBlock",
    "TupleAttention",
    "TupleBlock",
    "MultiScaleTemporalConv",
    "SkeletonGINConv",
    "SkeletonGCNConv",
    "SkeletonGATConv",
    "cosine_error",
    "latent_target",
    "masked_mse",
    "pool_batch",
    "pool_tracks",
    "rce_loss",
    "sce_loss",
]

attach(__name__)
