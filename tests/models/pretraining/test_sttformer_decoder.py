import pytest
import torch
from model_helpers import assert_gradients

from pyg_skeletonmae.models.pretraining.sttformer_decoder import STTFormerDecoder

CHANNELS = [(6, 4, 2), (4, 4, 2)]


def make_decoder(remask: bool = True) -> STTFormerDecoder:
    torch.manual_seed(0)
    return STTFormerDecoder(5, 2, 4, 3, CHANNELS, heads=2, remask=remask)


@pytest.mark.parametrize("remask", [True, False])
def test_shapes_and_gradients(remask: bool) -> None:
    decoder = make_decoder(remask)
    mask = torch.rand(3, 5, 8) < 0.5
    out = decoder(torch.randn(3, 5, 8, 6), mask)
    assert out.shape == (3, 5, 8, 3)
    out.square().sum().backward()
    assert decoder.hidden_token.grad is None  # that one is for the encoder
    decoder.hidden_token.requires_grad_(False)
    assert_gradients(decoder)


def test_remasking_hides_what_the_encoder_made_of_masked_places() -> None:
    tokens, mask = torch.randn(3, 5, 8, 6), torch.rand(3, 5, 8) < 0.5
    other = torch.where(mask[..., None], 1e3, tokens)
    decoder = make_decoder().eval()
    assert torch.equal(decoder(tokens, mask), decoder(other, mask))
    decoder = make_decoder(remask=False).eval()
    assert not torch.allclose(decoder(tokens, mask), decoder(other, mask))


def test_repr() -> None:
    assert repr(make_decoder()) == "STTFormerDecoder(widths=[6, 4, 4], out=3, remask=True)"
