import json

import pytest
import torch
from oracle_helpers import oracles

from pyg_skeletonmae import layouts
from pyg_skeletonmae.errors import CheckpointError
from pyg_skeletonmae.models import Skeleton2Vec
from pyg_skeletonmae.models.checkpoints.names import only
from pyg_skeletonmae.models.checkpoints.skeleton2vec_names import (
    FINETUNED,
    channels_last,
    rows,
    skeleton2vec_source,
)


def test_names() -> None:
    block = "teacher.module.transformer.blocks.3"
    keys, pack = skeleton2vec_source(f"{block}.attn.qkv.bias")
    theirs = "ema.model.encoder.layers.3"
    assert keys == tuple(f"{theirs}.attn.{part}.bias" for part in ("queries", "keys", "values"))
    assert pack is rows
    assert skeleton2vec_source(f"{block}.scale2.gamma").keys == (f"{theirs}.gamma_2",)
    keys, pack = skeleton2vec_source("decoder.position.time")
    assert keys == ("auto_encoder.decoder_temporal_pos_emb",) and pack is channels_last
    keys, pack = skeleton2vec_source("head.3.bias", FINETUNED)
    assert keys == ("cls_head.8.bias",) and pack is only
    with pytest.raises(CheckpointError, match=r"nothing for the parameter 'head\.3\.bias'"):
        skeleton2vec_source("head.3.bias")


def test_layouts() -> None:
    joints, steps = torch.randn(1, 4, 1, 3), torch.randn(1, 4, 5, 1)
    assert torch.equal(channels_last([joints]), joints[0, :, 0].t())
    assert torch.equal(channels_last([steps]), steps[0, :, :, 0].t())
    assert rows([torch.zeros(2, 3), torch.ones(1, 3)]).tolist() == [[0.0] * 3] * 2 + [[1.0] * 3]


@pytest.mark.oracle
def test_every_key_of_the_published_model() -> None:
    root = oracles()
    maps = json.loads((root / "models/checkpoints_keys.json").read_text())["state_dicts"]
    (listed,) = (
        entries
        for entries in maps.values()
        if len(entries) == 426 and any(key == "auto_encoder.mask_token_emb" for key, *_ in entries)
    )
    shapes = {key: list(shape) for key, shape, *_ in listed}
    with torch.device("meta"):
        model = Skeleton2Vec(layouts.NTU25)
    used = set()
    for name, parameter in model.named_parameters():
        keys, pack = skeleton2vec_source(name)
        used.update(keys)
        assert pack([torch.empty(shapes[key]) for key in keys]).shape == parameter.shape, name
    average = {key for key in shapes if key.startswith("ema.model.")} - used
    assert set(shapes) - used == average and all(
        key.startswith(("ema.model.decoder", "ema.model.mask_token_emb")) for key in average
    )
