from __future__ import annotations

import pytest
import torch
from torch_geometric.data import Batch
from transforms_helpers import check_transform, make_clip, make_clips

from pyg_skeletonmae.errors import ConfigError, DataError
from pyg_skeletonmae.layouts import UIPRMD22
from pyg_skeletonmae.transforms import CutEmpty, FillMissing, ScoresMissing, ZerosMissing
from pyg_skeletonmae.transforms.mask import MaskJoints
from pyg_skeletonmae.transforms.masking import RandomMask


@pytest.mark.parametrize("transform", [ZerosMissing(), ScoresMissing(0.5), FillMissing()])
def test_a_clip_is_changed_as_in_a_batch(transform):
    check_transform(transform, make_clips())


def test_zeros_are_missing():
    clip = make_clip(missing=0.0)
    clip.pos[3, 2] = 0.0
    clip.pos[3, 4, 0] = 0.0  # one coordinate may be
    valid = ZerosMissing()(clip).valid
    assert (~valid).nonzero().tolist() == [[3, 2]]


def test_scores_decide():
    clip = make_clip(missing=0.0)
    clip.pos[..., 2] = 0.5
    clip.pos[1, 3, 2] = 0.01
    found = ScoresMissing()(clip)
    assert (~found.valid).nonzero().tolist() == [[1, 3]]
    assert found.pos[1, 3].tolist() == [0.0, 0.0, pytest.approx(0.01)]
    assert found.pos[2].equal(clip.pos[2])
    flat = make_clip(channels=2)  # has no scores
    assert ScoresMissing()(flat).valid.equal(flat.valid)
    assert repr(ScoresMissing()) == "ScoresMissing(threshold=0.01)"
    with pytest.raises(ConfigError, match=r"threshold 1\.0: expected a score"):
        ScoresMissing(1.0)


def test_all_joints_are_there_afterwards():
    clip = make_clip(missing=0.5)
    found = FillMissing()(clip)
    assert found.valid.all() and found.pos.equal(clip.pos) and not clip.valid.all()


def test_as_many_frames_stay_as_show_somebody():
    clip = make_clip(2, missing=0.0)
    clip.valid[:, [0, 4, 5]] = False
    clip.valid[22:, 6] = False  # the second person alone
    found = CutEmpty()(clip)
    assert found.pos.equal(clip.pos[:, :6]) and found.valid.equal(clip.valid[:, :6])
    nobody = make_clip(missing=1.0)
    assert CutEmpty()(nobody).pos.equal(nobody.pos)
    other = make_clip(2, number=1, missing=0.0)
    with pytest.raises(DataError, match="clips of 6 to 9 frames cannot stand in one batch"):
        CutEmpty()(Batch.from_data_list([clip, other]))
    both = CutEmpty()(Batch.from_data_list([clip, clip]))
    assert both.pos.equal(torch.cat([found.pos, found.pos]))


def test_masks_come_last():
    with pytest.raises(DataError, match="draw masks as the last step"):
        CutEmpty()(MaskJoints(RandomMask(0.5), UIPRMD22)(make_clip()))
