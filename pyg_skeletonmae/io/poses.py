"""What every reader of pose outputs gives: tracks of joints, what is missing, and a skeleton."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias, get_args

import numpy as np

from pyg_skeletonmae.errors import ConfigError, SkeletonFormatError
from pyg_skeletonmae.io.axes import check_axes
from pyg_skeletonmae.io.npz import Array
from pyg_skeletonmae.io.pixels import Unit, check_unit, normalise_pixels
from pyg_skeletonmae.io.zeros import Zeros, check_zeros, settle_zeros
from pyg_skeletonmae.skeleton import Skeleton

MAX_NUMBERS = 32 * 1024**2
MAX_SCORE = 1.1
Positions: TypeAlias = Literal["replace", "add"]


@dataclass(frozen=True, eq=False)
class PoseTracks:
    """The persons (or animals) of one recording, over the same frames.

    Args:
        pos: Coordinates, and the score as the last channel if it was asked for, ``[M, T, V, C]``,
            float32, of everybody who is seen in any frame. A missing joint is zero throughout.
        valid: Which joints are present, ``[M, T, V]``, bool. A person who is not in a frame has no
            joint there.
        skeleton: The joints in the order of ``pos`` and their tree.
        fps: Frames per second, None if neither the file nor the caller says it.
        notes: What a reader had to decide, as sentences for the card of a store.
        labels: What each frame shows ``[T]``, if that was asked for.
    """

    pos: Array
    valid: Array
    skeleton: Skeleton
    fps: float | None = None
    notes: tuple[str, ...] = ()
    labels: tuple[str, ...] | None = None

    def __repr__(self) -> str:
        tracks, frames, _, channels = self.pos.shape
        return (
            f"{type(self).__name__}({self.skeleton.name}, tracks={tracks}, frames={frames}, "
            f"channels={channels}, fps={self.fps})"
        )


@dataclass(frozen=True)
class PoseOptions:
    """What readers of detections do with scores and pixels.

    Args:
        image_size: Width and height in pixels: x and y become ``(x - w/2) / (w/2)`` and
            ``(y - h/2) / (h/2)``, -1 to 1 inside the image (the form of pyskl's 2-D
            normalisation). None = as they are in the file. y points down either way.
        min_score: A joint is missing unless its score is above this.
        with_scores: Add the score as the last channel.
        fps: Frames per second of the recording; stands over what the file says.
        zeros: What joints are that are exactly 0 in some frames only: ``"missing"`` (not detected,
            as tools without scores write it) or ``"keep"`` (positions); None = kept, with a note.
        axes: Of plain arrays, the order of the axes, see :func:`~pyg_skeletonmae.io.read_arrays`.
        unit: What x and y are where ``image_size`` is given: ``"pixel"``, or ``"normalised"``,
            which is kept as it is; None = pixels, unless nearly all lie within -2 to 2 (our choice:
            nobody is two pixels large), which is noted.
        positions: Of BVH, what position channels do, see :func:`~pyg_skeletonmae.io.read_bvh`.
        key: Of MediaPipe's JSON, which set of landmarks is read, by its name in the file.

    Raises:
        ConfigError: A value is out of range.
    """

    image_size: tuple[float, float] | None = None
    min_score: float = 0.0
    with_scores: bool = False
    fps: float | None = None
    zeros: Zeros | None = None
    axes: str | None = None
    unit: Unit | None = None
    positions: Positions | None = None
    key: str | None = None

    def __post_init__(self) -> None:
        size = self.image_size
        if size is not None and not (len(size) == 2 and all(map(_positive, size))):
            raise ConfigError(f"image_size={size}: expected (width, height) in pixels, above 0")
        if not math.isfinite(self.min_score):
            raise ConfigError(f"min_score={self.min_score}: expected a finite number")
        if self.fps is not None and not _positive(self.fps):
            raise ConfigError(f"fps={self.fps}: expected a number above 0")
        check_axes(self.axes)
        check_unit(self.unit)
        check_zeros(self.zeros)
        if self.positions not in (None, *get_args(Positions)):
            raise ConfigError(f"positions={self.positions!r}: expected 'replace', 'add' or None")


AS_IS = PoseOptions()


def empty_tracks(path: Path, shape: Sequence[int]) -> Array:
    """A float32 array of NaN for a reader to fill, ``shape`` being ``[M, T, V, C]``.

    Raises:
        SkeletonFormatError: It would hold more than ``MAX_NUMBERS`` numbers (128 MiB).
    """
    check_size(path, shape)
    return np.full(shape, np.nan, np.float32)


def check_size(path: Path, shape: Sequence[int]) -> None:
    """Raises :class:`SkeletonFormatError` if an array is too large, before it is made."""
    if math.prod(shape) > MAX_NUMBERS:
        raise SkeletonFormatError(
            path,
            "the file",
            f"at most {MAX_NUMBERS} numbers; cut long recordings into clips",
            f"{' x '.join(map(str, shape))} (persons, frames, joints, channels)",
        )


def finish_tracks(
    path: Path,
    pos: Array,
    score: Array | None,
    skeleton: Skeleton,
    options: PoseOptions,
    max_score: float = MAX_SCORE,
    notes: Sequence[str] = (),
) -> PoseTracks:
    """Decides what is missing, applies the options, and leaves out who is nowhere.

    Args:
        path: The file, for errors.
        pos: Coordinates ``[M, T, V, C]``, float32, NaN throughout where a joint is absent. Is
            overwritten.
        score: The scores ``[M, T, V]``, of absent joints anything; None = the file has none.
        skeleton: The skeleton.
        options: The options.
        max_score: The largest score that can be. Scores of 0 to 1 are let pass up to 1.1: our
            choice, because detectors that interpolate their heat maps overshoot. Larger ones, where
            they are let pass, are noted.
        notes: What the reader had to decide.

    Raises:
        SkeletonFormatError: A joint has some of its coordinates only, or infinite ones, or a score
            that cannot be.
        ConfigError: Scores are asked for and there are none.
    """
    absent: Array = np.isnan(pos)
    valid: Array = np.asarray(~absent.any(axis=-1))
    infinite: Array = np.asarray(np.isinf(pos).any(axis=-1))
    _forbid(path, ~valid & ~absent.all(axis=-1), skeleton, "all coordinates or none", "some")
    _forbid(path, infinite, skeleton, "coordinates that float32 can hold", "infinity")
    if score is not None:
        bad = valid & ~((score >= 0) & (score <= max_score))
        found = f"{score[bad][0]:g}" if bad.any() else ""
        _forbid(path, bad, skeleton, "a score of 0 to 1", found)
        if (most := score[valid].max(initial=0)) > MAX_SCORE:
            doubt = "no probabilities, kept as they are; they may be a coordinate z"
            notes = (*notes, f"scores up to {most:.4g}: {doubt}")
        valid &= np.asarray(score > options.min_score)
    valid, doubts = settle_zeros(pos, valid, options.zeros)
    notes = (*notes, *doubts)
    if options.zeros != "keep":  # one of zeros only, alone or not, is nobody
        valid &= (valid[..., None] & (pos != 0)).any((1, 2, 3))[:, None, None]
    if options.image_size is not None:
        notes = (*notes, *normalise_pixels(pos, valid, options.image_size, options.unit))
    if options.with_scores:
        if score is None:
            raise ConfigError(f"{path}: with_scores=True, but the file has no scores")
        pos = np.concatenate([pos, score[..., None].astype(np.float32)], -1)
    pos[~valid] = 0
    seen = np.asarray(valid.any((1, 2)))
    return PoseTracks(pos[seen], valid[seen], skeleton, options.fps, tuple(notes))


def scale_parts(pos: Array, options: PoseOptions) -> list[str]:
    """Makes coordinates that are parts of an image's width and height pixels, if its size is told.

    Args:
        pos: Coordinates ``[..., C]`` whose x and y are 0 to 1 inside the image. Is overwritten.
        options: The options; if their ``unit`` says what x and y are, nothing is done.

    Returns:
        A note if the size is not told.
    """
    if options.image_size is None:
        return ["x and y are parts of the image's width and height: image_size gives them one unit"]
    if options.unit is None:
        pos[..., :2] *= np.asarray(options.image_size, np.float32)
    return []


def _forbid(path: Path, bad: Array, skeleton: Skeleton, expected: str, found: str) -> None:
    if bad.any():
        person, frame, joint = (int(index) for index in np.argwhere(bad)[0])
        where = f"track {person}, frame {frame}, joint {skeleton.joints[joint]!r}"
        raise SkeletonFormatError(path, where, expected, found)


def _positive(number: float) -> bool:
    return math.isfinite(number) and number > 0
