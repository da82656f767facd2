import pytest
import torch

from pyg_skeletonmae.errors import ConfigError
from pyg_skeletonmae.nn import SelfAttention
from pyg_skeletonmae.nn.attention import FUSED_LENGTH, attention, use_fused


def inputs(length: int, dtype: torch.dtype = torch.float64) -> list[torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    shape = (2, 3, length, 4)
    return [torch.randn(shape, generator=generator, dtype=dtype).requires_grad_() for _ in range(3)]


@pytest.mark.parametrize("some_absent", [False, True])
def test_both_ways_agree_with_their_gradients(some_absent: bool) -> None:
    qkv = inputs(7)
    present = torch.arange(7) < torch.tensor([[4], [7]]) if some_absent else None
    outs = [attention(*qkv, present, fused) for fused in (False, True)]
    torch.testing.assert_close(*outs)
    grads = [torch.autograd.grad(out.square().sum(), qkv) for out in outs]
    torch.testing.assert_close(*grads)


def test_absent_tokens_are_not_looked_at() -> None:
    qkv = inputs(7)
    present = torch.arange(7).expand(2, -1) < 4
    whole = attention(*qkv, present, fused=False)
    part = attention(*(x[:, :, :4] for x in qkv), fused=False)
    torch.testing.assert_close(whole[:, :, :4], part)


def test_the_kernel_is_chosen_by_length_and_device() -> None:
    cpu = torch.device("cpu")
    assert not use_fused(FUSED_LENGTH - 1, cpu) and use_fused(FUSED_LENGTH, cpu)
    assert use_fused(2, torch.device("cuda"))


def test_agrees_with_pytorch() -> None:
    torch.manual_seed(0)
    ours = SelfAttention(12, heads=3)
    theirs = torch.nn.MultiheadAttention(12, 3, batch_first=True)
    theirs.in_proj_weight, theirs.in_proj_bias = ours.qkv.weight, ours.qkv.bias
    theirs.out_proj = ours.proj  # type: ignore[assignment]
    x = torch.randn(2, 5, 12)
    torch.testing.assert_close(ours(x), theirs(x, x, x)[0])


def test_heads_must_divide_the_width() -> None:
    with pytest.raises(ConfigError, match="5 heads do not divide a width of 12"):
        SelfAttention(12, heads=5)


def test_repr() -> None:
    assert repr(SelfAttention(12, heads=3)) == "SelfAttention(12, heads=3)"
