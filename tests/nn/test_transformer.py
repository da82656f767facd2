import pytest
import torch
from model_helpers import assert_gradients
from torch import nn

from pyg_skeletonmae.errors import ConfigError
from pyg_skeletonmae.nn import LayerScale, Transformer, TransformerBlock
from pyg_skeletonmae.nn.transformer import init_linear


def test_block_is_its_formula() -> None:
    torch.manual_seed(0)
    block = TransformerBlock(8, heads=2, mlp_ratio=2.0, layer_scale=0.5, norm_eps=1e-6)
    x = torch.randn(2, 5, 8)
    norm = nn.LayerNorm(8, eps=1e-6)
    mid = x + 0.5 * block.attn(norm(x))
    hidden = nn.functional.gelu(block.mlp.fc1(norm(mid)))
    torch.testing.assert_close(block(x), mid + 0.5 * block.mlp.fc2(hidden))


def test_every_parameter_gets_a_gradient() -> None:
    torch.manual_seed(0)
    model = Transformer(8, depth=3, heads=2, layer_scale=0.1)
    model(torch.randn(2, 5, 8)).square().sum().backward()
    assert_gradients(model)


def test_drop_path_grows_from_block_to_block() -> None:
    model = Transformer(8, depth=4, heads=2, drop_path=0.3)
    rates = [block.drop_path.rate for block in model.blocks]
    assert rates == pytest.approx([0.0, 0.1, 0.2, 0.3])
    x = torch.randn(64, 5, 8)
    assert not torch.equal(model(x), model(x))
    model.eval()
    assert torch.equal(model(x), model(x))


def test_hidden_states_are_those_of_the_last_blocks() -> None:
    model = Transformer(8, depth=3, heads=2).eval()
    x = torch.randn(2, 5, 8)
    states = model.hidden_states(x, last=2)
    assert len(states) == 2
    assert torch.equal(states[1], model(x))
    assert torch.equal(states[0], model.blocks[1](model.blocks[0](x)))
    assert len(model.hidden_states(x, last=3)) == 3


@pytest.mark.parametrize("last", [0, 4])
def test_more_states_than_blocks(last: int) -> None:
    with pytest.raises(ConfigError, match="of 3 blocks"):
        Transformer(8, depth=3, heads=2).hidden_states(torch.zeros(1, 2, 8), last)


def test_tokens_that_are_absent_change_nothing() -> None:
    model = Transformer(8, depth=2, heads=2).eval()
    x, present = torch.randn(3, 6, 8), torch.arange(6).expand(3, -1) < 4
    torch.testing.assert_close(model(x, present)[:, :4], model(x[:, :4]))


def test_initial_weights() -> None:
    torch.manual_seed(0)
    model = TransformerBlock(64, heads=4, layer_scale=1e-4)
    init_linear(model, "normal")
    assert model.mlp.fc1.weight.std().item() == pytest.approx(0.02, rel=0.05)
    init_linear(model, "xavier")
    assert model.mlp.fc1.weight.abs().max() <= (6 / (64 + 256)) ** 0.5
    assert model.attn.qkv.bias.abs().max() == 0
    assert (model.scale1.gamma == 1e-4).all()
    with torch.no_grad():
        model.scale1.gamma.fill_(3.0)
    model.scale1.reset_parameters()
    assert (model.scale1.gamma == 1e-4).all()


def test_depth_must_be_positive() -> None:
    with pytest.raises(ConfigError, match="at least one block"):
        Transformer(8, depth=0)


def test_repr() -> None:
    assert repr(LayerScale(8, 1e-4)) == "LayerScale(8, 0.0001)"
