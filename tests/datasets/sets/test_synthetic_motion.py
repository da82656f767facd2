import pytest
import torch

from pyg_skeletonmae.datasets.sets.synthetic_motion import (
    ANGLES,
    FAMILIES,
    SHIFTS,
    Course,
    mirrored,
    smooth,
)
from pyg_skeletonmae.draws import Draws


def course(n=20, frames=101):
    time = torch.linspace(0, 1, frames).expand(n, frames)
    return Course(time, torch.ones(n, 1), Draws(torch.arange(n)))


@pytest.mark.parametrize("family", FAMILIES)
def test_a_family_moves_known_joints_by_human_amounts_without_jumps(family):
    pose = family(course())
    assert set(pose) <= {*ANGLES, *SHIFTS}
    for name, value in pose.items():
        value = value.expand(20, 101)
        limit = 3.0 if name in SHIFTS else 190.0
        assert value.isfinite().all()
        assert value.abs().max() < limit
        step = value.diff(dim=1).abs().max()  # a hundredth of the action
        assert step < (0.1 if name in SHIFTS else 30.0), (name, step)
    assert any(value.expand(20, 101).std(1).min() > 1e-3 for value in pose.values())


@pytest.mark.parametrize("family", FAMILIES)
def test_a_family_starts_from_standing(family):
    for name, value in family(course()).items():
        assert value.expand(20, 101)[:, 0].abs().max() < 1e-3, name


def test_families_have_names_of_their_own():
    assert len({family.__name__ for family in FAMILIES}) == len(FAMILIES) == 16
    assert all(family.__doc__ for family in FAMILIES)


def test_mirroring_twice_is_nothing():
    pose = {name: torch.randn(4, 5) for name in ANGLES + SHIFTS}
    left = torch.tensor([True, False, True, False])[:, None]
    once = mirrored(pose, left)
    assert torch.equal(once["l_flex"][0], pose["r_flex"][0])
    assert torch.equal(once["l_flex"][1], pose["l_flex"][1])
    assert torch.equal(once["yaw"][2], -pose["yaw"][2])
    twice = mirrored(once, left)
    assert all(torch.equal(twice[name], pose[name]) for name in pose)


def test_smooth_step():
    assert smooth(torch.tensor([-1.0, 0.0, 0.5, 1.0, 2.0])).tolist() == [0.0, 0.0, 0.5, 1.0, 1.0]
