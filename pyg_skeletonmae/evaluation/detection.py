"""Actions in untrimmed sequences: from scores of frames to segments, and their precision."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from pyg_skeletonmae.errors import ConfigError, DataError


class Segment(NamedTuple):
    """An action in a sequence.

    Args:
        start: Its first frame.
        stop: The frame after its last.
        label: Its class, from 0.
        score: How sure a detector is; annotations leave it at 1.
    """

    start: int
    stop: int
    label: int
    score: float = 1.0

    def iou(self, other: Segment) -> float:
        """Frames in both over frames in either; 0 for segments that do not meet."""
        common = max(0, min(self.stop, other.stop) - max(self.start, other.start))
        return common / (self.stop - self.start + other.stop - other.start - common)


def find_segments(
    probabilities: Tensor, background: int | None, shortest: int = 1
) -> list[Segment]:
    """Runs of frames with the same likeliest class.

    Args:
        probabilities: Of every frame, ``[T, K]``.
        background: The class of frames without an action; None = there is none.
        shortest: Runs of fewer frames are dropped.

    Returns:
        Segments in order of time; the score is the mean probability of the class over the run.

    Raises:
        DataError: The probabilities are not ``[T, K]``, or one is NaN or infinite.
    """
    if probabilities.dim() != 2 or not probabilities.size(1):
        raise DataError(f"frame scores {list(probabilities.shape)}: expected [T, K]")
    if not bool(probabilities.isfinite().all()):
        raise DataError("a frame score is NaN or infinite; check the coordinates and the model")
    labels, counts = torch.unique_consecutive(probabilities.argmax(1), return_counts=True)
    stops = counts.cumsum(0)
    segments = []
    for label, count, stop in zip(labels.tolist(), counts.tolist(), stops.tolist(), strict=True):
        if label != background and count >= shortest:
            score = float(probabilities[stop - count : stop, label].mean())
            segments.append(Segment(stop - count, stop, label, score))
    return segments


def detection_map(
    found: Sequence[Sequence[Segment]], truth: Sequence[Sequence[Segment]], iou: float
) -> dict[str, float]:
    r"""Mean average precision of detected segments, as for PKU-MMD.

    From `"PKU-MMD: A Large Scale Benchmark for Skeleton-Based Human Action Understanding"
    <https://arxiv.org/abs/1703.07475>`_. Detections of a class, the surest first, are right if
    their IoU with an annotation of the class in the same sequence is at least ``iou``; each
    annotation is found once, by the detection that comes first, and each detection takes the free
    annotation it overlaps most. With precision :math:`p_i` and recall :math:`r_i` after the
    :math:`i`-th detection, a class has

    .. math::
        \mathrm{AP} = \sum_i (r_i - r_{i-1}) \max_{j \ge i} p_j

    (the interpolated precision over all points of recall).

    Args:
        found: The detections of every sequence.
        truth: The annotations of every sequence.
        iou: The least overlap, above 0, up to 1.

    Returns:
        ``map_action``, the mean over the classes that occur in ``truth``, and ``map_video``, the
        mean over sequences of the average precision of all their detections together (of any class,
        each right only for its own class).

    Raises:
        ConfigError: ``iou`` is out of range.
        DataError: The numbers of sequences differ, nothing is annotated, or a segment is none.
    """
    if not 0 < iou <= 1:
        raise ConfigError(f"iou {iou}: expected a number above 0, up to 1")
    if len(found) != len(truth) or not any(truth):
        raise DataError(
            f"detections of {len(found)} sequences, annotations of {len(truth)}: expected as many, "
            "and at least one annotation"
        )
    check_segments(truth)
    check_segments(found)
    classes = sorted({segment.label for own in truth for segment in own})
    by_class = [
        _average_precision(_of_class(found, label), _of_class(truth, label), iou)
        for label in classes
    ]
    pairs = zip(found, truth, strict=True)
    by_video = [_average_precision([own], [true], iou) for own, true in pairs if true]
    return {"map_action": float(np.mean(by_class)), "map_video": float(np.mean(by_video))}


def check_segments(
    segments: Sequence[Sequence[Segment]],
    frames: Sequence[int] | None = None,
    background: int | None = None,
) -> None:
    """Looks at the segments of every sequence.

    Args:
        segments: The segments.
        frames: The lengths of the sequences, if known.
        background: The class that no segment may have.

    Raises:
        DataError: A segment holds no frame, leaves its sequence, or has no class or no score.
    """
    for number, own in enumerate(segments):
        last = math.inf if frames is None else frames[number]
        for segment in own:
            inside = 0 <= segment.start < segment.stop <= last
            if not inside or segment.label < 0 or segment.label == background:
                raise DataError(
                    f"sequence {number}: {segment}: expected 0 <= start < stop <= {last} and a "
                    f"class from 0{'' if background is None else f', not {background}'}"
                )
            if not math.isfinite(segment.score):
                raise DataError(f"sequence {number}: {segment}: expected a finite score")


def _of_class(segments: Sequence[Sequence[Segment]], label: int) -> list[list[Segment]]:
    return [[segment for segment in own if segment.label == label] for own in segments]


def _average_precision(
    detections: Sequence[Sequence[Segment]], truth: Sequence[Sequence[Segment]], iou: float
) -> float:
    ranked = [(segment, number) for number, own in enumerate(detections) for segment in own]
    ranked.sort(key=lambda pair: -pair[0].score)
    free = [list(own) for own in truth]
    hits = np.zeros(len(ranked))
    for place, (segment, number) in enumerate(ranked):
        same = [true for true in free[number] if true.label == segment.label]
        best = max(same, key=segment.iou, default=None)
        if best is not None and segment.iou(best) >= iou:
            free[number].remove(best)
            hits[place] = 1
    precision = hits.cumsum() / np.arange(1, len(hits) + 1)
    best_after = np.maximum.accumulate(precision[::-1])[::-1]
    return float((hits * best_after).sum() / sum(len(own) for own in truth))
