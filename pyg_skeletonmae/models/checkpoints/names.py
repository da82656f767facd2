"""How the weights of public checkpoints are named and laid out, and where they go in our models."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn

from pyg_skeletonmae.errors import CheckpointError


class Source(NamedTuple):
    """Where one of our parameters comes from.

    Args:
        keys: The public keys it is made of.
        pack: Makes it of their tensors, in this order.
    """

    keys: tuple[str, ...]
    pack: Callable[[Sequence[Tensor]], Tensor]


# Ours, theirs: the names of the public pre-training models of MAMP, of both of its targets.
MAMP = (
    ("encoder.patch.proj.", "joints_embed.proj."),
    ("encoder.position.joint", "pos_embed"),
    ("encoder.position.time", "temp_embed"),
    ("encoder.transformer.blocks.", "blocks."),
    ("encoder.norm.", "norm."),
    ("decoder.embed.", "decoder_embed."),
    ("decoder.mask_token", "mask_token"),
    ("decoder.position.joint", "decoder_pos_embed"),
    ("decoder.position.time", "decoder_temp_embed"),
    ("decoder.transformer.blocks.", "decoder_blocks."),
    ("decoder.norm.", "decoder_norm."),
    ("decoder.head.", "decoder_pred."),
)


def mamp_source(name: str, prefixes: Sequence[tuple[str, str]] = MAMP) -> Source:
    """Where a parameter of :class:`~pyg_skeletonmae.models.STSkeletonMAE` is in a MAMP checkpoint.

    Args:
        name: Our name, say ``"encoder.norm.weight"``.
        prefixes: Beginnings of our names and of theirs; those of pre-training models unless told.

    Raises:
        CheckpointError: MAMP has no such parameter.
    """
    pack = only
    if name.endswith("patch.proj.weight"):
        pack = conv_to_linear
    elif ".position." in name or name.endswith("mask_token"):
        pack = drop_ones
    for ours, theirs in prefixes:
        if name.startswith(ours):
            return Source((theirs + name.removeprefix(ours),), pack)
    raise CheckpointError(f"MAMP has nothing for the parameter {name!r}")


def only(tensors: Sequence[Tensor]) -> Tensor:
    """The one tensor, as it is."""
    return tensors[0]


def drop_ones(tensors: Sequence[Tensor]) -> Tensor:
    """The one tensor without its axes of length 1."""
    return tensors[0].squeeze()


def conv_to_linear(tensors: Sequence[Tensor]) -> Tensor:
    """The kernel of a patch convolution ``[D, C, F, 1]`` as a linear map ``[D, F * C]``."""
    return tensors[0].squeeze(-1).transpose(1, 2).flatten(1)


@torch.no_grad()
def load_public(
    model: nn.Module, state: Mapping[str, Tensor], source: Callable[[str], Source]
) -> None:
    """Copies a public state dict into a model, all of it.

    Args:
        model: One of our models, of the size of the checkpoint.
        state: The public names and tensors.
        source: Where each of our parameters is among them, say :func:`mamp_source`.

    Raises:
        CheckpointError: A key is missing, left over, or has a wrong shape or kind of number; it is
            named. The model is then as it was.
    """
    weights = public_weights(model, state, source)
    model.load_state_dict({**model.state_dict(), **weights})


def public_weights(
    model: nn.Module, state: Mapping[str, Tensor], source: Callable[[str], Source]
) -> dict[str, Tensor]:
    """A public state dict as one of ours; the arguments and errors of :func:`load_public`.

    Only the shapes of the model are read. What modules keep beside their tensors, the number of
    updates of a moving average, has no public counterpart and is left out.
    """
    weights: dict[str, Tensor] = {}
    used: set[str] = set()
    for name, ours in model.state_dict().items():
        if name.endswith("_extra_state"):
            continue
        keys, pack = source(name)
        if missing := [key for key in keys if key not in state]:
            raise CheckpointError(f"the checkpoint has no {missing[0]!r}, needed for {name!r}")
        theirs = [state[key] for key in keys]
        weights[name] = _packed(keys, theirs, pack, ours)
        used.update(keys)
    if left := sorted(set(state) - used):
        raise CheckpointError(
            f"the checkpoint has {len(left)} key(s) that the model does not know: {left[0]!r}"
        )
    return weights


def _packed(
    keys: Sequence[str],
    theirs: Sequence[Tensor],
    pack: Callable[[Sequence[Tensor]], Tensor],
    ours: Tensor,
) -> Tensor:
    tensors = ", ".join(f"{key!r} {list(t.shape)}" for key, t in zip(keys, theirs, strict=True))
    wrong = CheckpointError(
        f"the checkpoint's {tensors} does not fit: expected {ours.numel()} numbers for a parameter "
        f"of shape {list(ours.shape)}"
    )
    if sum(tensor.numel() for tensor in theirs) != ours.numel():
        raise wrong
    try:
        packed = pack(theirs)
    except (RuntimeError, IndexError):
        raise wrong from None
    if packed.shape != ours.shape:
        raise wrong
    if packed.dtype != ours.dtype and not (packed.is_floating_point() and ours.is_floating_point()):
        raise CheckpointError(
            f"the checkpoint's {tensors}: expected {ours.dtype}, found {packed.dtype}"
        )
    return packed
