"""Turns many files into one store, in several processes, and goes on after a kill."""

from typing import TYPE_CHECKING

from pyg_skeletonmae.__lazy__ import attach

if TYPE_CHECKING:
    from pyg_skeletonmae.datasets.prepare.journal import prepared
    from pyg_skeletonmae.datasets.prepare.prepare import ClipInfo, Side, own_file, prepare_store

__all__ = ["ClipInfo", "Side", "own_file", "prepare_store", "prepared"]

attach(__name__)
