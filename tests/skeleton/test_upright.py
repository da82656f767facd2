from __future__ import annotations

from typing import get_args

import pytest
import torch

from pyg_skeletonmae.layouts import COCO17, HAND21, NTU25, UIPRMD22
from pyg_skeletonmae.models import Preprocessing
from pyg_skeletonmae.skeleton.upright import UpAxis, up_axis, upright


@pytest.mark.parametrize(
    ("skeleton", "axis", "sign", "told"),
    [
        (NTU25, 1, 1, "y up"),
        (UIPRMD22, 2, 1, "z up"),
        (COCO17, 1, -1, "y down"),
        (UIPRMD22, 0, -1, "x down"),
    ],
)
def test_which_axis_is_vertical(skeleton, axis, sign, told):
    random = torch.Generator().manual_seed(0)
    channels = 2 if skeleton is COCO17 else 3
    pos = 0.2 * torch.randn(40, skeleton.num_joints, channels, generator=random)
    valid = torch.ones(pos.shape[:2], dtype=torch.bool)
    for joint, place in (("head_top", 1), ("head", 1), ("nose", 1), ("left_ankle", -1)):
        for name in (joint, "left_foot" if place < 0 else joint):
            if name in skeleton.joints:
                pos[:, skeleton.index(name), axis] += sign * place
    assert up_axis(skeleton, pos) == up_axis(skeleton, pos, valid) == told
    assert Preprocessing(axes=told).axes == told
    valid[:, :] = False
    assert up_axis(skeleton, pos, valid) is None
    tilted = pos.roll(1, -1) + pos  # two axes share the line
    assert up_axis(skeleton, tilted) is None
    assert up_axis(HAND21, torch.zeros(3, 21, 3)) is None


@pytest.mark.parametrize("up", get_args(UpAxis))
def test_the_vertical_comes_to_point_upwards(up):
    axis, sign = "xyz".index(up[0]), 1 if up.endswith("up") else -1
    vertical = torch.zeros(3)
    vertical[axis] = sign
    assert upright(vertical, up).tolist() == [0, 1, 0]
    turned = torch.stack([upright(row, up) for row in torch.eye(3)])
    assert torch.linalg.det(turned) == pytest.approx(1)  # turned, not mirrored


def test_the_plane_stays_a_plane_and_scores_are_left_out():
    image = torch.tensor([[3.0, 5.0]])
    assert upright(image, "y down").tolist() == [[3.0, -5.0]]
    assert upright(torch.arange(8.0).view(2, 4), "y up").shape == (2, 3)
