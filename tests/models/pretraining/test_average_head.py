"""What the average of features has to tell."""

import pytest
import torch

from pyg_skeletonmae.models.pretraining.average_head import AverageHead, joint_sums


def test_the_sums_of_a_clip_by_hand() -> None:
    pos = torch.tensor([[[0.0], [2.0], [3.0], [7.0]], [[1.0], [1.0], [5.0], [0.0]]])[None]
    visible = torch.tensor([[[True, True], [False, True]]])
    valid = torch.ones(1, 2, 4, dtype=torch.bool)
    place_and_speed = [(2 + 10) / 2, (2 + 1 + 4) / 2, 5 / 2, 5 / 2]
    assert joint_sums(pos, visible, valid).tolist() == [place_and_speed]


def test_what_is_hidden_or_missing_does_not_count() -> None:
    torch.manual_seed(0)
    pos, visible = torch.randn(3, 5, 8, 3), torch.rand(3, 5, 2) > 0.5
    valid = torch.rand(3, 5, 8) > 0.2
    there = visible.repeat_interleave(4, 2) & valid
    other = torch.where(there[..., None], pos, torch.nan)
    assert torch.equal(joint_sums(other, visible, valid), joint_sums(pos, visible, valid))


def test_a_clip_of_one_frame_has_no_speed() -> None:
    pos, visible = torch.ones(2, 3, 1, 2), torch.ones(2, 3, 1, dtype=torch.bool)
    assert joint_sums(pos, visible, visible).tolist() == [[1, 1, 0, 0] * 3] * 2


@pytest.mark.parametrize("ratio", [0.0, 0.3, 0.8])
def test_it_can_be_met_exactly_however_many_are_hidden(ratio: float) -> None:
    torch.manual_seed(0)
    head = AverageHead(4, 8, 1).eval()
    with torch.no_grad():
        head.linear.weight.copy_(torch.eye(8) / (1 + head.norm.eps) ** 0.5)
        head.linear.bias.zero_()
    pos = torch.randn(6, 4, 1, 1).expand(-1, -1, 8, -1)  # nothing moves
    features = torch.zeros(6, 4, 8, 8)
    for joint in range(4):
        features[:, joint, :, 2 * joint] = pos[:, joint, :, 0]
    valid = torch.ones(6, 4, 8, dtype=torch.bool)
    visible = torch.rand(6, 4, 8) >= ratio
    assert head(features, pos, visible, valid) < 1e-10
    assert head(features, pos + 0.1, visible, valid) > 1e-5


@pytest.mark.parametrize("tracks", [0, 1, 3])
def test_any_number_of_tracks(tracks: int) -> None:
    head = AverageHead(4, 6, 2)
    visible = torch.ones(tracks, 4, 2, dtype=torch.bool)
    x = torch.randn(tracks, 4, 2, 6, requires_grad=True)
    valid = torch.ones(tracks, 4, 8, dtype=torch.bool)
    error = head(x, torch.randn(tracks, 4, 8, 2), visible, valid)
    error.backward()
    assert error.isfinite() and x.grad is not None and x.grad.isfinite().all()
