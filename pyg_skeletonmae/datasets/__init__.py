"""Data sets over the ragged, memory-mapped clip store."""

from pyg_skeletonmae.datasets.card import DataCard
from pyg_skeletonmae.datasets.clips import Clip
from pyg_skeletonmae.datasets.ntu import NTURGBD
from pyg_skeletonmae.datasets.skeleton_dataset import SkeletonDataset
from pyg_skeletonmae.datasets.store import ClipStore, write_store
from pyg_skeletonmae.datasets.synthetic import SyntheticActions
from pyg_skeletonmae.datasets.uiprmd import UIPRMD

__all__ = [
    "Clip",
    "ClipStore",
    "DataCard",
    "NTURGBD",
    "SkeletonDataset",
    "SyntheticActions",
    "UIPRMD",
    "write_store",
]
