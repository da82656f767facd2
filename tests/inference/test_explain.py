from __future__ import annotations

import numpy as np
import pytest
import torch

from pyg_skeletonmae.datasets import SkeletonDataset
from pyg_skeletonmae.errors import ConfigError
from pyg_skeletonmae.inference import Recognizer, explain
from pyg_skeletonmae.layouts import COCO17
from pyg_skeletonmae.loader import SkeletonLoader
from pyg_skeletonmae.models import Classifier, GraphEncoder, Preprocessing

WRIST, FRAMES = COCO17.index("right_wrist"), 8


@pytest.fixture(scope="module")
def recognizer() -> Recognizer:
    """A classifier of noise, but for the right wrist, which is up or down."""
    pos = np.random.default_rng(0).normal(scale=0.3, size=(64, FRAMES, 17, 3))
    labels = np.arange(64) % 2
    pos[:, :, WRIST, 1] += 4.0 * labels[:, None] - 2.0
    clips = SkeletonDataset.from_arrays(pos, labels, COCO17)
    torch.manual_seed(0)
    model = Classifier(GraphEncoder(COCO17, 3, 8, depth=1), 2, head="linear", joints="concat")
    optimizer = torch.optim.Adam(model.parameters(), 0.02)
    for _ in range(20):
        for batch in SkeletonLoader(clips, 32):
            optimizer.zero_grad()
            model(batch)["loss"].backward()
            optimizer.step()
    told = Preprocessing(frames=FRAMES, center=None, scale=None, channels=3)
    return Recognizer(model, told)


def test_the_joint_that_decides_counts_most(recognizer):
    pos = np.random.default_rng(1).normal(scale=0.3, size=(1, FRAMES, 17, 3)).astype(np.float32)
    pos[0, :, WRIST, 1] += 2.0
    valid = np.ones(pos.shape[:3], bool)
    valid[0, 3:, 5] = False
    clip = recognizer.prepared(pos, valid)
    state = torch.get_rng_state()
    weight = explain(recognizer, clip)
    assert weight.shape == (1, 17, FRAMES) and weight.max() == 1 and weight.min() == 0
    assert int(weight.mean((0, 2)).argmax()) == WRIST
    assert not weight[0, 5, 3:].any()
    assert torch.equal(weight, explain(recognizer, clip))
    assert torch.equal(state, torch.get_rng_state())
    with pytest.raises(ConfigError, match="epochs 0"):
        explain(recognizer, clip, epochs=0)
