"""Sliding windows over untrimmed sequences, as batches."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import cast

import torch
from torch import Tensor
from torch_geometric.data import Batch, Data
from torch_geometric.data.data import BaseData

from pyg_skeletonmae.batch import as_tracks, tracks_edge_index
from pyg_skeletonmae.datasets import SkeletonDataset
from pyg_skeletonmae.errors import DataError
from pyg_skeletonmae.evaluation.detection import Segment
from pyg_skeletonmae.evaluation.temporal import window_labels, window_starts
from pyg_skeletonmae.skeleton import Skeleton


class WindowLoader:
    """The windows of all recordings of a view, in order, as batches with classes.

    Nothing is copied to disk. A person who is not seen in a window is no track of it; windows that
    show nobody keep one track, all of it missing. ``y`` is the class of the annotation at the
    middle of the window, ``background`` where there is none.

    Args:
        dataset: Untrimmed recordings.
        annotations: The actions in each recording of the view.
        window: The length of a window in frames; shorter recordings are one window.
        stride: From the beginning of one window to that of the next.
        background: The class of windows without an action.
        transform: Applied to every batch; it has to resample to one number of frames.
        batch_size: Windows per batch, all of one recording.
        once: Applied to every window alone before ``transform``, which is then, too.
    """

    def __init__(
        self,
        dataset: SkeletonDataset,
        annotations: Sequence[Sequence[Segment]],
        window: int,
        stride: int,
        background: int,
        transform: Callable[[Data], Data],
        batch_size: int = 64,
        once: Callable[[Data], Data] | None = None,
    ) -> None:
        if len(annotations) != len(dataset):
            raise DataError(f"{len(dataset)} recordings, annotations of {len(annotations)}")
        self.dataset, self.annotations = dataset, annotations
        self.window, self.background = window, background
        self.transform, self.batch_size, self.once = transform, batch_size, once
        self.frames = [int(dataset.store.length[number]) for number in dataset.indices()]
        self.starts = [window_starts(frames, window, stride) for frames in self.frames]

    def __iter__(self) -> Iterator[Data]:
        for place, number in enumerate(self.dataset.indices()):
            starts, recording = self.starts[place], self.dataset.get(number)
            labels = window_labels(
                self.annotations[place], starts, self.window, self.frames[place], self.background
            )
            for first in range(0, len(starts), self.batch_size):
                part = slice(first, first + self.batch_size)
                cut: list[BaseData] = [
                    cut_window(recording, self.dataset.skeleton, start, self.window, label)
                    for start, label in zip(starts[part], labels[part], strict=True)
                ]
                if self.once is None:
                    yield self.transform(cast(Data, Batch.from_data_list(cut)))
                    continue
                alone = [self.transform(self.once(cast(Data, clip))) for clip in cut]
                yield cast(Data, Batch.from_data_list(cast(list[BaseData], alone)))

    def split(self, values: Tensor) -> list[Tensor]:
        """Cuts what was found for all windows, ``[W, ...]``, into one tensor per recording."""
        return list(torch.split(values, [len(starts) for starts in self.starts]))

    def __repr__(self) -> str:
        windows = sum(len(starts) for starts in self.starts)
        return (
            f"{type(self).__name__}(recordings={len(self.starts)}, windows={windows}, "
            f"window={self.window})"
        )


def cut_window(recording: Data, skeleton: Skeleton, start: int, window: int, label: int) -> Data:
    """Some frames of a recording as a clip of class ``label``, with the persons seen in them."""
    joints, frames = skeleton.num_joints, slice(start, start + window)
    pos = as_tracks(recording["pos"], joints)[:, :, frames]
    valid = as_tracks(recording["valid"], joints)[:, :, frames]
    seen = valid.flatten(1).any(1)
    if not bool(seen.any()):
        seen[0] = True
    tracks = int(seen.sum())
    return Data(
        pos=pos[seen].flatten(0, 1),
        valid=valid[seen].flatten(0, 1),
        edge_index=tracks_edge_index(skeleton, tracks),
        y=torch.tensor([label]),
        num_tracks=torch.tensor([tracks]),
        clip_id=recording["clip_id"],
        subject=recording["subject"],
        key=recording["key"],
    )
