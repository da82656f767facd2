"""Data sets over the ragged, memory-mapped clip store."""

from pyg_skeletonmae.datasets.card import DataCard
from pyg_skeletonmae.datasets.clips import Clip
from pyg_skeletonmae.datasets.concat import concat
from pyg_skeletonmae.datasets.hrnet_poses import Diving48, FineGym
from pyg_skeletonmae.datasets.ntu import NTURGBD
from pyg_skeletonmae.datasets.pkummd import PKUMMD
from pyg_skeletonmae.datasets.pose_folder import PoseFolder
from pyg_skeletonmae.datasets.pyskl import PysklDataset
from pyg_skeletonmae.datasets.pyskl_clips import PysklOptions
from pyg_skeletonmae.datasets.pyskl_export import export_pyskl
from pyg_skeletonmae.datasets.skeleton_dataset import SkeletonDataset
from pyg_skeletonmae.datasets.store import ClipStore, write_store
from pyg_skeletonmae.datasets.synthetic import SyntheticActions
from pyg_skeletonmae.datasets.uiprmd import UIPRMD
from pyg_skeletonmae.datasets.xy import XYDataset

__all__ = [
    "Clip",
    "ClipStore",
    "DataCard",
    "Diving48",
    "FineGym",
    "NTURGBD",
    "PKUMMD",
    "PoseFolder",
    "PysklDataset",
    "PysklOptions",
    "SkeletonDataset",
    "SyntheticActions",
    "UIPRMD",
    "XYDataset",
    "export_pyskl",
    "concat",
    "write_store",
]
