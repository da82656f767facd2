"""Bodies: named joints, the bones between them, and the layouts people meet."""

from typing import TYPE_CHECKING

from pyg_skeletonmae.__lazy__ import attach

if TYPE_CHECKING:
    from pyg_skeletonmae.skeleton.layouts import LAYOUTS, get_layout
    from pyg_skeletonmae.skeleton.skeleton import Skeleton

__all__ = ["LAYOUTS", "Skeleton", "get_layout"]

attach(__name__)
