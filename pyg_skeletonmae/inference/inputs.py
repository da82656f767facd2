"""Clips in any form that people have them, as tracks of joints."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import count
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import torch
from torch import Tensor
from torch_geometric.data import Data

from pyg_skeletonmae.batch import as_tracks, positions, valid_joints
from pyg_skeletonmae.datasets import SkeletonDataset
from pyg_skeletonmae.datasets.store.clips import Clip, checked_clip, plain_array
from pyg_skeletonmae.errors import DataError
from pyg_skeletonmae.inference.files import Reading, Recording, dataset_recordings, read_path
from pyg_skeletonmae.io.axes import check_order
from pyg_skeletonmae.io.npz import Array
from pyg_skeletonmae.io.poses import PoseTracks, finish_tracks
from pyg_skeletonmae.skeleton import Skeleton
from pyg_skeletonmae.skeleton.layouts import get_layout

Clips: TypeAlias = (
    "Array | Tensor | Data | PoseTracks | SkeletonDataset | str | Path | Iterable[Any]"
)
"""What is predicted and embedded, see :meth:`~pyg_skeletonmae.inference.Recognizer.predict`."""


def recordings(clips: Any, skeleton: Skeleton, reading: Reading) -> Iterator[Recording]:
    """The recordings in whatever is given.

    Args:
        clips: See :meth:`~pyg_skeletonmae.inference.Recognizer.predict`.
        skeleton: Of the model: that of clips that do not say theirs.
        reading: What else is not said by the clips.

    Raises:
        DataError: It is nothing of the kind, or a clip does not fit its skeleton.
        SkeletonMAEError: A file is damaged, or could mean several things.
    """
    if reading.skeleton is not None:
        skeleton = get_layout(reading.skeleton)
    yield from _recordings(clips, skeleton, reading, count())


def _recordings(
    clips: Any, skeleton: Skeleton, reading: Reading, numbers: Iterator[int]
) -> Iterator[Recording]:
    if isinstance(clips, str | Path):
        yield from read_path(Path(clips), skeleton, reading)
    elif isinstance(clips, SkeletonDataset):
        yield from dataset_recordings(clips)
    elif isinstance(clips, PoseTracks):
        yield Recording(f"clip {next(numbers)}", clips)
    elif isinstance(clips, Data):
        several: Any = getattr(clips, "to_data_list", None)  # of a batch
        for data in [clips] if several is None else several():
            yield _data_recording(data, skeleton, f"clip {next(numbers)}")
    elif isinstance(clips, np.ndarray | Tensor):
        yield _array_recording(clips, skeleton, reading, f"clip {next(numbers)}")
    elif isinstance(clips, Iterable) and not isinstance(clips, dict | bytes):
        for clip in clips:
            yield from _recordings(clip, skeleton, reading, numbers)
    else:
        raise DataError(
            "clips: expected an array [T, V, C] or [M, T, V, C], a Data, a SkeletonDataset, a file "
            f"or folder, or a list of such, found {type(clips).__name__}"
        )


def _data_recording(data: Data, skeleton: Skeleton, name: str) -> Recording:
    pos, valid = positions(data), valid_joints(data)
    if pos.dim() != 3 or not pos.numel() or not pos.is_floating_point():
        raise DataError(f"{name}: pos {list(pos.shape)}: expected floats [N, T, C], none empty")
    tracks = as_tracks(pos, skeleton.num_joints)
    if len(tracks) != int(data.get("num_tracks", torch.tensor(len(tracks))).sum()):
        raise DataError(
            f"{name}: {len(pos)} nodes are not {int(data.num_tracks.sum())} persons of the "
            f"{skeleton.num_joints} joints of {skeleton.name}; name their skeleton with skeleton="
        )
    if not bool((pos.isfinite().all(-1) | ~valid).all()):
        raise DataError(f"{name}: a joint that is present has a coordinate that is not finite")
    own: Array = tracks.detach().cpu().float().transpose(1, 2).contiguous().numpy()
    present: Array = as_tracks(valid, skeleton.num_joints).cpu().transpose(1, 2).numpy()
    return Recording(name, PoseTracks(own, np.ascontiguousarray(present), skeleton))


def _array_recording(
    array: Array | Tensor, skeleton: Skeleton, reading: Reading, name: str
) -> Recording:
    pos = plain_array(array)
    note = check_order(pos, skeleton.num_joints, name)
    clip = checked_clip(Clip(pos, name=name), skeleton)
    own = np.array(clip.pos, np.float32)
    return Recording(
        name,
        finish_tracks(
            Path(name), own, None, skeleton, reading.options, notes=(note,) if note else ()
        ),
    )
