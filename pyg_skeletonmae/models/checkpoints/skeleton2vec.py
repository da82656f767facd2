"""Public checkpoints of Skeleton2vec (branch ``dev``, the one of the paper)."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

from torch import Tensor

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
from pyg_skeletonmae.models.checkpoints.skeleton2vec_names import (
    DECODER,
    FINETUNED,
    LINEAR,
    skeleton2vec_source,
)
from pyg_skeletonmae.models.classifier import Classifier
from pyg_skeletonmae.models.pretraining.skeleton2vec import Skeleton2Vec
from pyg_skeletonmae.models.pretraining.st_backbone import ViTBackbone
from pyg_skeletonmae.skeleton import Skeleton
from pyg_skeletonmae.transforms.masking import MaskPolicy
from pyg_skeletonmae.transforms.motion_masking import MotionTubeMask
from pyg_skeletonmae.transforms.token_masking import RandomTokenMask, TubeMask
from pyg_skeletonmae.transforms.tracks import Fill

_STRATEGIES: dict[str, MaskPolicy] = {
    "motion": MotionTubeMask(0.9, 5, 0.1, "published"),
    "tube": TubeMask(0.9, 5, "published"),
    "random": RandomTokenMask(0.9, "published"),
}
_NORMS = {"instance_norm": "instance", "layer_norm": "layer"}


def load_skeleton2vec(
    path: str | Path,
    mask: MaskPolicy | None = None,
    heads: int | None = None,
    *,
    absent: Fill | None = None,
    skeleton: Skeleton | None = None,
) -> Skeleton2Vec | Classifier:
    """The model in a public checkpoint of Skeleton2vec.

    A pre-training file becomes a :class:`Skeleton2Vec` with
    ``decoder_order="published"``, as it was trained; a linear probe or a fine-tuned model becomes a
    :class:`Classifier`. What nothing ever reads is left out: the average of the decoder's weights,
    and the decoder of classifiers. The file does not tell how often the teacher was moved: its
    schedule starts again.

    Args:
        path: The file, say ``epoch-600.pth``.
        mask: The mask to go on with; the file tells only of which kind it was. (default: that of
            NTU-60, a ratio of 0.9, tubes of 5, beta 0.1)
        heads: The attention heads of a classifier, of which its file does not tell; None: 8, as
            published.
        absent: What a classifier was trained to see for an absent person, see :class:`Classifier`;
            None: ``zeros``, as in all of its training.
        skeleton: Its joints, in their order; None: NTU's, if they are 25.

    Raises:
        CheckpointError: The file is missing, damaged, or holds anything but tensors and plain
            values; a key is missing, left over or of a wrong shape (it is named); an argument is
            needed and not given, or does not fit the file.
    """
    model = entry(path, read_public(path), "model", dict)
    state = tensors(path, entry(path, model, "sd", dict))
    with named(path):
        if any(key.startswith("cls_head.") for key in state):
            return _classifier(state, 8 if heads is None else heads, absent or "zeros", skeleton)
        if absent is not None:
            raise CheckpointError(f"absent {absent!r}: the file holds no classifier; leave it out")
        args = entry(path, model, "args", dict)
        return _pretraining(path, state, args, mask=mask, heads=heads, skeleton=skeleton)


def _pretraining(
    path: str | Path,
    state: dict[str, Tensor],
    args: dict[str, Any],
    mask: MaskPolicy | None,
    heads: int | None,
    skeleton: Skeleton | None,
) -> Skeleton2Vec:
    spec = entry(path, entry(path, args, "model_spec", dict), "args", dict)
    ema = entry(path, entry(path, args, "ema_spec", dict), "args", dict)
    strategy = entry(path, spec, "mask_strategy", str, _STRATEGIES)
    norm = entry(path, args, "norm_target_per_layer", str, _NORMS)
    drop_average(state)
    told = entry(path, spec, "num_heads", int) if heads is None or "num_heads" in spec else None
    settings: dict[str, Any] = {
        **_sizes(state, "auto_encoder.", heads_of(told, heads), skeleton),
        "mask": _STRATEGIES[strategy] if mask is None else mask,
        "top_k": entry(path, args, "average_top_k_layers", int),
        "target_norm": _NORMS[norm],
        "final_norm": entry(path, args, "normalize_targets", bool),
        "ema_start": entry(path, ema, "ema_decay", float),
        "ema_end": entry(path, ema, "ema_end_decay", float),
        "ema_steps": entry(path, ema, "ema_anneal_end_step", int),
        "decoder_order": "repaired" if strategy == "random" else "published",
    }
    return build_public(lambda: Skeleton2Vec(**settings), state, skeleton2vec_source)


def drop_average(state: dict[str, Tensor]) -> None:
    """Drops the average of the decoder's weights, if there is one for each of them.

    Raises:
        CheckpointError: One is missing, or its shape differs (it is named).
    """
    prefix, theirs = "auto_encoder.", tuple(f"auto_encoder.{key}" for _, key in DECODER)
    for key in [key for key in state if key.startswith(theirs)]:
        average = "ema.model." + key.removeprefix(prefix)
        if average not in state:
            raise CheckpointError(f"the checkpoint has no {average!r}")
        if state[average].shape != state[key].shape:
            raise CheckpointError(
                f"the checkpoint's {average!r} {list(state[average].shape)} does not fit: expected "
                f"a shape of {list(state[key].shape)}"
            )
        del state[average]


def _classifier(
    state: dict[str, Tensor], heads: int, absent: Fill, skeleton: Skeleton | None
) -> Classifier:
    finetuned = "cls_head.8.weight" in state
    sizes = _sizes(state, "encoder.", heads, skeleton)
    for key in [k for k in state if k.startswith(tuple(f"encoder.{t}" for _, t in DECODER))]:
        del state[key]
    last = "cls_head.8.weight" if finetuned else "cls_head.4.weight"
    classes, hidden = shape_of(state, last, 2)
    backbone = sizes.pop("backbone")

    def build() -> Classifier:
        encoder = backbone.encoder(**sizes)
        if not finetuned:
            return Classifier(encoder, classes, "bn-linear", absent=absent)
        return Classifier(encoder, classes, "joints-mlp", hidden, absent=absent)

    places = FINETUNED if finetuned else LINEAR
    return build_public(build, state, partial(skeleton2vec_source, places=places))


def _sizes(
    state: dict[str, Tensor], prefix: str, heads: int, skeleton: Skeleton | None
) -> dict[str, Any]:
    """Arguments of our models, as far as the shapes of the tensors tell."""
    embedding = f"{prefix}encoder_embedding."
    width, channels, patch, _ = shape_of(state, f"{embedding}projection.1.weight", 4)
    steps = shape_of(state, f"{embedding}temporal_pos_emb", 4)[2]
    backbone = ViTBackbone(
        frames_per_patch=patch,
        hidden_channels=width,
        depth=count_blocks(state, f"{prefix}encoder.layers."),
        heads=heads,
        mlp_ratio=shape_of(state, f"{prefix}encoder.layers.0.mlp.fc1.weight", 2)[0] / width,
        layer_scale=1e-4 if f"{prefix}encoder.layers.0.gamma_1" in state else None,
        norm_eps=1e-6,
        time_embedding="zero",
        decoder_channels=shape_of(state, f"{prefix}decoder_embedding.weight", 2)[0],
        decoder_depth=count_blocks(state, f"{prefix}decoder.layers."),
        init="normal",
    )
    return {
        "skeleton": skeleton_for(state, f"{embedding}spatio_pos_emb", 3, skeleton),
        "in_channels": channels,
        "frames": steps * patch,
        "backbone": backbone,
    }
