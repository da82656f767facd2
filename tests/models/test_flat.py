"""Explainers of PyG on classifiers of clips."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch_geometric.explain import Explainer, GNNExplainer

from pyg_skeletonmae.datasets import SkeletonDataset
from pyg_skeletonmae.errors import DataError
from pyg_skeletonmae.layouts import COCO17
from pyg_skeletonmae.loader import SkeletonLoader
from pyg_skeletonmae.models import STGCN, STRL, Classifier, FlatClassifier, GraphEncoder, STEncoder

FRAMES, WRIST = 4, COCO17.index("right_wrist")


@pytest.fixture(scope="module")
def clips() -> SkeletonDataset:
    """Noise, but for the right wrist, which is up or down."""
    pos = np.random.default_rng(0).normal(scale=0.3, size=(64, FRAMES, 17, 3))
    labels = np.arange(64) % 2
    pos[:, :, WRIST, 1] += 4.0 * labels[:, None] - 2.0
    return SkeletonDataset.from_arrays(pos, labels, COCO17)


@pytest.fixture(scope="module")
def trained(clips) -> Classifier:
    torch.manual_seed(0)
    model = Classifier(GraphEncoder(COCO17, 3, 8, depth=1), 2, head="linear", joints="concat")
    optimizer = torch.optim.Adam(model.parameters(), 0.02)
    for _ in range(20):
        for batch in SkeletonLoader(clips, 32):
            optimizer.zero_grad()
            model(batch)["loss"].backward()
            optimizer.step()
    assert model(batch)["accuracy"] == 1.0
    return model


def explain(model: torch.nn.Module, clip, kind: str) -> torch.Tensor:
    """The mask that PyG's GNNExplainer puts on the nodes of a clip."""
    torch.manual_seed(0)
    explainer = Explainer(
        FlatClassifier(model),
        GNNExplainer(epochs=60, lr=0.1),
        explanation_type="model",
        node_mask_type=kind,
        model_config={
            "mode": "multiclass_classification", "task_level": "graph", "return_type": "raw",
        },
    )  # fmt: skip
    explanation = explainer(clip.pos.flatten(1), clip.edge_index, clip=clip)
    assert explanation.prediction.shape == (1, 2)
    return explanation.node_mask


def test_the_joint_that_tells_the_classes_apart_is_found(trained, clips):
    for number in range(4):
        mask = explain(trained, clips[number], "object")
        assert mask.shape == (17, 1) and int(mask.argmax()) == WRIST
    mask = explain(trained, clips[0], "attributes").view(17, FRAMES, 3)
    joints, coordinates = mask.sum((1, 2)), mask[WRIST].sum(0)
    assert int(joints.argmax()) == WRIST and int(coordinates.argmax()) == 1


@pytest.mark.parametrize(
    "model",
    [
        lambda: Classifier(STEncoder(COCO17, 3, FRAMES, hidden_channels=8, depth=1, heads=2), 2),
        lambda: STRL(COCO17, 3, 2, FRAMES, hidden_channels=8, num_layers=1),
        lambda: STGCN(COCO17, 3, 2),
    ],
    ids=["transformer", "STRL", "STGCN"],
)
def test_any_classifier_can_be_explained(model, clips):
    torch.manual_seed(0)
    assert explain(model(), clips[0], "attributes").shape == (17, 3 * FRAMES)


def test_scores_are_those_of_the_classifier(trained, clips):
    batch = next(iter(SkeletonLoader(clips, 8)))
    before, flat = batch.pos.clone(), FlatClassifier(trained)
    scores = flat(2 * batch.pos.flatten(1), batch.edge_index, clip=batch)
    assert batch.pos.equal(before)  # the batch is left as it was
    batch.pos = 2 * batch.pos
    assert torch.equal(scores, trained(batch)["logits"])
    assert repr(flat) == f"FlatClassifier({trained!r})"
    with pytest.raises(DataError, match=r"x \[3, 4\]: expected pos \[136, 4, 3\] of the clip"):
        flat(torch.zeros(3, 4), batch.edge_index, clip=batch)
