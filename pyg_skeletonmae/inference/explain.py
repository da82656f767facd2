"""Which joints a classifier decides by, and when: explainers of PyG, put to use."""

from __future__ import annotations

import torch
from torch import Tensor
from torch_geometric.data import Data

from pyg_skeletonmae.batch import as_tracks, positions, valid_joints
from pyg_skeletonmae.errors import ConfigError
from pyg_skeletonmae.inference.recognizer import Recognizer
from pyg_skeletonmae.models import FlatClassifier


def explain(recognizer: Recognizer, clip: Data, epochs: int = 100, seed: int = 0) -> Tensor:
    """How much each joint counts in each frame for the class that a classifier names.

    By GNNExplainer (`Ying et al. <https://arxiv.org/abs/1903.03894>`_), which learns from a random
    start which few numbers keep the answer.

    Args:
        recognizer: The classifier.
        clip: A clip as the classifier reads it, see :meth:`Recognizer.prepared`.
        epochs: The steps of GNNExplainer.
        seed: Of its start.

    Returns:
        ``[P, V, T]``, the smallest 0, the largest 1; 0 where a joint is missing. Of the
        coordinates of a joint the mean is taken.

    Raises:
        ConfigError: The steps are no number from 1 up.
    """
    from torch_geometric.explain import Explainer  # Slow to import: only where used.
    from torch_geometric.explain.algorithm import GNNExplainer

    if epochs < 1:
        raise ConfigError(f"epochs {epochs}: expected at least 1")
    pos = positions(clip)
    explainer = Explainer(
        FlatClassifier(recognizer.model),
        GNNExplainer(epochs=epochs, lr=0.1),
        explanation_type="model",
        node_mask_type="attributes",
        model_config={
            "mode": "multiclass_classification",
            "task_level": "graph",
            "return_type": "raw",
        },
    )
    with torch.random.fork_rng(devices=[]), torch.enable_grad():
        torch.manual_seed(seed)
        numbers = explainer(pos.flatten(1), clip["edge_index"], clip=clip).node_mask
    weight, there = numbers.view(pos.shape).mean(-1), valid_joints(clip)
    low, high = weight[there].aminmax()
    weight = ((weight - low) / (high - low).clamp(min=1e-12)).masked_fill(~there, 0.0)
    return as_tracks(weight, recognizer.skeleton.num_joints)
