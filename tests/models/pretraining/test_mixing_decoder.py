"""The decoder of any encoder in two halves."""

import pytest
import torch

from pyg_skeletonmae import layouts
from pyg_skeletonmae.draws import Draws
from pyg_skeletonmae.errors import ConfigError
from pyg_skeletonmae.models import (
    GraphEncoder,
    GraphTemporalEncoder,
    MaskedView,
    MixingDecoder,
    SkeletonEncoder,
    STEncoder,
    STGCNEncoder,
)

BODY = layouts.UIPRMD22


def view(encoder: SkeletonEncoder, width: int) -> tuple[torch.Tensor, MaskedView]:
    pos = torch.randn(3, 22, 8, 3)
    mask = torch.rand(3, 22, 8 // encoder.frames_per_token) > 0.5
    valid, draws = torch.ones(3, 22, 8, dtype=torch.bool), Draws(torch.arange(3))
    return pos, MaskedView(mask, valid, draws, token=torch.randn(width))


@pytest.mark.parametrize(("hidden", "width"), [("token", 12), ("drop", 32)])
def test_numbers_for_each_token(hidden: str, width: int) -> None:
    encoder, decoder = STGCNEncoder(BODY, 3, [8, 16, 32]), MixingDecoder(2, 8, hidden)
    decoder.attach(encoder, 5)
    assert decoder.token_channels == width
    pos, seen = view(encoder, width)
    assert decoder.reconstruct(encoder, pos, seen).shape == (3, 22, 2, 5)
    assert [block.norm.num_features for block in decoder.blocks] == [8, 8]


def test_without_blocks_it_is_the_encoder_and_a_linear_map() -> None:
    encoder, decoder = STGCNEncoder(BODY, 3, [8, 16, 32]).eval(), MixingDecoder()
    decoder.attach(encoder, 5)
    pos, seen = view(encoder, 12)
    expected = decoder.head(encoder.mix(seen.fill(encoder.embed(pos))))
    torch.testing.assert_close(decoder.reconstruct(encoder, pos, seen), expected)


def test_blocks_like_those_of_the_graph_temporal_encoder() -> None:
    encoder = GraphTemporalEncoder(BODY, 3, 8, 4, 16, 1)
    decoder = MixingDecoder(hidden="drop", global_group=True, kernel_size=3)
    decoder.attach(encoder, 12)
    own, theirs = (
        {name: value.shape for name, value in part.blocks[0].state_dict().items()}
        for part in (decoder, encoder)
    )
    assert own == theirs
    pos, seen = view(encoder, 16)
    assert decoder.reconstruct(encoder, pos, seen).shape == (3, 22, 2, 12)


def test_what_is_refused() -> None:
    with pytest.raises(ConfigError, match="at least 1 block"):
        MixingDecoder(0, hidden="drop")
    with pytest.raises(ConfigError, match="hidden 'gone'"):
        MixingDecoder(hidden="gone")
    with pytest.raises(ConfigError, match="no method encode_subgraph"):
        MixingDecoder(hidden="drop").attach(STEncoder(BODY, 3, 8, 4, 16, 1, 2), 3)
    with pytest.raises(ConfigError, match="kernel_size 2 must be odd"):
        MixingDecoder(1, kernel_size=2).attach(GraphEncoder(BODY, 3, 8), 3)
    with pytest.raises(ConfigError, match="multiple of 4"):
        MixingDecoder(1, 6).attach(GraphEncoder(BODY, 3, 8), 3)


def test_repr() -> None:
    assert repr(MixingDecoder(hidden="drop")) == "MixingDecoder(depth=1, hidden='drop')"
