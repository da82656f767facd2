"""What is predicted: values, where they are known, and what is refused."""

from collections.abc import Callable

import pytest
import torch

from pyg_skeletonmae import layouts
from pyg_skeletonmae.errors import ConfigError
from pyg_skeletonmae.models import (
    BoneTarget,
    CoordinateTarget,
    EmbeddingTarget,
    GraphEncoder,
    LatentTarget,
    MotionTarget,
    STGCNEncoder,
    WeightedTargets,
)
from pyg_skeletonmae.models.pretraining.targets import whole_tokens
from pyg_skeletonmae.nn.latent_target import latent_target
from pyg_skeletonmae.nn.targets import bones, motion, standardise

BODY = layouts.UIPRMD22
POS = torch.randn(3, 22, 8, 3, generator=torch.Generator().manual_seed(0))
VALID = torch.rand(3, 22, 8, generator=torch.Generator().manual_seed(1)) > 0.2


def encoder() -> STGCNEncoder:
    torch.manual_seed(0)
    return STGCNEncoder(BODY, 3, [8, 16, 32])


def test_coordinates_motion_and_bones() -> None:
    net = encoder()
    (found,) = CoordinateTarget("patch")(net, POS, VALID)
    assert torch.equal(found.value, standardise(POS, VALID, "patch", 4).value)
    (found,) = MotionTarget(2)(net, POS, VALID)
    assert all(map(torch.equal, found[:2], motion(POS, VALID, 2)))
    (found,) = BoneTarget()(net, POS, VALID)
    assert all(map(torch.equal, found[:2], bones(POS, VALID, BODY.bone_index)))
    assert CoordinateTarget().width(net) == 12


def test_embedded_tokens_with_and_without_gradient() -> None:
    net = GraphEncoder(BODY, 3, 8)
    for detach in (True, False):
        (found,) = EmbeddingTarget(detach)(net, POS, VALID)
        assert found.value.requires_grad != detach and torch.equal(found.valid, VALID)
        assert torch.equal(found.value, net.embed(POS))
    assert EmbeddingTarget().width(net) == 8
    assert EmbeddingTarget().width(encoder()) == 12  # its embedding are normalised coordinates


def test_hidden_states_of_the_teacher() -> None:
    net = GraphEncoder(BODY, 3, 8)
    target = LatentTarget(2, "layer", steps=10)
    target.attach(net)
    (found,) = target(net, POS, VALID)
    expected = latent_target(net.eval().hidden_states(POS, 2), "layer")
    torch.testing.assert_close(found.value.flatten(1, 2), expected)
    assert not found.value.requires_grad and target.width(net) == 8


def test_a_token_is_known_if_all_of_its_frames_are() -> None:
    valid = torch.ones(1, 1, 8, dtype=torch.bool)
    valid[0, 0, 5] = False
    assert whole_tokens(valid, 4).tolist() == [[[True, False]]]
    assert torch.equal(whole_tokens(valid, 1), valid)


def test_losses_are_those_of_all_targets() -> None:
    assert CoordinateTarget().losses == ("squared", "cosine")
    several = WeightedTargets([CoordinateTarget(), EmbeddingTarget()], [1, 2])
    assert several.losses == ("cosine",)
    assert [one.weight for one in several(encoder(), POS, VALID)] == [1, 2]


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda: WeightedTargets([], []), "0 targets"),
        (lambda: WeightedTargets([CoordinateTarget()], [0.0]), "positive"),
        (lambda: WeightedTargets([WeightedTargets([BoneTarget()], [1.0])], [1.0]), "flat list"),
        (lambda: CoordinateTarget("mean"), "norm 'mean'"),
        (lambda: LatentTarget(norm="batch"), "norm 'batch'"),
        (lambda: LatentTarget(start=1.5), "ema_start 1.5"),
        (lambda: MotionTarget(0), "stride 0"),
    ],
)
def test_what_is_refused(make: Callable[[], object], reason: str) -> None:
    with pytest.raises(ConfigError, match=reason):
        make()


def test_repr() -> None:
    several = WeightedTargets([MotionTarget(2, "time"), BoneTarget(), EmbeddingTarget()], [1, 2, 3])
    assert repr(several) == (
        "WeightedTargets([MotionTarget(stride=2, norm='time'), BoneTarget(norm='none'), "
        "EmbeddingTarget(detach=True)], weights=[1, 2, 3])"
    )
    assert repr(LatentTarget()) == "LatentTarget(top_k=None, norm='instance')"
