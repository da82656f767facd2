"""Readers and writers, one module per file format."""

from pyg_skeletonmae.io.bvh import read_bvh
from pyg_skeletonmae.io.coco_keypoints import read_coco_keypoints
from pyg_skeletonmae.io.deeplabcut import read_deeplabcut
from pyg_skeletonmae.io.download import download_uiprmd
from pyg_skeletonmae.io.mediapipe import read_mediapipe
from pyg_skeletonmae.io.npz import NpzFile
from pyg_skeletonmae.io.openpose import read_openpose
from pyg_skeletonmae.io.packed import Packed, read_packed, write_packed
from pyg_skeletonmae.io.poses import PoseOptions, PoseTracks
from pyg_skeletonmae.io.sleap import read_sleap
from pyg_skeletonmae.io.uiprmd import read_positions, read_recordings

__all__ = [
    "NpzFile",
    "Packed",
    "PoseOptions",
    "PoseTracks",
    "download_uiprmd",
    "read_bvh",
    "read_coco_keypoints",
    "read_deeplabcut",
    "read_mediapipe",
    "read_openpose",
    "read_packed",
    "read_positions",
    "read_recordings",
    "read_sleap",
    "write_packed",
]
