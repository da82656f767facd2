"""Zeros that may mean "not detected" in clips on their way into a store."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from pyg_skeletonmae.datasets.store.clips import Clip, plain_array
from pyg_skeletonmae.datasets.store.data_card import grouped_notes
from pyg_skeletonmae.io.zeros import Zeros, settle_zeros


def settled_clips(
    clips: Iterable[Clip],
    zeros: Zeros | None,
    about: dict[str, Any],
    doubts: Sequence[tuple[str, str]] = (),
) -> Iterator[Clip]:
    """Clips whose zeros are settled, see :func:`~pyg_skeletonmae.io.zeros.settle_zeros`.

    A clip of a wrong shape passes as it is, to be refused by the store; so does one that says which
    joints are valid, unless ``zeros`` is given.

    Args:
        clips: The clips.
        zeros: What zeros are; None = nobody said.
        about: Entries of the card, which get ``notes`` when the clips are at their end.
        doubts: Names and notes that others have by then.
    """
    found: list[tuple[str, str]] = []
    for number, clip in enumerate(clips):
        pos = plain_array(clip.pos)
        said = clip.valid is not None
        valid = plain_array(clip.valid) if said else np.ones(pos.shape[:-1], bool)
        fits = valid.shape == pos.shape[:-1] and valid.dtype == np.bool_
        if fits and pos.ndim in (3, 4) and pos.dtype.kind == "f" and not (said and zeros is None):
            valid, notes = settle_zeros(pos, valid, zeros)
            found += [(clip.name or f"clip {number}", note) for note in notes]
            clip = replace(clip, valid=valid)
        yield clip
    about.setdefault("notes", []).extend(grouped_notes([*doubts, *found]))
