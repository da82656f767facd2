"""Several prepared stores as one data set; nothing is copied."""

from __future__ import annotations

from collections.abc import Sequence

from pyg_skeletonmae.datasets.concat_store import ConcatStore
from pyg_skeletonmae.datasets.conversion import Transform
from pyg_skeletonmae.datasets.skeleton_dataset import SkeletonDataset
from pyg_skeletonmae.datasets.store import ClipStore


def concat(
    datasets: Sequence[SkeletonDataset], transform: Transform | None = None
) -> SkeletonDataset:
    """Data sets, or views of them, one after the other, as one that copies no clip.

    Their skeletons and channels must be the same. Classes go by their names: those of the same name
    are one, labels follow; if a data set is unlabelled, so is the whole. Performers keep their
    numbers, which may mean different people: the column ``store`` counts the data sets from 0, for
    ``split("store", train=[0])``. Further columns are those that all have.

    Args:
        datasets: The data sets; their own transforms are not used.
        transform: Applied to a clip at every access.

    Raises:
        DataError: There is none, or they do not fit each other; the message names two.
    """
    stores: dict[int, ClipStore] = {id(dataset.store): dataset.store for dataset in datasets}
    store = ConcatStore(list(stores.values()))
    first, clips = {}, 0
    for key, part in stores.items():
        first[key], clips = clips, clips + len(part)
    numbers = [first[id(dataset.store)] + i for dataset in datasets for i in dataset.indices()]
    view = SkeletonDataset(store, transform).index_select(numbers)
    assert isinstance(view, SkeletonDataset)
    return view
