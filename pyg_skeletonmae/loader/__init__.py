"""Batches for training and evaluation, straight from the store."""

from typing import TYPE_CHECKING

from pyg_skeletonmae.__lazy__ import attach

if TYPE_CHECKING:
    from pyg_skeletonmae.loader.collate import StoreCollater
    from pyg_skeletonmae.loader.loader import SkeletonLoader

__all__ = ["SkeletonLoader", "StoreCollater"]

attach(__name__)
