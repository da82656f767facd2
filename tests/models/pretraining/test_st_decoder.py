import pytest
import torch
from model_helpers import assert_gradients

from pyg_skeletonmae.models.pretraining.st_decoder import STDecoder
from pyg_skeletonmae.nn.tokens import TokenSplit, scatter_tokens, split_tokens


def make_decoder(**arguments: object) -> STDecoder:
    torch.manual_seed(0)
    return STDecoder(3, 4, 8, 6, 5, depth=1, heads=2, **arguments)  # type: ignore[arg-type]


def make_split(tracks: int = 2) -> TokenSplit:
    scores = torch.rand(tracks, 12, generator=torch.Generator().manual_seed(0))
    return split_tokens((scores.argsort(1) >= 4).view(tracks, 3, 4))


def test_every_parameter_gets_a_gradient() -> None:
    decoder = make_decoder(layer_scale=0.1)
    out = decoder(torch.randn(2, 4, 8), make_split())
    assert out.shape == (2, 12, 5)
    (out * torch.randn_like(out)).sum().backward()
    assert_gradients(decoder, ("qkv.bias",))


def test_tokens_come_to_their_places() -> None:
    decoder, split, x = make_decoder(), make_split(), torch.randn(2, 4, 8)
    seen = []
    decoder.transformer.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    decoder(x, split)
    tokens = seen[0] - decoder.position()
    index = split.keep[..., None].expand(-1, -1, 6)
    torch.testing.assert_close(tokens.gather(1, index), decoder.embed(x))
    hidden = tokens[split.mask.flatten(1)]
    torch.testing.assert_close(hidden, decoder.mask_token.expand_as(hidden))


@pytest.mark.parametrize("even", [True, False])
def test_hidden_places_are_computed_once_and_count_in_every_track(even: bool) -> None:
    """The same as with a token in each hidden place of each track: values and gradients."""
    decoder, split = make_decoder().double(), make_split()
    if not even:
        mask = split.mask.clone()
        mask[0, 0, 0] = ~mask[0, 0, 0]
        split = split_tokens(mask)
        assert split.present is not None
    x = torch.randn(2, split.keep.size(1), 8, dtype=torch.double, requires_grad=True)
    inputs = [x, *decoder.parameters()]
    once = decoder(x, split)
    each = decoder.decode(scatter_tokens(decoder.embed(x), split, decoder.mask_token))
    torch.testing.assert_close(once, each)
    seed = torch.randn_like(once)
    found, expected = (torch.autograd.grad(out, inputs, seed) for out in (once, each))
    for a, b in zip(found, expected, strict=True):
        torch.testing.assert_close(a, b)


@pytest.mark.parametrize("depth", [1, 2])
@pytest.mark.parametrize("even", [True, False])
def test_the_last_block_can_leave_out_visible_tokens(depth: int, even: bool) -> None:
    """Hidden tokens are predicted the same: values and gradients."""
    torch.manual_seed(0)
    decoder = STDecoder(3, 4, 8, 6, 5, depth, heads=2, layer_scale=0.5).double()
    split = make_split()
    if not even:
        mask = split.mask.clone()
        mask[0, 0, 0] = ~mask[0, 0, 0]
        split = split_tokens(mask)
    assert (split.hidden is not None) == even
    x = torch.randn(2, split.keep.size(1), 8, dtype=torch.double, requires_grad=True)
    inputs, seen = [x, *decoder.parameters()], []
    decoder.transformer.blocks[-1].mlp.register_forward_hook(
        lambda _, inputs, __: seen.append(inputs[0].size(1))
    )
    some, every = decoder(x, split, hidden_only=True), decoder(x, split)
    assert seen == [8 if even else 12, 12]
    hidden = split.mask.flatten(1)[..., None]
    torch.testing.assert_close(some * hidden, every * hidden)
    if even:
        assert not (some * ~hidden).any()
    seed = torch.randn_like(every) * hidden
    found, expected = (torch.autograd.grad(out, inputs, seed) for out in (some, every))
    for a, b in zip(found, expected, strict=True):
        torch.testing.assert_close(a, b)


def test_nothing_is_hidden() -> None:
    decoder, split = make_decoder(), split_tokens(torch.zeros(2, 3, 4, dtype=torch.bool))
    x = torch.randn(2, 12, 8)
    assert torch.equal(decoder(x, split, hidden_only=True), decoder(x, split))


def test_repr() -> None:
    assert repr(make_decoder()) == "STDecoder(8, 6, 5, depth=1)"
