"""From features of joints and frames to one vector per clip."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor
from torch.nn.functional import adaptive_max_pool1d
from torch_geometric.data import Data

from pyg_skeletonmae.batch import all_present, readable
from pyg_skeletonmae.errors import ConfigError, DataError


def pool_tracks(
    x: Tensor,
    num_tracks: Tensor,
    joints: Literal["mean", "concat"] = "mean",
    time: Literal["mean"] | int = "mean",
    valid: Tensor | None = None,
) -> Tensor:
    """Pools the features of tracks to one vector per clip.

    Persons are always averaged, each with the same weight, so their order does not matter.

    Args:
        x: Features ``[P, V, T, D]``.
        num_tracks: The number of tracks of each clip ``[B]``, long; they sum to ``P``.
        joints: ``"mean"``, or ``"concat"``, joint-major: joint 0's vector first.
        time: ``"mean"``, or the number of equal segments whose means are concatenated. Where ``T``
            is no multiple, neighbouring segments share a frame, as adaptive pooling does.
        valid: Which features are those of something present ``[P, V, T]``, bool; others do not
            enter the means, and a person who is absent from a segment (with ``"concat"``: whose
            joint is) does not enter the mean over persons there. A mean over nothing is zero.
            Where all is present the result is the one without ``valid``, bit for bit.

    Returns:
        ``[B, S * D]`` or ``[B, S * V * D]`` for ``S`` segments (1 for the mean), segment-major.

    Raises:
        DataError: The numbers of tracks do not sum to ``P``, or ``valid`` has another shape.
        ConfigError: ``joints`` or ``time`` is none of the above.
    """
    _check(x, num_tracks, joints, time, valid)
    x = x if valid is None else x.masked_fill(~valid.unsqueeze(-1), 0.0)
    axes = (2,) if joints == "concat" else (1, 2)
    means, counts = [], []
    frames, segments = x.size(2), 1 if time == "mean" else time
    for segment in range(segments):
        start, stop = segment * frames // segments, -(-(segment + 1) * frames // segments)
        total = x[:, :, start:stop].sum(axes)
        everything = (stop - start) * (1 if joints == "concat" else x.size(1))
        mean = total / everything
        if valid is not None:
            count = valid[:, :, start:stop].sum(axes).unsqueeze(-1)
            # Whole sums stay divided by a plain number: on a GPU a tensor rounds otherwise.
            mean = torch.where(count == everything, mean, total / count.clamp_min(1))
            counts.append(count)
        means.append(mean)
    present = torch.stack(counts, 1) > 0 if counts else None
    return _mean_over_persons(torch.stack(means, 1), num_tracks, present).flatten(1)


def pool_batch(
    x: Tensor,
    batch: Data,
    joints: Literal["mean", "concat"] = "mean",
    time: Literal["mean"] | int = "mean",
) -> Tensor:
    """:func:`pool_tracks` over what is present in the clips of a batch.

    What an encoder makes of a missing joint is a guess from its surroundings, and differs with what
    stands in for it; it does not enter the means. A token of several frames, also that of an
    encoder that thins time out, counts as present if any of its frames is: its features then come
    from a place that was seen, and to leave it out would lose what no other token holds (our
    choice).

    Args:
        x: Features of its tracks ``[P, V, T', D]``; ``T'`` may differ from the clips' ``T``.
        batch: The batch; without ``valid`` all is present.
        joints: See :func:`pool_tracks`.
        time: See :func:`pool_tracks`.

    Returns:
        ``[B, S * D]`` or ``[B, S * V * D]``, see :func:`pool_tracks`.

    Raises:
        DataError: The features do not fit the clips.
        ConfigError: ``joints`` or ``time`` is unknown.
    """
    valid = batch.get("valid")
    if valid is None or x.dim() != 4:
        return pool_tracks(x, batch.num_tracks, joints, time)
    if valid.size(0) != x.size(0) * x.size(1) or not valid.size(1):
        raise DataError(f"valid {list(valid.shape)} does not fit features {list(x.shape)}")
    if all_present(valid):  # without it the sums are the same
        return pool_tracks(x, batch.num_tracks, joints, time)
    if valid.size(1) != x.size(2):
        valid = adaptive_max_pool1d(valid.float(), x.size(2)) > 0
    return pool_tracks(x, batch.num_tracks, joints, time, valid.view(x.shape[:3]))


def clips_of_tracks(num_tracks: Tensor, tracks: int) -> Tensor:
    """The clip each of ``tracks`` tracks belongs to, ``[P]``, long, without waiting for a GPU.

    In a graph for any number of tracks it is counted how many clips end before each.
    """
    if not torch.compiler.is_compiling():
        return torch.repeat_interleave(num_tracks, output_size=tracks)
    number = torch.arange(tracks, device=num_tracks.device)
    return (number[:, None] >= num_tracks.cumsum(0)).sum(1)


def _mean_over_persons(x: Tensor, num_tracks: Tensor, present: Tensor | None) -> Tensor:
    """Tracks ``[P, ..., D]`` to clips ``[B, ..., D]``; ``present`` is ``[P, ..., 1]``, bool."""
    clips = num_tracks.numel()
    if clips == 1 and x.size(0) == 1:
        return x
    clip = clips_of_tracks(num_tracks, x.size(0))
    total = x.new_zeros(clips, *x.shape[1:]).index_add_(0, clip, x)
    count = num_tracks.view(clips, *[1] * (x.dim() - 1))
    if present is not None:
        count = count.new_zeros(clips, *present.shape[1:])
        count.index_add_(0, clip, present.to(count.dtype))
    return total / count.clamp_min(1)


def _check(
    x: Tensor, num_tracks: Tensor, joints: str, time: str | int, valid: Tensor | None
) -> None:
    if joints not in ("mean", "concat"):
        raise ConfigError(f"joints are pooled by 'mean' or 'concat', not {joints!r}")
    if time != "mean" and (not isinstance(time, int) or isinstance(time, bool) or time < 1):
        raise ConfigError(f"time is pooled by 'mean' or a number of segments, not {time!r}")
    counted = readable(num_tracks)
    if x.dim() != 4 or (counted and int(num_tracks.sum()) != x.size(0)):
        tracks = int(num_tracks.sum()) if counted else "all"
        raise DataError(f"features {list(x.shape)} are not [P, V, T, D] with P = {tracks} tracks")
    if valid is not None and valid.shape != x.shape[:-1]:
        raise DataError(f"valid {list(valid.shape)} does not fit features {list(x.shape)}")
