import json

import pytest
import torch
from oracle_helpers import oracles
from st_helpers import BACKBONE, FRAMES, SKELETON, load, weights
from torch import Tensor

from pyg_skeletonmae.errors import CheckpointError
from pyg_skeletonmae.models import STSkeletonMAE, ViTBackbone
from pyg_skeletonmae.models.checkpoints.names import load_public, mamp_source


def make_model() -> STSkeletonMAE:
    return STSkeletonMAE(SKELETON, 3, FRAMES, BACKBONE)


def public_state(model: STSkeletonMAE) -> dict[str, Tensor]:
    """What MAMP would save of our model: the mapping, backwards."""
    state = {}
    for name, value in model.state_dict().items():
        (key,), _ = mamp_source(name)
        if name.endswith("patch.proj.weight"):
            value = value.view(len(value), -1, 3).transpose(1, 2)[..., None]
        elif name.endswith("position.joint"):
            value = value[None, None]
        elif name.endswith("position.time"):
            value = value[None, :, None]
        elif name.endswith("mask_token"):
            value = value[None, None]
        state[key] = value.clone()
    return state


def test_a_state_dict_comes_back() -> None:
    source, target = make_model(), make_model()
    load_public(target, public_state(source), mamp_source)
    for name, value in source.state_dict().items():
        assert torch.equal(target.state_dict()[name], value), name


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda s: s.pop("blocks.1.norm2.bias"), "no 'blocks.1.norm2.bias'"),
        (lambda s: s.update({"head.fc.weight": torch.zeros(2)}), "not know: 'head.fc.weight'"),
        (lambda s: s.update(norm=torch.zeros(2)), "not know: 'norm'"),
        (lambda s: s.update({"norm.bias": torch.zeros(33)}), r"'norm.bias' \[33\] does not fit"),
        (lambda s: s.update(pos_embed=torch.zeros(1, 1, 20, 32)), "'pos_embed'"),
        (lambda s: s.update(pos_embed=torch.zeros(1, 1, 32, 25)), "'pos_embed'"),
        (
            lambda s: s.update({"joints_embed.proj.weight": torch.zeros(384)}),
            "'joints_embed.proj.weight'",
        ),
    ],
)  # fmt: skip
def test_wrong_keys_are_named_and_nothing_is_loaded(change: object, message: str) -> None:
    state, model = public_state(make_model()), make_model()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    change(state)  # type: ignore[operator]
    with pytest.raises(CheckpointError, match=message):
        load_public(model, state, mamp_source)
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())


def test_unknown_parameters_of_ours() -> None:
    with pytest.raises(CheckpointError, match=r"'encoder\.extra'"):
        mamp_source("encoder.extra")


@pytest.mark.oracle
@pytest.mark.parametrize("name", ["mae", "mamp"])
def test_recorded_weights_fit(name: str) -> None:
    load_public(make_model(), weights(load(name)), mamp_source)


@pytest.mark.oracle
@pytest.mark.parametrize("depth", [3, 5])
def test_keys_and_shapes_of_the_published_models(depth: int) -> None:
    root = oracles()
    listing = json.loads((root / "models" / "checkpoints_keys.json").read_text())
    names = [
        n
        for n, keys in listing["state_dicts"].items()
        if "mamp" in n.lower() and is_pretraining(keys, depth)
    ]
    assert names
    model = STSkeletonMAE(SKELETON, backbone=ViTBackbone(decoder_depth=depth))
    for name in names:
        state = {key: torch.zeros(shape) for key, shape, _ in listing["state_dicts"][name]}
        load_public(model, state, mamp_source)
    count = sum(parameter.numel() for parameter in model.parameters())
    assert count == {3: 8_789_004, 5: 10_368_524}[depth]


def is_pretraining(keys: list[list[object]], depth: int) -> bool:
    blocks = {str(key).split(".")[1] for key, *_ in keys if str(key).startswith("decoder_blocks.")}
    return len(blocks) == depth
