"""Data sets with other joints, or with clips that were transformed once."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from pathlib import Path
from typing import TypeVar

from pyg_skeletonmae.datasets.conversion import Transform, processed_store, to_clip
from pyg_skeletonmae.datasets.skeleton_dataset import SkeletonDataset
from pyg_skeletonmae.datasets.store import ClipStore, write_store, written_once
from pyg_skeletonmae.datasets.store.clips import Clip
from pyg_skeletonmae.files.names import portable
from pyg_skeletonmae.skeleton import Skeleton
from pyg_skeletonmae.transforms.map_joints import MapJoints

Set = TypeVar("Set", bound=SkeletonDataset)


def with_joints(dataset: Set, skeleton: Skeleton, folder: str | Path) -> Set:
    """The data set over a store of its clips with the joints of another skeleton.

    The store is written once, under a name that tells clips and skeleton. See
    :class:`~pyg_skeletonmae.transforms.MapJoints` for what becomes of joints that are missing.

    Args:
        dataset: A whole data set, no view.
        skeleton: The joints it gets.
        folder: Where such stores are kept.

    Raises:
        SkeletonError: The two skeletons have no joint in common.
    """
    if dataset.skeleton.joints == skeleton.joints:
        return dataset
    transform, store = MapJoints(dataset.skeleton, skeleton), dataset.store
    root = Path(folder) / portable(f"{store.content_hash[:12]}-{skeleton.name}")

    def clips() -> Iterator[Clip]:
        for number in range(len(store)):
            yield to_clip(transform(dataset.get(number)), store.clip(number))

    def write() -> None:
        names = store.class_names if store.label is not None else None
        source, card = f"{store.card['source']}; joints of {skeleton.name}", store.card
        write_store(
            root, clips(), skeleton, names, source=source, fps=card["fps"], unit=card["unit"],
            all_tracks=True,
            about={"column_names": store.column_names} if store.column_names else None,
        )  # fmt: skip

    written_once(root, write)
    return _over(dataset, ClipStore(root))


def with_transform(dataset: Set, transform: Transform, folder: str | Path) -> Set:
    """The data set over a store of its transformed clips, which may differ in length.

    The store is written once, under a name that tells clips and transform.

    Args:
        dataset: A whole data set, no view.
        transform: Applied to every clip.
        folder: Where such stores are kept.

    Raises:
        DataError: A transformed clip does not fit the skeleton.
    """
    return _over(dataset, processed_store(dataset.store, folder, dataset.get, transform, None))


def has_empty_frames(store: ClipStore) -> bool:
    """Whether a clip has a frame that shows nobody."""
    if store.valid is None:
        return False
    for start, tracks, frames in store.spans:
        seen = store.valid[start : start + tracks * frames].any(dim=1)
        if not bool(seen.view(tracks, frames).any(dim=0).all()):
            return True
    return False


def _over(dataset: Set, store: ClipStore) -> Set:
    view = copy.copy(dataset)
    view.store = store
    view.set_epoch(0)
    return view
