import pytest
import torch
from torch import nn

from pyg_skeletonmae.nn.prelu import ScalarPReLU


@pytest.mark.parametrize("slope", [0.25, 0.0, -0.5, 1.5])
def test_equals_prelu(slope: float) -> None:
    ours, reference = ScalarPReLU(slope).double(), nn.PReLU(1, slope).double()
    x = torch.randn(4, 5, 6, dtype=torch.double, requires_grad=True)
    x.data[0, 0, 0] = 0.0
    grad = torch.randn(4, 5, 6, dtype=torch.double)
    found = torch.autograd.grad(ours(x), [x, ours.weight], grad)
    expected = torch.autograd.grad(reference(x), [x, reference.weight], grad)
    torch.testing.assert_close(ours(x), reference(x))
    for a, b in zip(found, expected, strict=True):
        torch.testing.assert_close(a, b)
    assert ours.state_dict().keys() == reference.state_dict().keys()


def test_any_memory_layout_and_autocast() -> None:
    ours = ScalarPReLU()
    x = torch.randn(3, 4, 5, 6).permute(0, 3, 1, 2)
    torch.testing.assert_close(ours(x), nn.functional.prelu(x, ours.weight))
    half = x.bfloat16().requires_grad_()
    ours(half).sum().backward()
    assert half.grad is not None and half.grad.dtype == torch.bfloat16
    expected = half.detach().float().clamp(max=0).sum().reshape(1)
    torch.testing.assert_close(ours.weight.grad, expected)
