"""Detection in untrimmed sequences by a classifier on sliding windows."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from pyg_skeletonmae.errors import ConfigError, DataError
from pyg_skeletonmae.evaluation.detection import (
    Segment,
    check_segments,
    detection_map,
    find_segments,
)


def window_starts(frames: int, window: int, stride: int) -> list[int]:
    """Where windows begin: every ``stride`` frames, and one that ends with the sequence.

    A sequence shorter than a window has one window, at 0.

    Raises:
        ConfigError: A number is not positive.
    """
    if min(frames, window, stride) < 1:
        raise ConfigError(f"frames {frames}, window {window}, stride {stride}: expected all >= 1")
    last = max(0, frames - window)
    return sorted({*range(0, last + 1, stride), last})


def window_labels(
    annotations: Sequence[Segment], starts: Sequence[int], window: int, frames: int, background: int
) -> list[int]:
    """The class of each window: that of the annotation at its middle, else the background.

    Where annotations overlap, the one that began last counts. Of a window that is longer than its
    sequence of ``frames`` the middle is that of the sequence.
    """
    labels = []
    for start in starts:
        middle = start + min(window, frames - start) // 2
        here = [segment for segment in annotations if segment.start <= middle < segment.stop]
        labels.append(max(here, key=lambda s: s.start).label if here else background)
    return labels


def frame_probabilities(
    probabilities: Tensor, starts: Sequence[int], window: int, frames: int
) -> Tensor:
    """The mean over the windows that hold a frame, ``[T, K]``.

    Args:
        probabilities: Of the windows, ``[W, K]``.
        starts: Where they begin, ``W`` numbers that leave no frame without a window.
        window: Their length.
        frames: The length ``T`` of the sequence.

    Raises:
        DataError: Windows and probabilities differ in number, or a frame lies in no window.
    """
    if len(probabilities) != len(starts):
        raise DataError(f"{len(starts)} windows, probabilities of {len(probabilities)}")
    total = probabilities.new_zeros(frames, probabilities.size(1))
    count = probabilities.new_zeros(frames, 1)
    for start, own in zip(starts, probabilities, strict=True):
        total[start : start + window] += own
        count[start : start + window] += 1
    if bool((count == 0).any()):
        raise DataError(f"frame {int((count[:, 0] == 0).nonzero()[0])} lies in no window")
    return total / count


def temporal(
    probabilities: Sequence[Tensor],
    starts: Sequence[Sequence[int]],
    frames: Sequence[int],
    annotations: Sequence[Sequence[Segment]],
    window: int,
    background: int | None = None,
    shortest: int = 1,
    ious: Sequence[float] = (0.1, 0.5),
) -> dict[str, float]:
    """Sliding-window detection: window scores to frames, frames to segments, segments to precision.

    Args:
        probabilities: Of the windows of every sequence, ``[W, K]`` each, from any classifier.
        starts: Where the windows of every sequence begin, see :func:`window_starts`.
        frames: The length of every sequence.
        annotations: The actions in every sequence.
        window: The length of the windows.
        background: The class of frames without an action; None = the classifier knows none.
        shortest: Detections of fewer frames are dropped.
        ious: The overlaps from which a detection counts.

    Returns:
        ``map_action_0.1``, ``map_video_0.1``, ``map_action_0.5`` ..., see
        :func:`~pyg_skeletonmae.evaluation.detection.detection_map`; ``frame_top1``, the share of
        frames with the right class (the background is one; without it, of annotated frames).

    Raises:
        ConfigError: An overlap is out of range.
        DataError: The sequences do not fit together, or an annotation is none.
    """
    if not len(probabilities) == len(starts) == len(frames) == len(annotations):
        raise DataError("probabilities, starts, frames and annotations: one of each per sequence")
    check_segments(annotations, frames, background)
    detections, right, counted = [], 0, 0
    for number, scores in enumerate(probabilities):
        own = frame_probabilities(scores, starts[number], window, frames[number])
        detections.append(find_segments(own, background, shortest))
        truth = torch.full((frames[number],), -1 if background is None else background)
        for segment in sorted(annotations[number]):
            truth[segment.start : segment.stop] = segment.label
        right += int(((own.argmax(1) == truth) & (truth >= 0)).sum())
        counted += int((truth >= 0).sum())
    results = {"frame_top1": right / max(1, counted)}
    for iou in ious:
        measured = detection_map(detections, annotations, iou)
        results |= {f"{name}_{iou:g}": value for name, value in measured.items()}
    return results
