import pytest
import torch
from model_helpers import assert_gradients
from sttformer_helpers import load, our_weights, part

from pyg_skeletonmae.errors import ConfigError, DataError
from pyg_skeletonmae.nn import TupleAttention, TupleBlock

CLOSE = {"rtol": 1e-5, "atol": 1e-5}


def make_block(out_channels: int = 8, **arguments: object) -> TupleBlock:
    torch.manual_seed(0)
    return TupleBlock(8, out_channels, 4, tokens=10, heads=2, **arguments)  # type: ignore[arg-type]


@pytest.mark.oracle
@pytest.mark.parametrize("name", ["block_same", "block_wider", "block_no_pe"])
@pytest.mark.parametrize("mode", ["eval", "train"])
def test_recorded_blocks(name: str, mode: str) -> None:
    oracle = load()
    wider = name == "block_wider"
    block = TupleBlock(6, 9 if wider else 6, 4, 10, heads=2, position=name != "block_no_pe")
    block.load_state_dict(our_weights(part(oracle, f"{name}/sd/")))
    block.train(mode == "train")
    x = oracle["in/block_x"].clone().requires_grad_()
    out = block(x)
    torch.testing.assert_close(out, oracle[f"{name}/{mode}"], **CLOSE)
    if mode == "train":
        (gradient,) = torch.autograd.grad(out.square().sum(), x)
        expected = oracle[f"{name}/train_grad_input_of_sum_of_squares"]
        scale = expected.abs().max()
        torch.testing.assert_close(gradient / scale, expected / scale, **CLOSE)


@pytest.mark.oracle
def test_recorded_attention() -> None:
    oracle = load()
    weights = part(our_weights(part(oracle, "sd/")), "blocks.0.")
    block = TupleBlock(8, 8, 4, 30)
    block.load_state_dict(weights)
    scores = block.attention.scores(oracle["eval/mid/input_map"])
    torch.testing.assert_close(scores, oracle["eval/mid/block0_tanh_attention"], **CLOSE)


@pytest.mark.parametrize("out_channels", [8, 12])
@pytest.mark.parametrize("tuples", [1, 3])
def test_shapes_and_gradients(out_channels: int, tuples: int) -> None:
    block = make_block(out_channels, kernel=(5, 3))
    out = block(torch.randn(4, 8, tuples, 10))
    assert out.shape == (4, out_channels, tuples, 10)
    out.square().sum().backward()
    assert_gradients(block)


def test_tracks_do_not_meet() -> None:
    block = make_block().eval()
    x = torch.randn(3, 8, 2, 10)
    torch.testing.assert_close(block(x)[1:], block(x[1:]), **CLOSE)


def test_without_positions_tokens_may_be_reordered() -> None:
    attention = TupleAttention(8, 10, 4, position=False)
    x, order = torch.randn(2, 8, 3, 10), torch.randperm(10)
    expected = attention(x)[:, :, order][..., order]
    torch.testing.assert_close(attention(x[..., order]), expected, **CLOSE)
    placed = TupleAttention(8, 10, 4)
    assert not torch.allclose(placed(x[..., order]), placed(x)[:, :, order][..., order])


def test_reset_parameters() -> None:
    block = make_block(12)
    with torch.no_grad():
        for parameter in block.parameters():
            parameter.fill_(3.0)
    block.reset_parameters()
    assert torch.equal(block.attention.base, torch.full((2, 10, 10), 0.1))
    assert torch.equal(block.attention.scale, torch.ones(2, 1, 1))
    assert not any((parameter == 3.0).all() for parameter in block.parameters())


def test_bad_input() -> None:
    for arguments in ({"kernel": (2, 5)}, {"kernel": (3, 0)}, {"out_channels": 0}):
        with pytest.raises(ConfigError, match=r"expected (two odd numbers|at least 1)"):
            make_block(**arguments)
    for shape in [(4, 8, 3, 11), (4, 7, 3, 10), (4, 8, 10)]:
        with pytest.raises(DataError, match=r"expected \[P, 8, S, 10\]"):
            make_block()(torch.randn(*shape))


def test_repr() -> None:
    assert repr(make_block(12)) == (
        "TupleBlock(8, 12, tokens=10, attention=4, heads=2, kernel=(3, 5))"
    )
    assert repr(make_block().attention) == "TupleAttention(8, tokens=10, attention=4, heads=2)"
