"""Pixels as coordinates of -1 to 1, and what the numbers say about their unit and the image."""

from __future__ import annotations

from typing import Literal, get_args

import numpy as np

from pyg_skeletonmae.errors import ConfigError
from pyg_skeletonmae.io.npz import Array

Unit = Literal["pixel", "normalised"]
_NO_PIXELS = 2.0  # nobody is two pixels large
_MOST, _OUTSIDE = 0.95, 0.01  # detectors err: what holds for most joints decides

NO_PIXELS = (
    "x and y lie within -2 to 2, which are no pixels: kept as they are; unit='pixel' or "
    "unit='normalised' settles it"
)
TURNED = (
    "x or y lie outside of the image, but inside of one of height for width: the size may be given "
    "the other way round"
)


def check_unit(unit: str | None) -> None:
    """Raises :class:`ConfigError` unless ``unit`` is None or a unit of coordinates."""
    if unit is not None and unit not in get_args(Unit):
        raise ConfigError(f"unit {unit!r:.60}: expected one of {', '.join(get_args(Unit))}")


def normalise_pixels(
    pos: Array, valid: Array, size: tuple[float, float], unit: Unit | None = None
) -> tuple[str, ...]:
    """Turns pixels into ``(x - w/2) / (w/2)`` and ``(y - h/2) / (h/2)``, in place.

    Args:
        pos: ``[..., C]`` with x and y first, float32. Is overwritten.
        valid: Which joints are present, ``[...]``.
        size: Width and height of the image.
        unit: What x and y are; None = pixels, unless nearly all (95 %) lie within -2 to 2.

    Returns:
        What the numbers say against unit or size, a sentence each.
    """
    if unit == "normalised":
        return ()
    if unit is None and are_normalised(pos, valid):
        return (NO_PIXELS,)
    notes: tuple[str, ...] = ()
    xy = pos[valid][:, :2]
    if len(xy):
        outside, turned = (float((xy > sides).any(1).mean()) for sides in (size, size[::-1]))
        notes = (TURNED,) if outside > _OUTSIDE and turned < outside / 10 else ()
    half = np.asarray(size, np.float32) / 2
    pos[..., :2] = (pos[..., :2] - half) / half
    return notes


def are_normalised(pos: Array, valid: Array) -> bool:
    """Whether x and y of ``pos [..., C]`` are too small to be pixels."""
    xy = np.abs(pos[valid][:, :2])
    xy = xy[np.isfinite(xy)]
    return bool(xy.size) and bool(np.quantile(xy, _MOST) <= _NO_PIXELS)
