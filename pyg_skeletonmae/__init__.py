"""Self-supervised learning on skeletons, as a graph-learning extension of PyTorch Geometric."""

from pyg_skeletonmae.layouts import get_layout
from pyg_skeletonmae.skeleton import Skeleton

__version__ = "0.1.0"

__all__ = ["Skeleton", "get_layout", "__version__"]
