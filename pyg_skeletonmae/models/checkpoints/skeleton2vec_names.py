"""How the weights of Skeleton2vec's public checkpoints are named and laid out."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from pyg_skeletonmae.errors import CheckpointError
from pyg_skeletonmae.models.checkpoints.names import Source, conv_to_linear, drop_ones, only

Places = Sequence[tuple[str, str, Sequence[tuple[str, str]]]]

# Ours, theirs.
ENCODER = (
    ("patch.proj.", "encoder_embedding.projection.1."),
    ("position.joint", "encoder_embedding.spatio_pos_emb"),
    ("position.time", "encoder_embedding.temporal_pos_emb"),
    ("transformer.blocks.", "encoder.layers."),
    ("norm.", "encoder_norm."),
)
DECODER = (
    ("embed.", "decoder_embedding."),
    ("mask_token", "mask_token_emb"),
    ("position.joint", "decoder_spatio_pos_emb"),
    ("position.time", "decoder_temporal_pos_emb"),
    ("transformer.blocks.", "decoder.layers."),
    ("norm.", "decoder_norm."),
    ("head.", "decoder_feat_head."),
)
PRETRAINING = (
    ("student.", "auto_encoder.", ENCODER),
    ("teacher.module.", "ema.model.", ENCODER),
    ("decoder.", "auto_encoder.", DECODER),
)
LINEAR = (
    ("encoder.", "encoder.", ENCODER),
    ("head.", "cls_head.", (("0.", "2."), ("2.", "4."))),
)
FINETUNED = (
    ("encoder.", "encoder.", ENCODER),
    ("head.", "cls_head.", (("0.", "5."), ("1.", "6."), ("3.", "8."))),
)


def skeleton2vec_source(name: str, places: Places = PRETRAINING) -> Source:
    """Where a parameter of ours is in a checkpoint of Skeleton2vec.

    Args:
        name: Our name, say ``"student.norm.weight"``.
        places: Prefixes of ours and theirs, and the names below them.

    Raises:
        CheckpointError: There is no such parameter.
    """
    for ours, theirs, names in places:
        for start, key in names:
            if name.startswith(ours + start):
                return _source(theirs + key + name.removeprefix(ours + start))
    raise CheckpointError(f"Skeleton2vec has nothing for the parameter {name!r}")


def _source(key: str) -> Source:
    for branch in ("1", "2"):
        key = key.replace(f".scale{branch}.gamma", f".gamma_{branch}")
    if ".qkv." in key:
        parts = ("queries", "keys", "values")
        return Source(tuple(key.replace("qkv", part) for part in parts), rows)
    if key.endswith("projection.1.weight"):
        return Source((key,), conv_to_linear)
    if key.endswith("_pos_emb"):
        return Source((key,), channels_last)
    return Source((key,), drop_ones if key.endswith("mask_token_emb") else only)


def channels_last(tensors: Sequence[Tensor]) -> Tensor:
    """An embedding ``[1, D, n, 1]`` or ``[1, D, 1, n]`` as ``[n, D]``."""
    return tensors[0].squeeze(0).flatten(1).t()


def rows(tensors: Sequence[Tensor]) -> Tensor:
    """The rows of all tensors, one after the other."""
    return torch.cat(list(tensors))
