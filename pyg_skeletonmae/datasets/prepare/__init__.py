"""Turns many files into one store, in several processes, and goes on after a kill."""

from pyg_skeletonmae.datasets.prepare.prepare import ClipInfo, Side, own_file, prepare_store

__all__ = ["ClipInfo", "Side", "own_file", "prepare_store"]
