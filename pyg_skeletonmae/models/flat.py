"""Classifiers of clips in the form that explainers of PyG call."""

from __future__ import annotations

import copy

from torch import Tensor, nn
from torch_geometric.data import Data

from pyg_skeletonmae.batch import positions
from pyg_skeletonmae.errors import DataError


class FlatClassifier(nn.Module):
    """A classifier that takes node features as a matrix, as :mod:`torch_geometric.explain` does.

    Explainers put masks on features ``[N, F]`` of nodes; a clip has ``[N, T, C]``. Here a node has
    them as one row, so that a mask of type ``"object"`` weighs joints and one of type
    ``"attributes"`` every coordinate in every frame. Edges are no input of our models, which take
    them from the skeleton: ``edge_mask_type`` is None.

    Args:
        classifier: A model whose output for a batch has ``logits``: ``Classifier``, ``STRL``,
            ``STGCN``.

    Shapes:
        - **input:** ``x [N, T * C]``, which is ``clip.pos.flatten(1)``; ``edge_index``, not read;
          ``clip``, a clip or batch of ``pos [N, T, C]``
        - **output:** ``[B, num_classes]``

    Raises:
        DataError: ``x`` is not as large as ``pos`` of the clip.
    """

    def __init__(self, classifier: nn.Module) -> None:
        super().__init__()
        self.classifier = classifier
        self.train(classifier.training)  # to which explainers bring it back

    def forward(self, x: Tensor, edge_index: Tensor, clip: Data) -> Tensor:
        """The scores of a clip whose coordinates are ``x``."""
        pos = positions(clip)
        if x.numel() != pos.numel():
            raise DataError(
                f"x {list(x.shape)}: expected pos {list(pos.shape)} of the clip, flattened"
            )
        clip = copy.copy(clip)
        clip["pos"] = x.view(pos.shape)
        logits: Tensor = self.classifier(clip)["logits"]
        return logits

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.classifier!r})"
