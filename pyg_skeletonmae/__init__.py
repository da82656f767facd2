"""Self-supervised learning on skeletons, as a graph-learning extension of PyTorch Geometric.

A clip is a plain :class:`torch_geometric.data.Data` whose nodes are the joints of all persons, with
time as a dense axis: ``pos [N, T, C]``; see :mod:`pyg_skeletonmae.batch`. What is where:

- :class:`Skeleton`, :func:`get_layout`: bodies, by the names of their joints;
- :mod:`pyg_skeletonmae.datasets`, :mod:`pyg_skeletonmae.loader`: clips and batches;
- :mod:`pyg_skeletonmae.transforms`: what is done to clips, and masks;
- :mod:`pyg_skeletonmae.nn`: layers and losses;
- :mod:`pyg_skeletonmae.models`: encoders, pre-training systems and classifiers;
- :mod:`pyg_skeletonmae.training`, :mod:`pyg_skeletonmae.evaluation`: the Trainer, and measures;
- :mod:`pyg_skeletonmae.inference`: a trained model put to use;
- :mod:`pyg_skeletonmae.visualize`: pictures;
- :mod:`pyg_skeletonmae.errors`: what is raised for input that cannot be used.

Example:
    >>> from pyg_skeletonmae import get_layout
    >>> get_layout("coco17").parts["left_arm"]
    ('left_elbow', 'left_wrist')
"""

from typing import TYPE_CHECKING

from pyg_skeletonmae.__about__ import __version__
from pyg_skeletonmae.__lazy__ import attach

if TYPE_CHECKING:
    from pyg_skeletonmae import batch as batch
    from pyg_skeletonmae import datasets as datasets
    from pyg_skeletonmae import draws as draws
    from pyg_skeletonmae import errors as errors
    from pyg_skeletonmae import evaluation as evaluation
    from pyg_skeletonmae import inference as inference
    from pyg_skeletonmae import io as io
    from pyg_skeletonmae import layouts as layouts
    from pyg_skeletonmae import loader as loader
    from pyg_skeletonmae import models as models
    from pyg_skeletonmae import nn as nn
    from pyg_skeletonmae import skeleton as skeleton
    from pyg_skeletonmae import training as training
    from pyg_skeletonmae import transforms as transforms
    from pyg_skeletonmae import visualize as visualize
    from pyg_skeletonmae.commands.in_python import (
        embed,
        finetune,
        list_datasets,
        list_layouts,
        list_methods,
        predict,
        pretrain,
    )
    from pyg_skeletonmae.skeleton import Skeleton, get_layout

__all__ = [
    "Skeleton", "embed", "finetune", "get_layout", "list_datasets", "list_layouts",
    "list_methods", "predict", "pretrain", "__version__",
]  # fmt: skip

attach(__name__)
