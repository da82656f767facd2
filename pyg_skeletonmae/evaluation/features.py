"""Frozen features of whole data sets, from an encoder or straight from the coordinates."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Literal

import torch
from torch import Tensor, nn
from torch_geometric.data import Data

from pyg_skeletonmae.batch import as_tracks, clip_of_track, num_clips, valid_joints
from pyg_skeletonmae.errors import DataError
from pyg_skeletonmae.evaluation.shares import over_all
from pyg_skeletonmae.models.inference import inference_form
from pyg_skeletonmae.nn.pool import pool_batch, pool_tracks


@dataclass
class Features:
    """One feature vector per clip, on the CPU.

    Args:
        x: The features, ``[n, D]``, float32.
        y: The classes, ``[n]``, long, -1 where there is none.
        subject: The performers, ``[n]``, long, -1 where unknown.
        clip: Which clip each vector is of, ``[n]``, long; copies of a clip share a number, so that
            none is validated on another. Default: each a clip of its own.

    Raises:
        DataError: There is no clip, the lengths differ, or a feature is NaN or infinite.
    """

    x: Tensor
    y: Tensor
    subject: Tensor
    clip: Tensor = field(default_factory=lambda: torch.empty(0, dtype=torch.long))

    def __post_init__(self) -> None:
        if not len(self.clip):
            self.clip = torch.arange(len(self.x))
        columns = (self.y, self.subject, self.clip)
        if self.x.dim() != 2 or any(value.shape != self.x.shape[:1] for value in columns):
            shapes = [list(value.shape) for value in (self.x, *columns)]
            raise DataError(f"features, classes, subjects and clips do not fit together: {shapes}")
        if not len(self.x):
            raise DataError("no clip to take features of: the split or the loader is empty")
        bad = (~self.x.isfinite().all(1)).nonzero().flatten()
        if len(bad):
            raise DataError(
                f"{len(bad)} of {len(self.x)} clips have features that are NaN or infinite, first "
                f"number {int(bad[0])}; check the coordinates and the model"
            )

    def __len__(self) -> int:
        return len(self.x)

    def check_labels(self) -> None:
        """Raises :class:`DataError` if a clip has no class."""
        unlabelled = int((self.y < 0).sum())
        if unlabelled:
            raise DataError(
                f"an evaluation needs the class of every clip, and {unlabelled} of {len(self)} "
                "have none; features.select(features.y >= 0) are those of the others"
            )

    def check_fits(self, other: Features) -> None:
        """Raises :class:`DataError` if a clip has no class, or the widths differ."""
        self.check_labels()
        other.check_labels()
        if self.x.size(1) != other.x.size(1):
            raise DataError(
                f"features of {self.x.size(1)} and {other.x.size(1)} numbers do not compare"
            )

    def select(self, index: Tensor) -> Features:
        """The clips at ``index``, numbers or a bool mask ``[n]``."""
        return Features(self.x[index], self.y[index], self.subject[index], self.clip[index])

    def with_copies(self, copies: Features) -> Features:
        """The clips, and changed copies of them in the same order (mirrored ones, for example)."""
        if not torch.equal(self.y, copies.y):
            raise DataError(f"{self!r}, copies {copies!r}: expected the same clips in one order")
        x = torch.cat([self.x, copies.x])
        return Features(x, self.y.repeat(2), self.subject.repeat(2), self.clip.repeat(2))

    def __repr__(self) -> str:
        return f"{type(self).__name__}(clips={len(self)}, dim={self.x.size(1)})"


@contextmanager
def evaluating(model: nn.Module) -> Iterator[torch.device]:
    """Evaluation mode without gradients; every module gets its own ``training`` flag back.

    Yields:
        The device of the model's parameters (the CPU if it has none).
    """
    flags = [(module, module.training) for module in model.modules()]
    model.eval()
    try:
        with torch.no_grad():
            yield next((p.device for p in model.parameters()), torch.device("cpu"))
    finally:
        for module, training in flags:
            module.training = training


def extract_features(
    encoder: nn.Module,
    loader: Iterable[Data],
    joints: Literal["mean", "concat"] = "mean",
    time: Literal["mean"] | int = "mean",
) -> Features:
    """Features of a frozen encoder, pooled over frames, joints and persons to one per clip.

    Pooled is what is present: missing joints and absent persons do not enter the means, see
    :func:`~pyg_skeletonmae.nn.pool.pool_batch`. Clips need no class, ``y`` is then -1.

    Args:
        encoder: ``encoder(batch) -> [P, V, T', D]``; its ``training`` flags are restored.
        loader: Batches, :class:`~pyg_skeletonmae.loader.SkeletonLoader` or PyG's ``DataLoader``;
            of a share of the clips for each of several processes, see
            :func:`~pyg_skeletonmae.evaluation.shares.over_all`.
        joints: ``"mean"`` over the joints, or ``"concat"`` to keep one vector for each; see
            :func:`~pyg_skeletonmae.nn.pool.pool_tracks`.
        time: ``"mean"`` over the frames, or the number of segments to keep.

    Raises:
        DataError: There is no clip, features differ in width, or one is NaN or infinite.
    """
    with evaluating(encoder) as device:
        fast = inference_form(encoder)
        return _collect(loader, lambda batch: batch_features(fast, batch.to(device), joints, time))


def batch_features(
    encoder: nn.Module,
    batch: Data,
    joints: Literal["mean", "concat"] = "mean",
    time: Literal["mean"] | int = "mean",
) -> Tensor:
    """The features of one batch ``[B, .]``, as :func:`extract_features` pools them."""
    return pool_batch(encoder(batch), batch, joints, time)


def raw_features(loader: Iterable[Data], standardize: bool = True) -> Features:
    """The coordinates themselves, flattened to ``[V * T * C]``: the bar an encoder has to beat.

    Each clip is centred on its mean over joints, frames and persons and divided by its standard
    deviation, the recipe of the usual 1-NN figures. Clips of several persons give the mean over
    those whose joint is present, so that all clips have one length and the order of persons does
    not matter. Missing joints count neither for mean nor deviation; where nobody's is present it
    stands at the mean. Clips need no class, ``y`` is then -1.

    Args:
        loader: Batches whose clips all have the same number of frames (``Resample`` them).
        standardize: Centre and scale each clip; otherwise the coordinates as they come.

    Raises:
        DataError: There is no clip, no person or no frame, clips have different numbers of frames,
            or a coordinate is NaN or infinite.
    """

    def flattened(batch: Data) -> Tensor:
        pos: Tensor = batch["pos"]
        if not pos.numel():
            raise DataError(f"clips without persons or frames: pos is {list(pos.shape)}")
        tracks = as_tracks(pos, pos.size(0) // int(batch.num_tracks.sum()))
        valid = valid_joints(batch).reshape(tracks.shape[:3])
        if standardize:
            clip, clips = clip_of_track(batch), num_clips(batch)
            spread = clip_spread(tracks, valid, clip, clips)[clip].clamp(min=1e-8)
            tracks = _centred(tracks, valid, clip, clips) / spread[:, None, None, None]
        return pool_tracks(tracks, batch.num_tracks, "concat", tracks.size(2), valid)

    return _collect(loader, flattened)


def clip_spread(tracks: Tensor, valid: Tensor, clip: Tensor, clips: int) -> Tensor:
    """The standard deviation of each clip's coordinates around their mean place, ``[B]``.

    Args:
        tracks: ``[P, V, T, C]``.
        valid: ``[P, V, T]``, bool; what is missing does not count.
        clip: The clip of each track, ``[P]``.
        clips: The number of clips ``B``.
    """
    centred = _centred(tracks, valid, clip, clips)
    return _clip_mean(centred.square(), valid, clip, clips).mean(-1).sqrt()


def _centred(tracks: Tensor, valid: Tensor, clip: Tensor, clips: int) -> Tensor:
    mean = _clip_mean(tracks, valid, clip, clips)[clip][:, None, None]
    return torch.where(valid[..., None], tracks - mean, 0.0)


def _clip_mean(x: Tensor, valid: Tensor, clip: Tensor, clips: int) -> Tensor:
    """The mean of each clip over what is present, ``[P, V, T, C]`` to ``[B, C]``."""
    weight = valid[..., None].to(x.dtype)
    total = x.new_zeros(clips, x.size(-1)).index_add(0, clip, (x * weight).sum((1, 2)))
    count = x.new_zeros(clips, 1).index_add(0, clip, weight.sum((1, 2)))
    return total / count.clamp(min=1.0)


def _collect(loader: Iterable[Data], features: Callable[[Data], Tensor]) -> Features:
    def row(batch: Data) -> tuple[Tensor, Tensor, Tensor]:
        unknown = torch.full_like(batch.num_tracks, -1)
        y, subject = batch.get("y", unknown), batch.get("subject", unknown)
        return features(batch).float(), y, subject

    parts = over_all(loader, row)
    if not parts:
        raise DataError("no clip to take features of: the split or the loader is empty")
    widths = sorted({x.size(1) for x, *_ in parts})
    if len(widths) > 1:
        raise DataError(
            f"batches give features of {widths} numbers; Resample clips to one number of frames"
        )
    x, y, subject = (torch.cat(column).cpu() for column in zip(*parts, strict=True))
    return Features(x, y, subject)
