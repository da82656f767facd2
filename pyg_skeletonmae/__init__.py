"""Self-supervised learning on skeletons, as a graph-learning extension of PyTorch Geometric.

A clip is a plain :class:`torch_geometric.data.Data` whose nodes are the joints of all persons, with
time as a dense axis: ``pos [N, T, C]``; see :mod:`pyg_skeletonmae.batch`. What is where:

- :class:`Skeleton`, :func:`get_layout`: bodies, by the names of their joints;
- :mod:`pyg_skeletonmae.datasets`, :mod:`pyg_skeletonmae.loader`: clips and batches;
- :mod:`pyg_skeletonmae.transforms`: what is done to clips, and masks;
- :mod:`pyg_skeletonmae.nn`: layers and losses;
- :mod:`pyg_skeletonmae.models`: encoders, pre-training systems and classifiers;
- :mod:`pyg_skeletonmae.training`, :mod:`pyg_skeletonmae.evaluation`: the Trainer, and measures;
- :mod:`pyg_skeletonmae.visualize`: pictures;
- :mod:`pyg_skeletonmae.errors`: what is raised for input that cannot be used.

Example:
    >>> from pyg_skeletonmae import get_layout
    >>> get_layout("coco17").parts["left_arm"]
    ('left_elbow', 'left_wrist')
"""

from pyg_skeletonmae.skeleton import Skeleton
from pyg_skeletonmae.skeleton.layouts import get_layout

__version__ = "0.1.0"

__all__ = ["Skeleton", "get_layout", "__version__"]
