"""Public checkpoints of MAMP and of the masked auto-encoder in its code."""

from __future__ import annotations

from argparse import Namespace
from functools import partial
from pathlib import Path
from typing import Any

from torch import Tensor
from torch.nn.functional import interpolate

from pyg_skeletonmae.errors import CheckpointError
from pyg_skeletonmae.models.checkpoints.file import (
    build_public,
    count_blocks,
    entry,
    heads_of,
    named,
    read_public,
    shape_of,
    skeleton_for,
    tensors,
)
from pyg_skeletonmae.models.checkpoints.names import MAMP, mamp_source
from pyg_skeletonmae.models.classifier import Classifier
from pyg_skeletonmae.models.heads import Head
from pyg_skeletonmae.models.pretraining.st_backbone import ViTBackbone
from pyg_skeletonmae.models.pretraining.st_mae import STSkeletonMAE
from pyg_skeletonmae.skeleton import Skeleton
from pyg_skeletonmae.transforms.masking import MaskPolicy
from pyg_skeletonmae.transforms.motion_masking import MotionMask
from pyg_skeletonmae.transforms.token_masking import RandomTokenMask
from pyg_skeletonmae.transforms.tracks import Fill

# The layers of our heads and theirs, by the key of the last one.
_HEADS: dict[str, tuple[Head, tuple[tuple[str, str], ...]]] = {
    "head.fc.weight": ("mean-linear", (("head.1.", "head.fc."),)),
    "head.fc.1.weight": ("bn-linear", (("head.0.", "head.fc.0."), ("head.2.", "head.fc.1."))),
    "head.fc2.weight": (
        "joints-mlp",
        (("head.0.", "head.fc1."), ("head.1.", "head.bn."), ("head.3.", "head.fc2.")),
    ),
}


# Its arrays of NTU RGB+D 60 and PKU-MMD have zeros for an absent person, those of NTU RGB+D 120 the
# first person again.
_ABSENT: dict[int, Fill] = {60: "zeros", 51: "zeros", 120: "loop"}


def load_mamp(
    path: str | Path,
    *,
    absent: Fill | None = None,
    skeleton: Skeleton | None = None,
    heads: int | None = None,
    frames: int | None = None,
) -> STSkeletonMAE | Classifier:
    """The model in a public checkpoint of MAMP.

    A pre-training file becomes an :class:`STSkeletonMAE`, of the target,
    the mask and the rounding it was trained with; a linear probe or a fine-tuned model becomes a
    :class:`Classifier`.

    Args:
        path: The file, say ``checkpoint-399.pth``.
        absent: What a classifier was trained to see for an absent person, see :class:`Classifier`;
            None: what MAMP's arrays hold of the data set with as many classes, ``zeros`` for 60
            and 51, ``loop`` for 120.
        skeleton: Its joints, in their order; None: NTU's, if they are 25.
        heads: The attention heads, where the file does not tell them.
        frames: Clips of another length, see :func:`resample_time`; None: as long as those it was
            trained on.

    Raises:
        CheckpointError: The file is missing, damaged, or holds anything but tensors, plain values
            and the command line of its training (an ``argparse.Namespace``); a key is missing, left
            over or of a wrong shape (it is named); an argument is needed and not given, or does not
            fit the file.
    """
    content = read_public(path, (Namespace,))
    state = tensors(path, entry(path, content, "model", dict))
    trained = any(key.startswith("head.") for key in state)
    args: dict[str, Any] = {}
    if not trained or heads is None or "args" in content:
        args = vars(entry(path, content, "args", Namespace))
    told = None
    if not trained or heads is None or "model_args" in args:
        told = entry(path, entry(path, args, "model_args", dict), "num_heads", int)
    with named(path):
        heads = heads_of(told, heads)
        if frames is not None:
            resample_time(state, frames)
        if trained:
            return _classifier(state, heads, skeleton, absent)
        if absent is not None:
            raise CheckpointError(f"absent {absent!r}: the file holds no classifier; leave it out")
        return _pretraining(path, state, heads, args, skeleton)


def resample_time(state: dict[str, Tensor], frames: int) -> None:
    """Gives a public state dict embeddings of time for clips of another length, in place.

    Each channel is resampled along time by bicubic interpolation, as MAMP's fine-tuning does it:
    of ``s`` steps made ``t``, step ``i`` is at ``x = (i + 1/2) s / t - 1/2`` and the sum of the
    four steps around it (those beyond an end are the last), weighted by the cubic convolution
    kernel with ``a = -3/4``.

    Raises:
        CheckpointError: The frames are no whole number of patches.
    """
    patch = shape_of(state, "joints_embed.proj.weight", 4)[2]
    if frames < 1 or frames % patch:
        raise CheckpointError(f"frames {frames}: expected a multiple of {patch}, at least one")
    for key in ("temp_embed", "decoder_temp_embed"):
        if key in state and shape_of(state, key, 4)[1] != frames // patch:
            time = state[key].permute(0, 3, 1, 2)
            size = (frames // patch, time.size(3))
            time = interpolate(time, size, mode="bicubic", align_corners=False)
            state[key] = time.permute(0, 2, 3, 1)


def _pretraining(
    path: str | Path,
    state: dict[str, Tensor],
    heads: int,
    args: dict[str, Any],
    skeleton: Skeleton | None,
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
        **_sizes(state, skeleton),
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


def _classifier(
    state: dict[str, Tensor], heads: int, skeleton: Skeleton | None, absent: Fill | None
) -> Classifier:
    last = next((key for key in _HEADS if key in state), "head.fc.weight")
    classes, hidden = shape_of(state, last, 2)
    if (fill := absent or _ABSENT.get(classes)) is None:
        raise CheckpointError(
            f"a classifier of {classes} classes does not say what it was trained to see for an "
            "absent person: give absent (--absent zeros, loop or none)"
        )
    head, layers = _HEADS[last]
    sizes, backbone = _sizes(state, skeleton), ViTBackbone(**_blocks(state, heads))

    def build() -> Classifier:
        encoder = backbone.encoder(**sizes)
        norm_eps = 1e-6 if head == "bn-linear" else 1e-5
        return Classifier(encoder, classes, head, hidden, norm_eps=norm_eps, absent=fill)

    return build_public(build, state, partial(mamp_source, prefixes=(*layers, *MAMP)))


def _sizes(state: dict[str, Tensor], skeleton: Skeleton | None) -> dict[str, Any]:
    """The data of our models, as far as the shapes of the tensors tell."""
    _, channels, patch, _ = shape_of(state, "joints_embed.proj.weight", 4)
    frames = shape_of(state, "temp_embed", 4)[1] * patch
    skeleton = skeleton_for(state, "pos_embed", 2, skeleton)
    return {"skeleton": skeleton, "in_channels": channels, "frames": frames}


def _blocks(state: dict[str, Tensor], heads: int) -> dict[str, Any]:
    width, _, patch, _ = shape_of(state, "joints_embed.proj.weight", 4)
    return {
        "frames_per_patch": patch,
        "hidden_channels": width,
        "depth": count_blocks(state, "blocks."),
        "heads": heads,
        "mlp_ratio": shape_of(state, "blocks.0.mlp.fc1.weight", 2)[0] / width,
    }
