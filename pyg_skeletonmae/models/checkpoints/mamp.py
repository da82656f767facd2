"""Public checkpoints of MAMP and of the masked auto-encoder in its code."""

from __future__ import annotations

from argparse import Namespace
from functools import partial
from pathlib import Path
from typing import Any

from torch import Tensor

from pyg_skeletonmae.models.checkpoints.file import (
    build_public,
    count_blocks,
    entry,
    named,
    read_public,
    shape_of,
    tensors,
)
from pyg_skeletonmae.models.checkpoints.names import MAMP, mamp_source
from pyg_skeletonmae.models.classifier import Classifier
from pyg_skeletonmae.models.heads import Head
from pyg_skeletonmae.models.pretraining.st_backbone import ViTBackbone
from pyg_skeletonmae.models.pretraining.st_mae import STSkeletonMAE
from pyg_skeletonmae.skeleton.layouts import NTU25_CTRGCN
from pyg_skeletonmae.transforms.masking import MaskPolicy
from pyg_skeletonmae.transforms.motion_masking import MotionMask
from pyg_skeletonmae.transforms.token_masking import RandomTokenMask

# The layers of our heads and theirs, by the key of the last one.
_HEADS: dict[str, tuple[Head, tuple[tuple[str, str], ...]]] = {
    "head.fc.weight": ("mean-linear", (("head.1.", "head.fc."),)),
    "head.fc.1.weight": ("bn-linear", (("head.0.", "head.fc.0."), ("head.2.", "head.fc.1."))),
    "head.fc2.weight": (
        "joints-mlp",
        (("head.0.", "head.fc1."), ("head.1.", "head.bn."), ("head.3.", "head.fc2.")),
    ),
}


def load_mamp(path: str | Path) -> STSkeletonMAE | Classifier:
    """The model in a public checkpoint of MAMP.

    Its skeleton is NTU's. A pre-training file becomes an :class:`STSkeletonMAE`, of the target,
    the mask and the rounding it was trained with; a linear probe or a fine-tuned model becomes a
    :class:`Classifier`.

    Args:
        path: The file, say ``checkpoint-399.pth``.

    Raises:
        CheckpointError: The file is missing, damaged, or holds anything but tensors, plain values
            and the command line of its training (an ``argparse.Namespace``); a key is missing, left
            over or of a wrong shape (it is named).
    """
    content = read_public(path, (Namespace,))
    args = vars(entry(path, content, "args", Namespace))
    state = tensors(path, entry(path, content, "model", dict))
    heads = entry(path, entry(path, args, "model_args", dict), "num_heads", int)
    with named(path):
        if any(key.startswith("head.") for key in state):
            return _classifier(state, heads)
        return _pretraining(path, state, heads, args)


def _pretraining(
    path: str | Path, state: dict[str, Tensor], heads: int, args: dict[str, Any]
) -> STSkeletonMAE:
    ratio, moving = (
        entry(path, args, "mask_ratio", float),
        "mamp" in entry(path, args, "model", str),
    )
    mask: MaskPolicy = RandomTokenMask(ratio, "published")
    if moving:
        mask = MotionMask(ratio, entry(path, args, "motion_aware_tau", float), "published")
    normalised = entry(path, args["model_args"], "norm_skes_loss", bool)
    settings: dict[str, Any] = {
        **_sizes(state),
        "backbone": ViTBackbone(
            **_blocks(state, heads),
            decoder_channels=shape_of(state, "decoder_embed.weight", 2)[0],
            decoder_depth=count_blocks(state, "decoder_blocks."),
        ),
        "mask": mask,
        "target": "motion" if moving else "coordinates",
        "motion_stride": entry(path, args, "motion_stride", int) if moving else 1,
        "target_norm": "patch" if normalised else "none",
    }
    return build_public(lambda: STSkeletonMAE(**settings), state, mamp_source)


def _classifier(state: dict[str, Tensor], heads: int) -> Classifier:
    last = next((key for key in _HEADS if key in state), "head.fc.weight")
    classes, hidden = shape_of(state, last, 2)
    head, layers = _HEADS[last]
    sizes, backbone = _sizes(state), ViTBackbone(**_blocks(state, heads))

    def build() -> Classifier:
        encoder = backbone.encoder(**sizes)
        norm_eps = 1e-6 if head == "bn-linear" else 1e-5
        return Classifier(encoder, classes, head, hidden, norm_eps=norm_eps)

    return build_public(build, state, partial(mamp_source, prefixes=(*layers, *MAMP)))


def _sizes(state: dict[str, Tensor]) -> dict[str, Any]:
    """The data of our models, as far as the shapes of the tensors tell."""
    _, channels, patch, _ = shape_of(state, "joints_embed.proj.weight", 4)
    frames = shape_of(state, "temp_embed", 4)[1] * patch
    return {"skeleton": NTU25_CTRGCN, "in_channels": channels, "frames": frames}


def _blocks(state: dict[str, Tensor], heads: int) -> dict[str, Any]:
    width, _, patch, _ = shape_of(state, "joints_embed.proj.weight", 4)
    return {
        "frames_per_patch": patch,
        "hidden_channels": width,
        "depth": count_blocks(state, "blocks."),
        "heads": heads,
        "mlp_ratio": shape_of(state, "blocks.0.mlp.fc1.weight", 2)[0] / width,
    }
