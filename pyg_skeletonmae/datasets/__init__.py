"""Data sets over the ragged, memory-mapped clip store."""

from typing import TYPE_CHECKING

from pyg_skeletonmae.__lazy__ import attach

if TYPE_CHECKING:
    from pyg_skeletonmae.datasets.concat import concat
    from pyg_skeletonmae.datasets.parts import join_parts
    from pyg_skeletonmae.datasets.sets.hrnet_poses import Diving48, FineGym
    from pyg_skeletonmae.datasets.sets.ntu import NTURGBD
    from pyg_skeletonmae.datasets.sets.pkummd import PKUMMD
    from pyg_skeletonmae.datasets.sets.pose_folder import PoseFolder
    from pyg_skeletonmae.datasets.sets.pyskl import PysklDataset
    from pyg_skeletonmae.datasets.sets.pyskl_clips import PysklOptions
    from pyg_skeletonmae.datasets.sets.pyskl_export import export_pyskl
    from pyg_skeletonmae.datasets.sets.stgcn import StgcnDataset
    from pyg_skeletonmae.datasets.sets.synthetic import SyntheticActions
    from pyg_skeletonmae.datasets.sets.uiprmd import UIPRMD
    from pyg_skeletonmae.datasets.sets.xy import XYDataset
    from pyg_skeletonmae.datasets.skeleton_dataset import SkeletonDataset
    from pyg_skeletonmae.datasets.store import ClipStore, write_store
    from pyg_skeletonmae.datasets.store.cached import StoreCache
    from pyg_skeletonmae.datasets.store.clips import Clip
    from pyg_skeletonmae.datasets.store.data_card import DataCard

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
    "StgcnDataset",
    "StoreCache",
    "SyntheticActions",
    "UIPRMD",
    "XYDataset",
    "export_pyskl",
    "concat",
    "join_parts",
    "write_store",
]

attach(__name__)
