"""Batches for training and evaluation, straight from the store."""

from pyg_skeletonmae.loader.collate import StoreCollater
from pyg_skeletonmae.loader.loader import SkeletonLoader

__all__ = ["SkeletonLoader", "StoreCollater"]
