"""Annotations of pyskl as clips: what is missing, and pixels as coordinates."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, NamedTuple, get_args

import numpy as np

from pyg_skeletonmae.datasets.store.clips import Array, Clip
from pyg_skeletonmae.errors import ConfigError, DataError, SkeletonFormatError
from pyg_skeletonmae.io.ntu import parse_name
from pyg_skeletonmae.io.pyskl import PysklClip

Scores = Literal["mask", "channel", "both"]
Pixels = Literal["normalise", "keep"]


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

    Raises:
        ConfigError: A value is none of these.
    """

    scores: Scores = "mask"
    min_score: float = 0.01
    pixels: Pixels = "normalise"
    img_shape: tuple[int, int] | None = None

    def __post_init__(self) -> None:
        for name, value, known in (
            ("scores", self.scores, Scores),
            ("pixels", self.pixels, Pixels),
        ):
            if value not in get_args(known):
                choices = ", ".join(get_args(known))
                raise ConfigError(f"{name} {value!r}: expected one of {choices}")
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

    def __call__(self, task: PysklTask) -> Iterator[Clip]:
        """The clip of an annotation.

        Raises:
            DataError: It has no label while others have one, or no image size.
        """
        clip = task.clip
        if self.labelled and clip.label is None:
            raise DataError("has no label")
        pos, valid = pyskl_tracks(clip, self.options)
        extra, subject = {f"in_{split}": member for split, member in task.splits}, -1
        if self.ntu:
            said = parse_name(clip.name)
            subject = said.performer
            columns = {"setup": said.setup, "camera": said.camera, "replication": said.replication}
            extra = {**columns, **extra}
        yield Clip(pos, clip.label, subject, clip.name, valid, extra)


def pyskl_tracks(clip: PysklClip, options: PysklOptions) -> tuple[Array, Array]:
    """Coordinates ``[M, T, V, C]``, float32, and which joints are present ``[M, T, V]``.

    Where scores do not decide, a person who is all zero in a frame is missing there. A clip is 2-D
    if it has two channels, or three, an image size and no scores of its own: the third channel then
    is the score.

    Raises:
        DataError: Pixels are to be normalised, and the image size is not known.
    """
    pos: Array = clip.keypoint.astype(np.float32)
    score = clip.score
    there = np.asarray((pos != 0).any((2, 3)))[..., None]
    valid = np.repeat(there, pos.shape[2], -1)
    if pos.shape[3] == 3 and score is None and clip.img_shape is not None:
        pos, score = pos[..., :2], pos[..., 2]
    if pos.shape[3] == 2 and options.pixels == "normalise":
        shape = clip.img_shape or options.img_shape
        if shape is None:
            raise DataError("has no img_shape; give one, or keep the pixels")
        half = np.array([shape[1], shape[0]], np.float32) / 2
        pos = (pos - half) / half
    if score is None:
        return pos, valid
    score = score.astype(np.float32)
    if options.scores != "channel":
        valid = np.asarray(score > options.min_score)
    if options.scores != "mask":
        pos = np.concatenate([pos, score[..., None]], -1)
    return pos, valid


def named_as_ntu(names: list[str]) -> bool:
    """Whether all names are those of NTU RGB+D."""
    try:
        return all(str(parse_name(name)) == name for name in names)
    except SkeletonFormatError:
        return False
