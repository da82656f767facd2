"""The store: clips of any length and any number of persons in a few memory-mapped files."""

from typing import TYPE_CHECKING

from pyg_skeletonmae.__lazy__ import attach

if TYPE_CHECKING:
    from pyg_skeletonmae.datasets.store.clips import Clip
    from pyg_skeletonmae.datasets.store.store import (
        ClipStore,
        check_free,
        make_parent,
        write_checked,
        write_store,
        written_once,
    )

__all__ = [
    "Clip",
    "ClipStore",
    "check_free",
    "make_parent",
    "write_checked",
    "write_store",
    "written_once",
]

attach(__name__)
