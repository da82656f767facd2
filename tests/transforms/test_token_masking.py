import pytest
import torch
from nn_helpers import model_oracle

from pyg_skeletonmae import layouts
from pyg_skeletonmae.draws import Draws
from pyg_skeletonmae.errors import ConfigError
from pyg_skeletonmae.transforms import JointFrameMask, RandomTokenMask, TubeMask
from pyg_skeletonmae.transforms.token_masking import (
    TokenMaskPolicy,
    mask_tokens,
    mask_tubes,
    num_tubes,
)

SKELETON = layouts.NTU25
JOINTS = SKELETON.num_joints
TRACKS = torch.zeros(40, JOINTS, 30, 3)
PATCHES = torch.zeros(40, JOINTS, 10, 3, 3)


def draws(seed: int = 0, rows: int = 40) -> Draws:
    return Draws.from_generator(rows, torch.Generator().manual_seed(seed))


POLICIES: list[tuple[TokenMaskPolicy, int, int]] = [
    (RandomTokenMask(0.9), 75, 25),
    (RandomTokenMask(0.9, "published"), 74, 24),
    (RandomTokenMask(0.0), 750, 250),
    (TubeMask(0.9, 5), 3 * 30, 3 * 10),
    (TubeMask(0.9, 5, "published"), 2 * 30, 2 * 10),
    (TubeMask(0.8, 4, "published"), 4 * 30, 4 * 10),
    (JointFrameMask(9, 0.4), 16 * 18, 16 * 6),
    (JointFrameMask(9, 0.4, "joint"), 16 * 30, 16 * 10),
    (JointFrameMask(9, 0.4, "frame"), JOINTS * 18, JOINTS * 6),
    (JointFrameMask(0.5, 3), 13 * 27, 13 * 7),
]


@pytest.mark.parametrize(("policy", "frames", "patches"), POLICIES, ids=lambda value: repr(value))
def test_every_track_has_the_exact_count(
    policy: TokenMaskPolicy, frames: int, patches: int
) -> None:
    for pos, steps, visible in ((TRACKS, 30, frames), (PATCHES, 10, patches)):
        mask = policy(pos, SKELETON, draws())
        assert mask.shape == (40, JOINTS, steps) and mask.dtype == torch.bool
        assert (~mask).flatten(1).sum(1).unique().tolist() == [visible]
        assert policy.num_visible(JOINTS, steps) == visible
        assert torch.equal(mask, policy(pos, SKELETON, draws()))
        if visible < JOINTS * steps:
            assert len(mask.flatten(1).unique(dim=0)) > 30


def test_tubes_are_constant_and_differ() -> None:
    mask = TubeMask(0.5, 4)(PATCHES, SKELETON, draws())
    tubes = [mask[:, :, a:b] for a, b in ((0, 4), (4, 8), (8, 10))]
    for tube in tubes:
        assert (tube == tube[:, :, :1]).all()
    assert not torch.equal(tubes[0][:, :, 0], tubes[1][:, :, 0])


def test_levels_are_whole_joints_and_whole_frames() -> None:
    mask = JointFrameMask(9, 0.4)(PATCHES, SKELETON, draws())
    joints, frames = mask.all(2), mask.all(1)
    assert (joints.sum(1) == 9).all() and (frames.sum(1) == 4).all()
    assert torch.equal(mask, joints[:, :, None] | frames[:, None])


def test_masks_are_uniform() -> None:
    masks = RandomTokenMask(0.7)(torch.zeros(3000, 5, 4, 2, 2), SKELETON, draws(rows=3000))
    torch.testing.assert_close(masks.float().mean(0), torch.full((5, 4), 0.7), rtol=0, atol=0.04)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: RandomTokenMask(1.0), "mask ratio"),
        (lambda: TubeMask(-0.1), "mask ratio"),
        (lambda: TubeMask(0.5, 0), "a tube of 0 steps"),
        (lambda: JointFrameMask(0, 0.4, "joint"), "nothing is masked"),
        (lambda: JointFrameMask(-1), "joints -1"),
        (lambda: JointFrameMask(9, 1.0), "mask ratio 1.0"),
        (lambda: JointFrameMask(9, 0.4, "time"), "mode 'time'"),  # type: ignore[arg-type]
        (lambda: RandomTokenMask(0.999, "published")(PATCHES, SKELETON, draws()), "none of 250"),
        (lambda: TubeMask(0.9, 11)(PATCHES, SKELETON, draws()), "a tube of 11 steps"),
        (lambda: TubeMask(0.99, 5, "published")(PATCHES, SKELETON, draws()), "none of 25"),
        (lambda: JointFrameMask(JOINTS)(PATCHES, SKELETON, draws()), "joints 25: expected 0 to 24"),
        (lambda: JointFrameMask(9, 10)(PATCHES, SKELETON, draws()), "frames 10: expected 0 to 9"),
    ],
)  # fmt: skip
def test_bad_settings(make: object, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        make()  # type: ignore[operator]


def test_ranks_are_those_of_the_mask() -> None:
    """The same draws give the mask and the order of the scores, also in a last, shorter tube."""
    policy = TubeMask(0.9, 4)
    ranks = policy.ranks(PATCHES, draws())
    visible = policy.num_visible(JOINTS, 10) // 10
    assert torch.equal(policy(PATCHES, SKELETON, draws()), ranks >= visible)
    assert torch.equal(ranks.sort(1).values[0, :, 0], torch.arange(JOINTS))
    for tube in ranks.split(4, dim=2):
        assert torch.equal(tube, tube[:, :, :1].expand_as(tube))


@pytest.mark.oracle
@pytest.mark.parametrize(
    ("name", "prefix"), [("mae", ""), ("mae", "r80/"), ("s2v", "random_strategy/")]
)
def test_recorded_random_masks(name: str, prefix: str) -> None:
    oracle = model_oracle(f"{name}_tiny.npz")
    noise = oracle[f"{prefix}mask/noise_uniform"][:, None]
    mask = mask_tokens(noise, oracle[f"{prefix}mask/ids_keep"].size(1))
    assert torch.equal(mask[:, 0], oracle[f"{prefix}mask/mask"].bool())


@pytest.mark.oracle
def test_recorded_tube_masks() -> None:
    oracle = model_oracle("s2v_tiny.npz")
    noise = oracle["plain_tube/mask/noise_uniform"].transpose(1, 2)
    steps = 10
    keep = TubeMask(0.9, 2, "published").num_visible(JOINTS, steps) // steps
    mask = mask_tubes(noise, keep, steps, tube=2)
    recorded = oracle["plain_tube/mask/mask"].bool().view(-1, steps, JOINTS)
    assert torch.equal(mask.transpose(1, 2), recorded)


def test_what_is_hidden_comes_with_its_count() -> None:
    for policy, frames, _ in POLICIES:
        hidden = policy.hide(TRACKS, SKELETON, draws())
        assert torch.equal(hidden.mask, policy(TRACKS, SKELETON, draws()))
        assert hidden.visible == frames
        assert (hidden.ranks is not None) == isinstance(policy, TubeMask)


def test_tubes_cover_the_steps() -> None:
    assert [num_tubes(steps, 4) for steps in (4, 5, 8, 10)] == [1, 2, 2, 3]
    assert num_tubes(7, 1) == 7 and TubeMask(0.5, 1).num_visible(4, 7) == 14
    with pytest.raises(ConfigError, match="a tube of 11 steps: this clip has 10"):
        TubeMask(0.9, 11).num_visible(JOINTS, 10)


def test_the_smallest_scores_of_a_tube_stay() -> None:
    scores = torch.tensor([[[0.1, 0.9], [0.5, 0.2], [0.3, 0.4]]])
    assert mask_tubes(scores, 1, steps=5, tube=3).int().tolist() == [
        [[0, 0, 0, 1, 1], [1, 1, 1, 0, 0], [1, 1, 1, 1, 1]]
    ]
    assert mask_tubes(scores, 2, steps=5, tube=3).int().tolist() == [
        [[0, 0, 0, 1, 1], [1, 1, 1, 0, 0], [0, 0, 0, 0, 0]]
    ]


def test_settings_that_mask_something_somewhere_are_taken() -> None:
    assert JointFrameMask(9, 9).num_visible(10, 10) == 1
    assert JointFrameMask(100, 0.0).num_visible(101, 3) == 3
    assert JointFrameMask(0.001, 0.0).num_visible(1000, 1) == 999


def test_repr() -> None:
    assert repr(RandomTokenMask()) == "RandomTokenMask(ratio=0.9, keep='exact')"
    assert repr(TubeMask()) == "TubeMask(ratio=0.9, tube=5, keep='exact')"
    assert repr(JointFrameMask()) == "JointFrameMask(joints=9, frames=0.4, mode='both')"
