import pytest
import torch
from torch.nn import functional as F

from pyg_skeletonmae.nn.latent_target import latent_target

STATES = list(torch.randn(3, 2, 10, 8, generator=torch.Generator().manual_seed(0)) * 3 + 1)


def test_instance_norm_is_that_of_pytorch() -> None:
    normed = [F.instance_norm(state.transpose(1, 2)).transpose(1, 2) for state in STATES]
    mean = torch.stack(normed).mean(0)
    torch.testing.assert_close(latent_target(STATES, final_norm=False), mean)
    torch.testing.assert_close(latent_target(STATES), F.layer_norm(mean, (8,)))


def test_layer_norm_is_that_of_pytorch() -> None:
    mean = torch.stack([F.layer_norm(state, (8,)) for state in STATES]).mean(0)
    torch.testing.assert_close(latent_target(STATES, "layer", final_norm=False), mean)


@pytest.mark.parametrize("norm", ["instance", "layer"])
def test_zero_mean_and_unit_variance_over_channels(norm: str) -> None:
    target = latent_target(STATES, norm)  # type: ignore[arg-type]
    torch.testing.assert_close(target.mean(-1), torch.zeros(2, 10), atol=1e-6, rtol=0)
    variance = target.var(-1, correction=0)
    torch.testing.assert_close(variance, torch.ones(2, 10), atol=1e-3, rtol=0)


def test_half_precision_is_normalised_in_float32() -> None:
    target = latent_target([state.bfloat16() for state in STATES])
    assert target.dtype == torch.float32
    assert latent_target([state.double() for state in STATES]).dtype == torch.float64


@pytest.mark.parametrize(("norm", "dim"), [("instance", 1), ("layer", 2)])
def test_the_variance_has_a_small_constant(norm: str, dim: int) -> None:
    state = STATES[0].double() * 1e-3
    centred = state - state.mean(dim, keepdim=True)
    variance = centred.square().mean(dim, keepdim=True)
    found = latent_target([state], norm, final_norm=False)  # type: ignore[arg-type]
    torch.testing.assert_close(found, centred / (variance + 1e-5).sqrt(), rtol=1e-9, atol=0)
