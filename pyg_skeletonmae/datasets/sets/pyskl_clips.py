"""Annotations of pyskl as clips: what is missing, and pixels as coordinates."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal, NamedTuple, get_args

import numpy as np

from pyg_skeletonmae.datasets.store.clips import Array, Clip, Note
from pyg_skeletonmae.errors import ConfigError, DataError, SkeletonFormatError, check_choice
from pyg_skeletonmae.io.ntu import parse_name
from pyg_skeletonmae.io.pixels import TURNED, Unit, are_normalised, normalise_pixels
from pyg_skeletonmae.io.poses import MAX_SCORE
from pyg_skeletonmae.io.pyskl import PysklClip

Scores = Literal["mask", "channel", "both"]
Pixels = Literal["normalise", "keep"]
Third = Literal["score", "z"]
SizeOrder = Literal["hw", "wh"]


@dataclass(frozen=True)
class PysklOptions:
    """What is done with the scores and the pixels of 2-D annotations.

    Args:
        scores: ``"mask"``: a joint is missing unless its score is above ``min_score``;
            ``"channel"``: the score is the third channel, and no joint of a person who is there is
            missing; ``"both"``. Without effect where there are no scores.
        min_score: The bound of ``"mask"``; 0.01 is that of pyskl.
        pixels: ``"normalise"``: x becomes ``(x - w/2) / (w/2)``, and y likewise, with the image
            size of the clip, as in pyskl; ``"keep"``: pixels, or whatever the file holds.
        img_shape: Height and width of the images of clips that do not say it; None = such clips
            are left out if their pixels are to be normalised.
        third: What the third of three channels is where there are no scores beside them; None =
            ``"score"`` where clips have an image size, but ``"z"`` where it is outside of 0 to 1 in
            half of the clips, or there is no image size; what speaks against it is noted.
        unit: What x and y are: ``"pixel"``, or ``"normalised"``, which is kept; None = pixels,
            unless nearly all lie within -2 to 2 (nobody is two pixels large), which is noted.
        size_order: In which order a clip gives its image size; None = height and width, as in
            pyskl, and coordinates that only fit the other order are noted.

    Raises:
        ConfigError: A value is none of these.
    """

    scores: Scores = "mask"
    min_score: float = 0.01
    pixels: Pixels = "normalise"
    img_shape: tuple[int, int] | None = None
    third: Third | None = None
    unit: Unit | None = None
    size_order: SizeOrder | None = None

    def __post_init__(self) -> None:
        check_choice("scores", self.scores, get_args(Scores))
        check_choice("pixels", self.pixels, get_args(Pixels))
        check_choice("third", self.third or "z", get_args(Third))
        check_choice("unit", self.unit or "pixel", get_args(Unit))
        check_choice("size_order", self.size_order or "hw", get_args(SizeOrder))
        if not math.isfinite(self.min_score):
            raise ConfigError(f"min_score={self.min_score}: expected a finite number")
        if self.img_shape is not None and not (
            len(self.img_shape) == 2 and min(self.img_shape) > 0
        ):
            raise ConfigError(f"img_shape={self.img_shape}: expected (height, width) in pixels")


class PysklTask(NamedTuple):
    """An annotation, and the splits of its file: is it in them (1) or not (0)."""

    clip: PysklClip
    splits: tuple[tuple[str, int], ...]


@dataclass(frozen=True)
class ReadPyskl:
    """Turns an annotation into a clip.

    Args:
        options: What is done with scores and pixels.
        labelled: The clips have labels; one without is left out.
        ntu: The names are those of NTU RGB+D and say performer, setup, camera and replication.
    """

    options: PysklOptions
    labelled: bool
    ntu: bool

    def __call__(self, task: PysklTask) -> Iterator[Clip | Note]:
        """The clip of an annotation, and what its numbers say against its unit and its size.

        Raises:
            DataError: It has no label while others have one, no image size, or no scores where
                there should be some.
        """
        clip = task.clip
        if self.labelled and clip.label is None:
            raise DataError("has no label")
        pos, valid, notes = _tracks(clip, self.options)
        extra, subject = {f"in_{split}": member for split, member in task.splits}, -1
        if self.ntu:
            name = parse_name(clip.name)
            subject = name.performer
            columns = {"setup": name.setup, "camera": name.camera, "replication": name.replication}
            extra = {**columns, **extra}
        yield Clip(pos, clip.label, subject, clip.name, valid, extra)
        yield from (Note(clip.name, note) for note in notes)


def settled(
    clips: Sequence[PysklClip], options: PysklOptions
) -> tuple[PysklOptions, tuple[str, ...]]:
    """Options that say what a third channel is, one for all clips, and what speaks against it.

    Args:
        clips: The clips of a file.
        options: What is asked for; ``third`` stands if it is said.
    """
    # Clips with a third channel that may be either.
    clips = [clip for clip in clips if clip.keypoint.shape[3] == 3 and clip.score is None]
    if options.third is not None or not clips:
        return options, ()
    sized = any(clip.img_shape is not None for clip in clips)
    pixels = all(not are_normalised(clip.keypoint, _present(clip)) for clip in clips)
    thirds = [clip.keypoint[..., 2] for clip in clips]
    depths = sum(bool((np.isfinite(x) & ((x < 0) | (x > MAX_SCORE))).any()) for x in thirds)
    if sized and 2 * depths < len(clips):
        third: Third = "score"
        against = "" if pixels else "x and y lie within -2 to 2 as it does"
    else:
        third = "z"
        against = f"{depths} of {len(clips)} clips have it outside of 0 to 1" if sized else ""
        if not depths and pixels:
            against = "it lies within 0 to 1 beside pixels"
    if not against:
        return replace(options, third=third), ()
    reading = f"the third channel is read as {third}, as in all of the file: {against}"
    return replace(options, third=third), (f"{reading}; third='score' or third='z' settles it",)


def pyskl_tracks(clip: PysklClip, options: PysklOptions) -> tuple[Array, Array]:
    """Coordinates ``[M, T, V, C]``, float32, and which joints are present ``[M, T, V]``.

    Where scores do not decide, a person who is all zero in a frame is missing there. A clip is 2-D
    if it has two channels, or three of which the third is the score, see
    :attr:`PysklOptions.third`.

    Raises:
        DataError: Pixels are to be normalised, and the image size is not known.
    """
    pos, valid, _ = _tracks(clip, settled([clip], options)[0])
    return pos, valid


def _tracks(clip: PysklClip, options: PysklOptions) -> tuple[Array, Array, tuple[str, ...]]:
    pos: Array = clip.keypoint.astype(np.float32)
    score, valid = clip.score, _present(clip)
    notes: tuple[str, ...] = ()
    if pos.shape[3] == 3 and score is None and options.third == "score":
        pos, score = pos[..., :2], pos[..., 2]
    if pos.shape[3] == 2 and options.pixels == "normalise":
        pos, notes = _normalised(clip, pos, valid, options)
    if score is None:
        return pos, valid, notes
    score = score.astype(np.float32)
    if options.scores != "channel":
        person = valid.any((1, 2), keepdims=True)  # whatever the score of one who is all zero
        valid = np.asarray(score > options.min_score) & person
    if options.scores != "mask":
        pos = np.concatenate([pos, score[..., None]], -1)
    return pos, valid, notes


def _present(clip: PysklClip) -> Array:
    """The joints of persons who are not all zero in a frame, ``[M, T, V]``."""
    person = np.asarray((clip.keypoint != 0).any((2, 3)))[..., None]
    return np.repeat(person, clip.keypoint.shape[2], -1)


def _normalised(
    clip: PysklClip, pos: Array, valid: Array, options: PysklOptions
) -> tuple[Array, tuple[str, ...]]:
    height, width = clip.img_shape or options.img_shape or (0, 0)
    if options.unit != "normalised" and not height:
        raise DataError("has no img_shape; give one, or keep the pixels")
    if options.size_order == "wh" and clip.img_shape is not None:
        height, width = width, height
    pos = np.ascontiguousarray(pos)
    notes = normalise_pixels(pos, valid, (width, height), options.unit)
    hint = "" if options.size_order else "; size_order='hw' or size_order='wh' settles it"
    return pos, tuple(note + hint if note == TURNED else note for note in notes)


def named_as_ntu(names: list[str]) -> bool:
    """Whether all names are those of NTU RGB+D."""
    try:
        return all(str(parse_name(name)) == name for name in names)
    except SkeletonFormatError:
        return False
