"""The decoder by attention behind an encoder that passes messages."""

import pytest
import torch

from pyg_skeletonmae import layouts
from pyg_skeletonmae.draws import Draws
from pyg_skeletonmae.errors import ConfigError
from pyg_skeletonmae.models import (
    AttentionDecoder,
    GraphEncoder,
    GraphTemporalEncoder,
    MaskedView,
    STEncoder,
)

BODY = layouts.UIPRMD22


def view() -> tuple[torch.Tensor, MaskedView]:
    torch.manual_seed(1)
    pos, mask = torch.randn(3, 22, 8, 3), torch.rand(3, 22, 2) > 0.5
    valid = torch.ones(3, 22, 8, dtype=torch.bool)
    return pos, MaskedView(mask, valid, Draws(torch.arange(3)))


def test_numbers_for_each_token() -> None:
    encoder, decoder = GraphTemporalEncoder(BODY, 3, 8, 4, 16, 1), AttentionDecoder(2, 8, heads=2)
    decoder.attach(encoder, 12)
    assert decoder.token_channels is None  # the token is its own
    assert decoder.reconstruct(encoder, *view()).shape == (3, 22, 2, 12)


def test_it_is_the_decoder_of_tokens_behind_another_encoder() -> None:
    encoder, decoder = GraphTemporalEncoder(BODY, 3, 8, 4, 16, 1).eval(), AttentionDecoder()
    decoder.attach(encoder, 12)
    pos, seen = view()
    x = encoder.encode_subgraph(pos, ~seen.mask).flatten(1, 2)
    visible = [row[~mask] for row, mask in zip(x, seen.mask.flatten(1), strict=True)]
    for row, expected in enumerate(decoder.reconstruct(encoder, pos, seen).flatten(1, 2)):
        tokens = decoder.tokens.mask_token.repeat(44, 1)
        tokens[~seen.mask[row].flatten()] = decoder.tokens.embed(visible[row])
        torch.testing.assert_close(decoder.tokens.decode(tokens[None])[0], expected)


def test_a_hidden_token_hears_of_the_farthest_joint() -> None:
    encoder = GraphTemporalEncoder(BODY, 3, 8, 4, 16, 1, global_group=False).eval()
    decoder = AttentionDecoder()
    decoder.attach(encoder, 12)
    pos, seen = view()
    seen.mask[:] = False
    seen.mask[:, 0, 0] = True
    pos.requires_grad_()
    decoder.reconstruct(encoder, pos, seen)[:, 0, 0].sum().backward()
    assert pos.grad is not None
    assert (pos.grad[:, 1:].abs().sum((2, 3)) > 0).all()
    assert (pos.grad[:, 0, :4] == 0).all()


def test_the_average_of_visible_features_has_a_loss_of_its_own() -> None:
    encoder = GraphTemporalEncoder(BODY, 3, 8, 4, 16, 1, joint_gain=True)
    decoder = AttentionDecoder(average_weight=3.0)
    decoder.attach(encoder, 12)
    pos, seen = view()
    decoder.reconstruct(encoder, pos, seen)
    weight, error = seen.losses["average"]
    x = encoder.encode_subgraph(pos, ~seen.mask)
    assert weight == 3.0
    torch.testing.assert_close(error, decoder.average(x, pos, ~seen.mask, seen.valid))
    assert view()[1].losses == {} and not hasattr(AttentionDecoder(), "average")


def test_what_is_refused() -> None:
    with pytest.raises(ConfigError, match="average_weight -1"):
        AttentionDecoder(average_weight=-1.0)
    with pytest.raises(ConfigError, match="depth 0"):
        AttentionDecoder(0)
    with pytest.raises(ConfigError, match="decodes MaskedEncoder, not GraphEncoder"):
        AttentionDecoder().attach(GraphEncoder(BODY, 3, 8), 3)
    with pytest.raises(ConfigError, match="no method encode_subgraph"):
        AttentionDecoder().attach(STEncoder(BODY, 3, 8, 4, 16, 1, 2), 3)
    with pytest.raises(ConfigError, match="heads"):
        AttentionDecoder(heads=5).attach(GraphTemporalEncoder(BODY, 3, 8, 4, 16, 1), 3)


def test_repr() -> None:
    assert repr(AttentionDecoder()) == "AttentionDecoder(depth=1, heads=4)"
