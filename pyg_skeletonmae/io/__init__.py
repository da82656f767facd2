"""Readers and writers, one module per file format."""

from pyg_skeletonmae.io.download import download_uiprmd
from pyg_skeletonmae.io.npz import NpzFile
from pyg_skeletonmae.io.packed import Packed, read_packed, write_packed
from pyg_skeletonmae.io.uiprmd import read_positions, read_recordings

__all__ = [
    "NpzFile",
    "Packed",
    "download_uiprmd",
    "read_packed",
    "read_positions",
    "read_recordings",
    "write_packed",
]
