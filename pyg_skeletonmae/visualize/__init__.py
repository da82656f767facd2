"""Pictures of skeletons, and the charts of a run."""

from typing import TYPE_CHECKING

from pyg_skeletonmae.__lazy__ import attach

if TYPE_CHECKING:
    from pyg_skeletonmae.visualize.charts import draw_confusion, draw_curves, embedding_map
    from pyg_skeletonmae.visualize.label_curve import draw_label_curve
    from pyg_skeletonmae.visualize.pose import draw_skeleton
    from pyg_skeletonmae.visualize.strips import animate, draw_clip, draw_reconstruction

__all__ = [
    "animate",
    "draw_clip",
    "draw_confusion",
    "draw_curves",
    "draw_label_curve",
    "draw_reconstruction",
    "draw_skeleton",
    "embedding_map",
]

attach(__name__)
