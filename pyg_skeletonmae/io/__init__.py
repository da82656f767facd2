"""Readers and writers, one module per file format."""

from typing import TYPE_CHECKING

from pyg_skeletonmae.__lazy__ import attach

if TYPE_CHECKING:
    from pyg_skeletonmae.io.arrays import read_arrays
    from pyg_skeletonmae.io.bvh import read_bvh
    from pyg_skeletonmae.io.c3d import read_c3d
    from pyg_skeletonmae.io.coco_keypoints import read_coco_keypoints
    from pyg_skeletonmae.io.deeplabcut import read_deeplabcut
    from pyg_skeletonmae.io.download import download_uiprmd
    from pyg_skeletonmae.io.kinetics import read_kinetics
    from pyg_skeletonmae.io.label_csv import Labelled, read_label_csv
    from pyg_skeletonmae.io.landmark_columns import TableOptions
    from pyg_skeletonmae.io.landmark_table import read_landmark_table
    from pyg_skeletonmae.io.mediapipe import read_mediapipe
    from pyg_skeletonmae.io.mediapipe_json import read_mediapipe_json
    from pyg_skeletonmae.io.mmpose import read_mmpose
    from pyg_skeletonmae.io.npz import NpzFile
    from pyg_skeletonmae.io.ntu import read_ntu
    from pyg_skeletonmae.io.openpose import read_openpose
    from pyg_skeletonmae.io.packed import Packed, read_packed, write_packed
    from pyg_skeletonmae.io.pku import read_pku, read_pku_labels, read_pku_split
    from pyg_skeletonmae.io.poses import PoseOptions, PoseTracks
    from pyg_skeletonmae.io.pyskl import Pyskl, PysklClip, read_pyskl, write_pyskl
    from pyg_skeletonmae.io.sleap import read_sleap
    from pyg_skeletonmae.io.stgcn import StgcnFile
    from pyg_skeletonmae.io.trc import read_trc
    from pyg_skeletonmae.io.uiprmd import read_positions, read_recordings
    from pyg_skeletonmae.io.xy_npz import XYFile
    from pyg_skeletonmae.io.yolo_pose import read_yolo_pose

__all__ = [
    "Labelled",
    "NpzFile",
    "Packed",
    "PoseOptions",
    "PoseTracks",
    "Pyskl",
    "PysklClip",
    "StgcnFile",
    "TableOptions",
    "XYFile",
    "download_uiprmd",
    "read_arrays",
    "read_bvh",
    "read_c3d",
    "read_coco_keypoints",
    "read_deeplabcut",
    "read_kinetics",
    "read_label_csv",
    "read_landmark_table",
    "read_mediapipe",
    "read_mediapipe_json",
    "read_mmpose",
    "read_ntu",
    "read_openpose",
    "read_packed",
    "read_pku",
    "read_pku_labels",
    "read_pku_split",
    "read_positions",
    "read_pyskl",
    "read_recordings",
    "read_sleap",
    "read_trc",
    "read_yolo_pose",
    "write_packed",
    "write_pyskl",
]

attach(__name__)
