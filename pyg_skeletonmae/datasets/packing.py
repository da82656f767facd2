"""Between packed files and clips."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from pyg_skeletonmae.datasets.store import ClipStore
from pyg_skeletonmae.datasets.store.clips import Clip
from pyg_skeletonmae.errors import DataError
from pyg_skeletonmae.files.names import nfc
from pyg_skeletonmae.io.packed import Packed, quantise
from pyg_skeletonmae.skeleton import Skeleton
from pyg_skeletonmae.skeleton.layouts import LAYOUTS


def packed_clips(packed: Packed) -> Iterator[Clip]:
    """The sequences of a packed file as clips."""
    for number, name in enumerate(packed.names):
        yield Clip(
            packed.pos(number),
            None if packed.label is None else int(packed.label[number]),
            int(packed.subject[number]),
            name,
            packed.present(number),
            {key: column[number].item() for key, column in packed.extra.items()},
        )


def packed_skeleton(packed: Packed, path: str | Path) -> Skeleton:
    """The layout whose joints and tree a packed file has, else a skeleton named after the file.

    A known layout adds what the file cannot say: body parts, left and right.
    """
    for layout in LAYOUTS.values():
        if fits(layout, packed):
            return layout
    name = re.sub(r"[^A-Za-z0-9_.-]", "-", Path(path).stem).lstrip("_.-")
    return packed.skeleton(name or "packed")


def fits(skeleton: Skeleton, packed: Packed) -> bool:
    """Whether joints (by name, or the data owner's name) and tree are those of a packed file."""
    names = tuple(skeleton.aliases.get(name, name) for name in map(nfc, packed.joint_names))
    return names == skeleton.joints and packed.parents == tuple(skeleton.parents.tolist())


def pack(store: ClipStore, numbers: Sequence[int], scale: float | None) -> Packed:
    """Clips of a store as the contents of a packed file.

    Args:
        store: The store.
        numbers: Which clips.
        scale: The unit of the 16-bit integers; None keeps float32.

    Raises:
        DataError: There is no clip, or a clip does not fit into 16 bits; the message names it.
    """
    if not len(numbers):
        raise DataError("there is no clip to write")
    clips = [store.clip(number) for number in numbers]
    joints = []
    for clip in clips:
        rows = np.asarray(clip.pos).reshape(-1, *np.asarray(clip.pos).shape[2:])
        try:
            joints.append(rows if scale is None else quantise(rows, scale))
        except DataError as error:
            raise DataError(f"{clip.name}: {error}") from None
    persons = np.array([len(np.asarray(clip.pos)) for clip in clips])
    valid = [np.asarray(clip.valid).reshape(-1, store.skeleton.num_joints) for clip in clips]
    label = None if store.label is None else store.label.numpy()[list(numbers)]
    return Packed(
        joints=np.concatenate(joints),
        scale=1.0 if scale is None else scale,
        offset=np.concatenate([[0], np.cumsum([len(rows) for rows in joints])]),
        subject=store.subject.numpy()[list(numbers)],
        names=tuple(clip.name for clip in clips),
        joint_names=store.skeleton.joints,
        parents=tuple(store.skeleton.parents.tolist()),
        label=label,
        class_names=store.class_names,
        fps=store.card["fps"],
        unit=store.card["unit"],
        tracks=persons if (persons > 1).any() else None,
        valid=None if store.valid is None else np.concatenate(valid),
        extra={key: column.numpy()[list(numbers)] for key, column in store.extra.items()},
    )
