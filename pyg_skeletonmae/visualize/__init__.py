"""Pictures, films and pages of skeletons, and the charts of a run."""

from typing import TYPE_CHECKING

from pyg_skeletonmae.__lazy__ import attach

if TYPE_CHECKING:
    from pyg_skeletonmae.visualize.charts import (
        draw_bars,
        draw_confusion,
        draw_curves,
        embedding_map,
    )
    from pyg_skeletonmae.visualize.films import animate
    from pyg_skeletonmae.visualize.label_curve import draw_label_curve
    from pyg_skeletonmae.visualize.page import Page, Scene, Scores
    from pyg_skeletonmae.visualize.panel import Panel
    from pyg_skeletonmae.visualize.pose import draw_skeleton
    from pyg_skeletonmae.visualize.strips import draw_clip, draw_reconstruction
    from pyg_skeletonmae.visualize.viewer import view

__all__ = [
    "Page",
    "Panel",
    "Scene",
    "Scores",
    "animate",
    "draw_bars",
    "draw_clip",
    "draw_confusion",
    "draw_curves",
    "draw_label_curve",
    "draw_reconstruction",
    "draw_skeleton",
    "embedding_map",
    "view",
]

attach(__name__)
