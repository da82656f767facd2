"""The store: clips of any length and any number of persons in a few memory-mapped files."""

from pyg_skeletonmae.datasets.store.store import (
    ClipStore,
    check_free,
    make_parent,
    write_checked,
    write_store,
)

__all__ = ["ClipStore", "check_free", "make_parent", "write_checked", "write_store"]
