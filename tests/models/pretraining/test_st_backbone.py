"""The vision-transformer form: every setting arrives where it belongs."""

import pytest
import torch

from pyg_skeletonmae import layouts
from pyg_skeletonmae.models import ViTBackbone
from pyg_skeletonmae.nn.tokens import split_tokens
from pyg_skeletonmae.transforms import RandomTokenMask

BODY = layouts.UIPRMD22
SETTINGS = {
    "frames_per_patch": 2,
    "hidden_channels": 12,
    "depth": 2,
    "heads": 4,
    "mlp_ratio": 1.5,
    "drop_path": 0.25,
    "layer_scale": 0.125,
    "norm_eps": 1e-3,
    "time_embedding": "sinusoidal",
    "init": "normal",
}
BACKBONE = ViTBackbone(**SETTINGS, decoder_channels=8, decoder_depth=3)  # type: ignore[arg-type]


def test_the_encoder_has_the_settings_by_their_names() -> None:
    arguments = dict(BACKBONE.encoder(BODY, 2, 6).config["init_args"])
    assert arguments.pop("skeleton")["init_args"]["name"] == BODY.name
    assert (arguments.pop("in_channels"), arguments.pop("frames")) == (2, 6)
    assert arguments == SETTINGS


def test_the_decoder_has_its_own_width_and_depth_and_shares_the_rest() -> None:
    decoder = BACKBONE.decoder(BODY, 2, 6)
    block = decoder.transformer.blocks[-1]
    assert (decoder.embed.in_features, decoder.embed.out_features) == (12, 8)
    assert repr(decoder.position) == "JointTimeEmbedding(22, 3, 8, time='sinusoidal')"
    assert (len(decoder.transformer.blocks), block.attn.heads) == (3, 4)
    assert block.mlp.fc1.out_features == 12  # 1.5 * 8
    assert block.scale1.value == 0.125 and block.norm1.eps == decoder.norm.eps == 1e-3
    assert block.drop_path.rate == 0.0  # of the encoder alone
    for layer in (*BACKBONE.encoder(BODY, 2, 6).transformer.blocks, block):
        assert 0.01 < layer.mlp.fc2.weight.std() < 0.03  # normal, of 0.02


def test_a_decoder_predicts_the_coordinates_of_a_token_or_what_it_is_told() -> None:
    assert BACKBONE.decoder(BODY, 3, 6).head.out_features == 2 * 3
    decoder = BACKBONE.decoder(BODY, 3, 6, out_channels=5)
    split = split_tokens(torch.arange(66).view(1, 22, 3) >= 4)
    assert decoder(torch.zeros(1, 4, 12), split).shape == (1, 66, 5)


@pytest.mark.parametrize(
    ("encoder", "decoder"),
    [("learned", "learned"), ("zero", "learned"), ("sinusoidal", "sinusoidal")],
)
def test_the_time_of_a_decoder_is_fixed_where_the_encoders_is(encoder: str, decoder: str) -> None:
    small = ViTBackbone(2, 8, 1, 2, decoder_channels=8, time_embedding=encoder)  # type: ignore[arg-type]
    assert small.encoder(BODY, 3, 4).position.kind == encoder
    assert small.decoder(BODY, 3, 4).position.kind == decoder


def test_the_defaults_are_those_of_the_public_code() -> None:
    backbone = ViTBackbone()
    assert backbone.target_norm == "patch" and repr(backbone.mask()) == repr(RandomTokenMask(0.9))
    assert repr(backbone) == "ViTBackbone(frames_per_patch=4, hidden=256, depth=8, decoder=256x3)"
    assert repr(BACKBONE) == "ViTBackbone(frames_per_patch=2, hidden=12, depth=2, decoder=8x3)"


def test_every_encoder_is_a_new_one() -> None:
    one, other = (BACKBONE.encoder(BODY, 3, 4) for _ in range(2))
    assert not torch.equal(one.patch.proj.weight, other.patch.proj.weight)
