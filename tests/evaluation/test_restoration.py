from __future__ import annotations

import pytest
import torch
from torch import nn

from pyg_skeletonmae.datasets import SyntheticActions
from pyg_skeletonmae.errors import DataError
from pyg_skeletonmae.evaluation.restoration import drawn_mask, restore
from pyg_skeletonmae.models import (
    CoordinateTarget,
    GraphEncoder,
    GraphSkeletonMAE,
    MaskedPretrainer,
)
from pyg_skeletonmae.transforms import RandomTokenMask, Resample


@pytest.fixture(scope="module")
def clips():
    dataset = SyntheticActions(num_clips=6)
    return dataset.skeleton, [Resample(12)(dataset[i]) for i in range(6)]


def test_masked_joints_alone_are_moved(clips):
    skeleton, (clip, *others) = clips
    torch.manual_seed(0)
    direct = MaskedPretrainer(GraphEncoder(skeleton, 3, 8, depth=1), target=CoordinateTarget())
    for model, word in ((direct, "coordinates"), (GraphSkeletonMAE(skeleton, 3, 8), "read-out")):
        found = restore(model, clip, others)
        assert found.pos.shape == (1, skeleton.num_joints, 12, 3) and word in found.caption
        assert found.mask.any() and not (found.mask & ~found.valid).any()
        assert torch.equal(found.restored[~found.mask], found.pos[~found.mask])
        assert not torch.equal(found.restored[found.mask], found.pos[found.mask])
    with pytest.raises(DataError, match="Linear restores nothing"):
        restore(nn.Linear(1, 1), clip, others)
    with pytest.raises(DataError, match="no clip to fit a read-out on"):
        restore(GraphSkeletonMAE(skeleton, 3, 8), clip, [])


def test_a_mask_of_tokens_hides_all_of_their_frames(clips):
    skeleton, (clip, *_) = clips
    mask = drawn_mask(RandomTokenMask(0.5), clip, skeleton, frames_per_token=4)
    assert mask.shape == (1, skeleton.num_joints, 12)
    runs = mask.view(1, skeleton.num_joints, 3, 4)
    assert torch.equal(runs.any(3), runs.all(3)) and 0.4 < mask.float().mean() < 0.6
    with pytest.raises(DataError, match="whole number of patches"):
        drawn_mask(RandomTokenMask(0.5), clip, skeleton, frames_per_token=5)
