import math

import pytest
import torch
from nn_helpers import model_oracle
from torch import Tensor

from pyg_skeletonmae import layouts
from pyg_skeletonmae.draws import Draws
from pyg_skeletonmae.errors import ConfigError
from pyg_skeletonmae.transforms import MotionMask, MotionTubeMask, TubeMask
from pyg_skeletonmae.transforms.motion_masking import (
    motion_keys,
    token_displacement,
    tube_motion,
)
from pyg_skeletonmae.transforms.token_masking import mask_tokens, mask_tubes

SKELETON = layouts.NTU25
JOINTS = SKELETON.num_joints


def draws(rows: int, seed: int = 0) -> Draws:
    return Draws.from_generator(rows, torch.Generator().manual_seed(seed))


def clips(rows: int = 40) -> Tensor:
    """Patches ``[P, V, 10, 3, 3]`` in which the first five joints move."""
    pos = torch.zeros(rows, JOINTS, 30, 3)
    pos[:, :5] = torch.randn(rows, 5, 30, 3, generator=torch.Generator().manual_seed(1))
    return pos.view(rows, JOINTS, 10, 3, 3)


@pytest.mark.parametrize("policy", [MotionMask(0.9), MotionMask(0.9, 0.0), MotionMask(0.8, 0.5)])
def test_motion_masks_have_the_exact_count(policy: MotionMask) -> None:
    mask = policy(clips(), SKELETON, draws(40))
    visible = policy.num_visible(JOINTS, 10)
    assert (~mask).flatten(1).sum(1).unique().tolist() == [visible]
    assert torch.equal(mask, policy(clips(), SKELETON, draws(40)))


@pytest.mark.parametrize(("keep", "visible"), [("exact", 3), ("published", 2)])
def test_motion_tubes_have_the_exact_count(keep: str, visible: int) -> None:
    policy = MotionTubeMask(0.9, 4, 0.1, keep)  # type: ignore[arg-type]
    mask = policy(clips(), SKELETON, draws(40))
    assert ((~mask).sum(1) == visible).all()
    for a, b in ((0, 4), (4, 8), (8, 10)):
        assert (mask[:, :, a:b] == mask[:, :, a : a + 1]).all()


def test_what_moves_is_masked_more_often() -> None:
    pos = clips(400)
    uniform = MotionMask(0.5, 0.0)(pos, SKELETON, draws(400))
    moving = MotionMask(0.5, 0.3)(pos, SKELETON, draws(400))
    assert moving[:, :5].float().mean() > 0.8 > 0.6 > uniform[:, :5].float().mean()
    tubes = MotionTubeMask(0.5, 5, 0.5)(pos, SKELETON, draws(400))
    assert tubes[:, :5].float().mean() > 0.8


def test_a_large_beta_always_masks_what_moves_most() -> None:
    mask = MotionTubeMask(0.8, 5, 1e3)(clips(), SKELETON, draws(40))
    assert mask[:, :5].all()


def test_no_beta_is_plain_tubes() -> None:
    masks = [p(clips(), SKELETON, draws(40)) for p in (MotionTubeMask(0.8, 5, 0.0), TubeMask(0.8))]
    assert torch.equal(*masks)


def test_still_clips_are_masked_uniformly() -> None:
    still = torch.ones(3000, 5, 4, 2, 2)
    mask = MotionMask(0.5)(still, SKELETON, draws(3000))
    torch.testing.assert_close(mask.float().mean(0), torch.full((5, 4), 0.5), rtol=0, atol=0.04)
    assert token_displacement(torch.ones(1, 2, 1, 3)).abs().max() == 0


def test_frames_are_tokens_of_tracks() -> None:
    tracks = clips().flatten(2, 3)
    assert MotionMask(0.9)(tracks, SKELETON, draws(40)).shape == (40, JOINTS, 30)
    mask = MotionTubeMask(0.8, 15)(tracks, SKELETON, draws(40))
    patches = MotionTubeMask(0.8, 5)(clips(), SKELETON, draws(40))
    assert torch.equal(mask[:, :, ::3], patches)  # the same tubes of 15 frames


def test_a_shorter_last_tube_has_its_own_mean() -> None:
    pos = torch.arange(8.0).square().view(1, 1, 8, 1).repeat(1, 2, 1, 1)
    pos[:, 1] *= 2
    torch.testing.assert_close(tube_motion(pos, 3)[0, 0], torch.full((3,), 0.5), rtol=0, atol=1e-5)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: MotionMask(tau=-0.1), "tau -0.1"),
        (lambda: MotionMask(tau=float("nan")), "tau nan"),
        (lambda: MotionMask(tau=math.inf), "tau inf"),
        (lambda: MotionTubeMask(beta=math.inf), "beta inf"),
        (lambda: MotionMask(1.5), "mask ratio"),
        (lambda: MotionTubeMask(beta=-1.0), "beta -1.0"),
        (lambda: MotionTubeMask(tube=0), "a tube of 0 steps"),
        (lambda: MotionTubeMask(tube=11)(clips(), SKELETON, draws(40)), "a tube of 11 steps"),
    ],
)
def test_bad_settings(make: object, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        make()  # type: ignore[operator]


@pytest.mark.oracle
@pytest.mark.parametrize(("prefix", "tau"), [("", 0.75), ("tau080/", 0.8)])
def test_recorded_mamp_masks(prefix: str, tau: float) -> None:
    oracle = model_oracle("mamp_tiny.npz")
    pos = oracle["in/x"].permute(0, 4, 3, 2, 1).flatten(0, 1)  # [P, V, T, C]
    patches = pos.reshape(len(pos), JOINTS, -1, 4, 3)
    intensity = token_displacement(patches)
    noise = oracle[f"{prefix}mask/noise_uniform"].view(len(pos), -1, JOINTS).transpose(1, 2)
    keys = motion_keys(intensity, noise, tau)
    for found, name in ((intensity, "intensity"), (keys, "key")):
        recorded = oracle[f"{prefix}mask/{name}"]
        torch.testing.assert_close(found.transpose(1, 2).flatten(1), recorded, rtol=1e-5, atol=1e-5)
    mask = mask_tokens(keys, oracle[f"{prefix}mask/ids_keep"].size(1))
    assert torch.equal(mask.transpose(1, 2).flatten(1), oracle[f"{prefix}mask/mask"].bool())


@pytest.mark.oracle
@pytest.mark.parametrize(
    ("prefix", "beta", "ratio"), [("", 0.1, 0.9), ("beta02/", 0.2, 0.9), ("r80/", 0.1, 0.8)]
)
def test_recorded_skeleton2vec_masks(prefix: str, beta: float, ratio: float) -> None:
    oracle = model_oracle("s2v_tiny.npz")
    pos = oracle["in/x"].flatten(0, 2).transpose(1, 2)  # [P, V, T, C]
    patches = pos.reshape(len(pos), JOINTS, -1, 3, 3)
    intensity, steps = tube_motion(patches, 5), patches.size(2)
    noise = oracle[f"{prefix}mask/noise_uniform"].transpose(1, 2)
    keep = MotionTubeMask(ratio, 5, beta, "published").num_visible(JOINTS, steps) // steps
    mask = mask_tubes(noise + beta * intensity, keep, steps, 5)
    recorded = oracle[f"{prefix}mask/mask"].bool().view(len(pos), steps, JOINTS)
    assert torch.equal(mask.transpose(1, 2), recorded)


def test_displacement_is_the_mean_over_what_a_token_holds() -> None:
    pos = torch.zeros(2, 1, 3, 2, 2)
    pos[1, 0, 1] = torch.tensor([[1.0, 2.0], [3.0, -4.0]])
    pos[1, 0, 2] = torch.tensor([[1.0, 2.0], [3.0, 0.0]])
    found = token_displacement(pos)
    assert found.tolist() == [[[0.0, 0.0, 0.0]], [[2.5, 2.5, 1.0]]]
    assert token_displacement(pos[1:, :, :, 0]).tolist() == [[[1.5, 1.5, 0.0]]]


def test_keys_are_those_of_the_formula() -> None:
    """In double precision, with numbers so small that each of the constants shows."""
    intensity = [[1e-10, 3e-10, 2e-10], [0.0, 2.0, 1.0]]
    noise = [[0.0, 0.5, 1 - 1e-9], [0.25, 0.125, 0.75]]
    keys = motion_keys(
        torch.tensor(intensity, dtype=torch.float64)[:, :, None],
        torch.tensor(noise, dtype=torch.float64)[:, :, None],
        tau=0.5,
    )
    for row, moves, draw in zip(keys[:, :, 0].tolist(), intensity, noise, strict=True):
        scaled = [move / (max(moves) * 0.5 + 1e-10) for move in moves]
        total = math.log(sum(map(math.exp, scaled)))
        gumbel = [-math.log(-math.log(u + 1e-10) + 1e-10) for u in draw]
        expected = [s - total + g for s, g in zip(scaled, gumbel, strict=True)]
        assert row == pytest.approx(expected, rel=1e-6)


def test_motion_of_tubes_by_hand() -> None:
    """Steps of a millionth, so that the constant of the share shows; the last tube is shorter."""
    steps = torch.tensor([[[1.0, 1, 1, 1, 4]], [[2.0, 0, 0, 3, 0]], [[1.0, 2, 3, 4, 5]]])
    moves = torch.stack([steps, 3 * steps], 1).flatten(1, 2).double() * 1e-6  # [3, 2, 5]
    pos = torch.cat([torch.zeros(3, 2, 1), moves.cumsum(-1)], -1)[..., None]
    means = torch.stack([moves[..., :4].mean(-1), moves[..., 4] / 2], -1)  # the last stands still
    expected = means / (means.amax(1, keepdim=True) + 1e-6)
    torch.testing.assert_close(tube_motion(pos, 4), expected, rtol=1e-6, atol=0)


def test_repr() -> None:
    assert repr(MotionMask()) == "MotionMask(ratio=0.9, tau=0.8, keep='exact')"
    expected = "MotionTubeMask(ratio=0.9, tube=5, beta=0.1, keep='exact')"
    assert repr(MotionTubeMask()) == expected
