from dataclasses import replace
from typing import Any

import pytest
import torch

from pyg_skeletonmae import Skeleton, layouts
from pyg_skeletonmae.draws import Draws
from pyg_skeletonmae.errors import ConfigError
from pyg_skeletonmae.transforms.masking import (
    PartMask,
    RandomMask,
    default_part_mask,
    keep_count,
    mask_all_but,
    mask_joints_of,
    ranks,
)

SKELETON = layouts.COCO17
POS = torch.zeros(64, SKELETON.num_joints, 5, 2)


def draws(rows: int = 64, seed: int = 0) -> Draws:
    return Draws.from_generator(rows, torch.Generator().manual_seed(seed))


@pytest.mark.parametrize(
    ("length", "ratio", "exact", "published"),
    [(750, 0.9, 75, 74), (150, 0.9, 15, 14), (150, 0.8, 30, 29), (25, 0.9, 3, 2), (25, 0.8, 5, 4)],
)
def test_keep_counts(length: int, ratio: float, exact: int, published: int) -> None:
    assert keep_count(length, ratio) == exact
    assert keep_count(length, ratio, "published") == published


def test_exact_keep_count_leaves_one() -> None:
    assert keep_count(3, 0.99) == 1
    with pytest.raises(ConfigError, match="leaves none of 3"):
        keep_count(3, 0.99, "published")


@pytest.mark.parametrize("ratio", [-0.1, 1.0, 2.0])
def test_ratio_out_of_range(ratio: float) -> None:
    with pytest.raises(ConfigError, match="mask ratio"):
        RandomMask(ratio)


def test_mask_all_but_keeps_the_smallest() -> None:
    scores = torch.tensor([[0.3, 0.1, 0.9, 0.2]])
    assert mask_all_but(scores, 2).tolist() == [[True, False, True, False]]


def test_random_mask_counts_and_time() -> None:
    mask = RandomMask(0.5)(POS, SKELETON, draws())
    assert mask.shape == POS.shape[:3] and mask.dtype == torch.bool
    assert (mask.sum(1) == SKELETON.num_joints - 9).all()
    assert (mask == mask[:, :, :1]).all()
    assert len(torch.unique(mask[:, :, 0], dim=0)) > 50
    assert mask[:, :, 0].float().mean(0).sub(8 / 17).abs().max() < 0.25


def test_random_mask_repeats_with_its_draws() -> None:
    mask = RandomMask(0.5)
    assert torch.equal(mask(POS, SKELETON, draws()), mask(POS, SKELETON, draws()))
    assert not torch.equal(mask(POS, SKELETON, draws()), mask(POS, SKELETON, draws(seed=1)))


@pytest.mark.parametrize("parts", [(3, 5), ("right_arm", "right_leg"), [3, "right_leg"]])
def test_fixed_parts(parts: list[int | str]) -> None:
    mask = PartMask(parts)(POS, SKELETON, draws())
    masked = mask[0, :, 0].nonzero().flatten().tolist()
    assert [SKELETON.joints[i] for i in masked] == [
        "right_elbow", "right_wrist", "right_knee", "right_ankle",
    ]  # fmt: skip
    assert (mask == mask[:1, :, :1]).all()


def test_random_parts_are_whole_and_never_all() -> None:
    mask = PartMask("random", max_parts=5)(POS, SKELETON, draws())[:, :, 0]
    part = torch.stack([mask[:, SKELETON.part_index == p].float().mean(1) for p in range(6)], 1)
    assert set(part.unique().tolist()) == {0.0, 1.0}
    assert set(part.sum(1).tolist()) == {1.0, 2.0, 3.0, 4.0, 5.0}


@pytest.mark.parametrize("max_parts", [6, 99])
def test_as_many_parts_as_there_are_leave_one_visible(max_parts: int) -> None:
    mask = PartMask("random", max_parts=max_parts)(POS, SKELETON, draws())[:, :, 0]
    counts = torch.stack([mask[:, SKELETON.part_index == p].any(1) for p in range(6)], 1).sum(1)
    assert set(counts.tolist()) == {1, 2, 3, 4, 5}


def test_joints_in_no_part_stay_visible() -> None:
    parts = {"a": ("nose",), "b": ("left_hip",)}
    bare = Skeleton("bare", SKELETON.joints, SKELETON.bones, SKELETON.root, parts=parts)
    mask = PartMask([0])(POS, bare, draws())
    assert mask[:, bare.index("nose")].all() and mask.sum() == 64 * 5
    last = PartMask([1])(POS, bare, draws())  # no joint is of part -1, the last one
    assert last[:, bare.index("left_hip")].all() and last.sum() == 64 * 5


@pytest.mark.parametrize(
    ("parts", "message"),
    [((9,), "unknown part 9"), (("tail",), "unknown part 'tail'"), (list(range(6)), "all parts")],
)
def test_wrong_parts(parts: list[int | str], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        PartMask(parts)(POS, SKELETON, draws())


def test_wrong_arguments() -> None:
    with pytest.raises(ConfigError, match="at least one part"):
        PartMask([])
    with pytest.raises(ConfigError, match="expected 'random'"):
        PartMask("arms")  # type: ignore[arg-type]
    lone = Skeleton("lone", ("a",), (), "a", parts={"all": ("a",)})
    with pytest.raises(ConfigError, match="two or more parts"):
        PartMask("random")(torch.zeros(1, 1, 1, 2), lone, draws(1))


def test_the_ends_of_a_ratio() -> None:
    assert keep_count(5, 0.0) == 5
    assert keep_count(4, 0.75, "published") == 1


def test_ranks_are_along_the_last_axis_unless_said() -> None:
    scores = torch.tensor([[[3.0, 1.0, 2.0], [0.0, 5.0, 4.0]]])
    assert ranks(scores).tolist() == [[[2, 0, 1], [0, 2, 1]]]
    assert ranks(scores, dim=1).tolist() == [[[1, 0, 0], [0, 1, 1]]]


def test_what_is_hidden_is_the_mask_alone() -> None:
    policy = RandomMask(0.5)
    hidden = policy.hide(POS, SKELETON, draws())
    assert torch.equal(hidden.mask, policy(POS, SKELETON, draws()))
    assert hidden.visible is None and hidden.ranks is None


def test_two_parts_and_two_joints_are_enough() -> None:
    two = replace(SKELETON, parts={"eye": ("left_eye",), "wrist": ("left_wrist",)})
    mask = PartMask("random", max_parts=1)(POS, two, draws())[:, :, 0]
    assert (mask.sum(1) == 1).all()
    joints = [two.index(name) for name in ("left_eye", "left_wrist")]
    assert mask.any(0).nonzero().flatten().tolist() == sorted(joints)
    with pytest.raises(ConfigError, match="at least one part"):
        PartMask("random", max_parts=0)
    assert repr(mask_joints_of(chain(2))) == repr(RandomMask())


def test_repr() -> None:
    assert repr(RandomMask(0.3)) == "RandomMask(ratio=0.3, keep='exact')"
    assert repr(PartMask()) == "PartMask(parts=[3, 5], max_parts=3)"


def chain(joints: int, **fields: Any) -> Skeleton:
    names = [f"j{i}" for i in range(joints)]
    return Skeleton.from_parents(f"chain{joints}", names, range(-1, joints - 1), **fields)


@pytest.mark.parametrize("layout", layouts.LAYOUTS.values(), ids=lambda layout: layout.name)
def test_random_parts_of_a_skeleton_without_parts(layout: Skeleton) -> None:
    bare = replace(layout, parts={})
    pos = torch.zeros(512, bare.num_joints, 5, 2)
    mask = PartMask("random")(pos, bare, draws(512))[:, :, 0]
    assert mask.any(1).all() and not mask.all(1).any() and mask.any(0).all()
    for number in range(len(bare.part_names)):
        part = mask[:, bare.part_index == number]
        assert (part == part[:, :1]).all()


def test_a_single_chain_has_its_joints_masked_and_the_log_says_so(caplog: Any) -> None:
    skeleton, pos = chain(3), torch.zeros(64, 3, 5, 2)
    mask_joints_of.cache_clear()
    mask = PartMask("random")(pos, skeleton, draws())
    assert (mask[:, :, 0].sum(1) == 1).all() and mask.any(0).all()
    PartMask("random")(pos, skeleton, draws())
    assert caplog.text.count("chain3 has fewer than two body parts: single joints are masked") == 1
    with pytest.raises(ConfigError, match="two or more joints"):
        PartMask("random")(pos[:, :1], chain(1), draws())


def test_the_default_suits_the_parts() -> None:
    assert default_part_mask(SKELETON).parts == [3, 5]
    assert default_part_mask(replace(SKELETON, parts={})).parts == "random"
    two = replace(SKELETON, parts={"eyes": ("left_eye",), "arms": ("left_wrist",)})
    assert default_part_mask(two).parts == "random"
    assert isinstance(default_part_mask(chain(7)), RandomMask)
    assert isinstance(default_part_mask(chain(8, parts={"head": ("j0",)})), RandomMask)


def test_an_unknown_part_names_the_derived_ones() -> None:
    with pytest.raises(ConfigError, match=r"unknown part 9; its parts: 0 nose, 1 left_eye"):
        PartMask([9])(POS, replace(SKELETON, parts={}), draws())
