"""A data set as a pickle of pyskl."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from pyg_skeletonmae.datasets.skeleton_dataset import SkeletonDataset
from pyg_skeletonmae.datasets.store.clips import Clip
from pyg_skeletonmae.io.pyskl import PysklClip, write_pyskl


def export_pyskl(
    dataset: SkeletonDataset, path: str | Path, splits: Mapping[str, SkeletonDataset] | None = None
) -> None:
    """Writes the clips of a view, untransformed, so that pyskl and ``PysklDataset`` read them.

    Nothing is lost: ``keypoint`` is float16, as in the files of pyskl, if that holds the values
    exactly, else float32. Missing joints are zero; if they are not just persons who are absent
    from a frame, ``keypoint_score`` says which they are (1 = present, 0 = missing). Subjects and
    further columns have no place in the format. Coordinates are written as they are: read those
    that were pixels once with ``PysklOptions(pixels="keep")``.

    Args:
        dataset: The view.
        path: The file.
        splits: Views of the same clips, by the name of their split, ``"xsub_train"`` for example.

    Raises:
        DataError: Two clips have the same name, or a split has a clip that the view has not.
    """
    clips = [_annotation(dataset.store.clip(number)) for number in dataset.indices()]
    members = {
        name: [view.store.names[number] for number in view.indices()]
        for name, view in (splits or {}).items()
    }
    write_pyskl(path, clips, members)


def _annotation(clip: Clip) -> PysklClip:
    pos, valid = np.asarray(clip.pos), np.asarray(clip.valid)
    with np.errstate(over="ignore"):
        half = pos.astype(np.float16)
    exact = np.array_equal(half.astype(np.float32), pos)
    present = np.repeat(np.asarray((pos != 0).any((2, 3)))[..., None], pos.shape[2], -1)
    return PysklClip(
        clip.name,
        half if exact else pos.copy(),
        None if clip.label is None else int(clip.label),
        None if np.array_equal(present, valid) else valid.astype(np.float16),
    )
