"""All persons of one clip with what is hidden of them, and as a pre-trained model restores it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple, cast

import torch
from torch import Tensor, nn
from torch_geometric.data import Batch, Data

from pyg_skeletonmae.batch import as_tracks, clip_draws, pos_tracks, valid_joints
from pyg_skeletonmae.errors import DataError
from pyg_skeletonmae.evaluation.features import evaluating
from pyg_skeletonmae.evaluation.readout import fit_readout
from pyg_skeletonmae.models import CoordinateTarget
from pyg_skeletonmae.nn.tokens import to_patches
from pyg_skeletonmae.skeleton import Skeleton


class Restored(NamedTuple):
    """The persons of a clip, and what a model makes of them.

    Args:
        pos: Their places ``[P, V, T, C]``.
        restored: Where the model puts masked joints; the others stay, ``[P, V, T, C]``.
        mask: What was hidden ``[P, V, T]``, bool.
        valid: What is present ``[P, V, T]``, bool.
        caption: How places were got from what the model predicts.
    """

    pos: Tensor
    restored: Tensor
    mask: Tensor
    valid: Tensor
    caption: str


def restore(model: nn.Module, clip: Data, others: Iterable[Data]) -> Restored:
    """What a pre-trained model makes of the joints that it hides from itself.

    A model that predicts coordinates says them. From what any other predicts, places are read by a
    linear map, which is fitted on other clips, see
    :func:`~pyg_skeletonmae.evaluation.readout.fit_readout`.

    Args:
        model: ``model.reconstruct(batch)``, of a pre-training.
        clip: A clip, transformed as in pre-training.
        others: Other clips for the map, likewise; not read where none is needed.

    Raises:
        DataError: The model restores nothing, or no places can be read from what it predicts.
    """
    if not callable(getattr(model, "reconstruct", None)):
        raise DataError(f"{type(model).__name__} restores nothing; name the run of a pre-training")
    skeleton: Skeleton = cast(Any, model).encoder.skeleton
    valid = as_tracks(valid_joints(clip), skeleton.num_joints)
    with evaluating(model) as device:
        batch = cast(Data, Batch.from_data_list([clip])).to(device)
        predicted, mask = cast(Any, model).reconstruct(batch)
    pos = pos_tracks(clip, skeleton.num_joints)
    predicted, mask = predicted[: len(pos)].cpu(), mask[: len(pos)].cpu()
    if mask.shape != valid.shape:
        raise DataError(
            f"{type(model).__name__} predicts features of tokens of several frames, from which no "
            "places are read; --what gallery shows its masks"
        )
    caption = "masked joints: the coordinates that the model predicts"
    if type(getattr(model, "objective", None)) is not CoordinateTarget:
        loader = (cast(Data, Batch.from_data_list([other])) for other in others)
        readout = fit_readout(model, loader, skeleton)
        predicted = readout.place(predicted)
        caption = "masked joints: ridge read-out of the decoder's output, fitted on other clips"
    mask = mask & valid
    return Restored(pos, torch.where(mask[..., None], predicted, pos), mask, valid, caption)


def drawn_mask(policy: Any, clip: Data, skeleton: Skeleton, frames_per_token: int = 1) -> Tensor:
    """What a policy hides of a clip, ``[P, V, T]``, bool; the draws derive from the clip's key.

    Args:
        policy: A :class:`~pyg_skeletonmae.transforms.MaskPolicy`.
        clip: The clip.
        skeleton: Its joints.
        frames_per_token: The frames of what is hidden or left, which divide those of the clip.

    Raises:
        DataError: They do not.
        ConfigError: The policy cannot be used on such a clip.
    """
    patches = to_patches(pos_tracks(clip, skeleton.num_joints), frames_per_token)
    draws = clip_draws(clip).split(clip["num_tracks"], len(patches))
    hidden = policy.hide(patches, skeleton, draws)
    mask: Tensor = hidden.mask.repeat_interleave(frames_per_token, dim=2)
    return mask & as_tracks(valid_joints(clip), skeleton.num_joints)
