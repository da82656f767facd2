"""Zeros that may mean "not detected" in clips on their way into a store."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np
from torch import Tensor

from pyg_skeletonmae.datasets.card import grouped_notes
from pyg_skeletonmae.datasets.clips import Clip
from pyg_skeletonmae.io.zeros import Zeros, settle_zeros


def settled_clips(
    clips: Iterable[Clip], zeros: Zeros | None, about: dict[str, Any]
) -> Iterator[Clip]:
    """Clips whose zeros are settled, see :func:`~pyg_skeletonmae.io.zeros.settle_zeros`.

    A clip of a wrong shape passes as it is, to be refused by the store; so does one that says which
    joints are valid, unless ``zeros`` is given.

    Args:
        clips: The clips.
        zeros: What zeros are; None = nobody said.
        about: Entries of the card, which get ``notes`` when the clips are at their end.
    """
    doubts: list[tuple[str, str]] = []
    for number, clip in enumerate(clips):
        pos = _array(clip.pos)
        said = clip.valid is not None
        valid = _array(clip.valid) if said else np.ones(pos.shape[:-1], bool)
        fits = valid.shape == pos.shape[:-1] and valid.dtype == np.bool_
        if fits and pos.ndim in (3, 4) and pos.dtype.kind == "f" and not (said and zeros is None):
            valid, notes = settle_zeros(pos, valid, zeros)
            doubts += [(clip.name or f"clip {number}", note) for note in notes]
            clip = replace(clip, valid=valid)
        yield clip
    about.setdefault("notes", []).extend(grouped_notes(doubts))


def _array(value: object) -> Any:
    if isinstance(value, Tensor):
        value = value.detach().cpu()
        return (value.float() if value.is_floating_point() else value).numpy()
    return np.asarray(value)
