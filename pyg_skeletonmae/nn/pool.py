"""From features of joints and frames to one vector per clip."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

from pyg_skeletonmae.errors import ConfigError, DataError


def pool_tracks(
    x: Tensor,
    num_tracks: Tensor,
    joints: Literal["mean", "concat"] = "mean",
    time: Literal["mean"] | int = "mean",
    valid: Tensor | None = None,
) -> Tensor:
    """Pools the features of tracks to one vector per clip.

    Persons are always averaged, each track with the same weight, so their order does not matter.

    Args:
        x: Features ``[P, V, T, D]``.
        num_tracks: The number of tracks of each clip ``[B]``, long; they sum to ``P``.
        joints: ``"mean"``, or ``"concat"``, joint-major: joint 0's vector first.
        time: ``"mean"``, or the number of equal segments whose means are concatenated. Where ``T``
            is no multiple, neighbouring segments share a frame, as adaptive pooling does.
        valid: Which joints are present ``[P, V, T]``, bool; others do not enter the means. A mean
            over nothing is zero.

    Returns:
        ``[B, S * D]`` or ``[B, S * V * D]`` for ``S`` segments (1 for the mean), segment-major.

    Raises:
        DataError: The numbers of tracks do not sum to ``P``, or ``valid`` has another shape.
        ConfigError: ``joints`` or ``time`` is none of the above.
    """
    _check(x, num_tracks, joints, time, valid)
    weight = None if valid is None else valid.to(x.dtype).unsqueeze(-1)
    x = x if valid is None else x.masked_fill(~valid.unsqueeze(-1), 0.0)
    segments = 1 if time == "mean" else time
    pieces = []
    for start, stop in _bounds(x.size(2), segments):
        axes = (2,) if joints == "concat" else (1, 2)
        total = x[:, :, start:stop].sum(axes)
        if weight is None:
            count: Tensor | int = (stop - start) * (1 if joints == "concat" else x.size(1))
        else:
            count = weight[:, :, start:stop].sum(axes).clamp_min(1.0)
        pieces.append((total / count).flatten(1))
    return _mean_over_tracks(torch.cat(pieces, dim=-1), num_tracks)


def _mean_over_tracks(x: Tensor, num_tracks: Tensor) -> Tensor:
    clip = torch.repeat_interleave(num_tracks, output_size=x.size(0))
    total = x.new_zeros(num_tracks.numel(), x.size(1)).index_add_(0, clip, x)
    return total / num_tracks.clamp_min(1).unsqueeze(-1)


def _bounds(frames: int, segments: int) -> list[tuple[int, int]]:
    return [(s * frames // segments, -(-(s + 1) * frames // segments)) for s in range(segments)]


def _check(
    x: Tensor, num_tracks: Tensor, joints: str, time: str | int, valid: Tensor | None
) -> None:
    if joints not in ("mean", "concat"):
        raise ConfigError(f"joints are pooled by 'mean' or 'concat', not {joints!r}")
    if time != "mean" and (not isinstance(time, int) or isinstance(time, bool) or time < 1):
        raise ConfigError(f"time is pooled by 'mean' or a number of segments, not {time!r}")
    if x.dim() != 4 or int(num_tracks.sum()) != x.size(0):
        raise DataError(
            f"features {list(x.shape)} are not [P, V, T, D] with P = {int(num_tracks.sum())} tracks"
        )
    if valid is not None and valid.shape != x.shape[:-1]:
        raise DataError(f"valid {list(valid.shape)} does not fit features {list(x.shape)}")
