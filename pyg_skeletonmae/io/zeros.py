"""Coordinates of exactly 0 that may mean "not detected", in files that have no scores to say so."""

from __future__ import annotations

from typing import Literal, get_args

import numpy as np

from pyg_skeletonmae.errors import ConfigError
from pyg_skeletonmae.io.npz import Array

Zeros = Literal["missing", "keep"]
DOUBT = (
    "joints are exactly 0 in some frames and not in others, and are taken as positions; "
    "zeros='missing' says that they were not detected, zeros='keep' that they are positions"
)
NOWHERE = "persons whose joints are 0 in all frames are taken for padding; zeros='keep' keeps them"


def check_zeros(zeros: str | None) -> None:
    """Raises :class:`ConfigError` if ``zeros`` is neither None nor one of :data:`Zeros`."""
    if zeros is not None and zeros not in get_args(Zeros):
        raise ConfigError(f"zeros={zeros!r}: expected one of {', '.join(get_args(Zeros))}")


def settle_zeros(pos: Array, valid: Array, zeros: Zeros | None) -> tuple[Array, tuple[str, ...]]:
    """Which joints are present once zeros are settled.

    A joint that is 0 in every frame of its track is the origin of centred coordinates, and so is a
    lone zero (the first frame's centre): neither is in doubt. Zeros that come and go, and whole
    frames of them, are. A track of zeros only, beside another that is not, is nobody.

    Args:
        pos: Coordinates, ``[M, T, V, C]`` or ``[T, V, C]``.
        valid: Which joints are present so far, ``[M, T, V]`` or ``[T, V]``.
        zeros: ``"missing"``, ``"keep"``, or None where nobody said.

    Returns:
        ``valid``, and what is to be noted: nothing if ``zeros`` says what they mean.
    """
    with np.errstate(invalid="ignore"):  # some NaN make processors complain
        zero: Array = np.asarray(valid & ~pos.any(-1))
    if zeros == "keep" or not zero.any():
        return valid, ()
    seen = valid & ~zero
    there = seen.any(-1, keepdims=True)  # [M, T, 1]
    origin = (zero | ~there | ~valid).all(-2, keepdims=True)  # [M, 1, V]
    doubt = zero & ~(there & origin)
    nowhere = ~np.any(there, -2, keepdims=True) & seen.any()
    if zeros is None:
        gaps = doubt & ~nowhere
        notes = [DOUBT] if np.count_nonzero(gaps) > 1 else []
        notes += [NOWHERE] if (doubt & nowhere).any() else []
        return valid & ~(zero & nowhere), tuple(notes)
    return valid & ~doubt, ()
