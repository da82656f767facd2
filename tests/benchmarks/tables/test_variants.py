from __future__ import annotations

import doctest
from collections.abc import Callable
from functools import lru_cache

import pytest
import torch
import yaml
from tables import variants
from tables.protocols import CONFIGS
from tables.variants import PRETRAINED, starts, twin

from pyg_skeletonmae.commands.cli import main
from pyg_skeletonmae.commands.encoders import load_encoder


def test_names():
    assert doctest.testmod(variants).failed == 0
    assert starts("mamp") == ("pre-trained",)
    assert starts("graph_mae gcn") == ("from scratch", "pre-trained")
    assert starts("skeleton2vec") == ("random", "pre-trained")
    assert twin("STRL gcn pre-trained") == "STRL gcn from scratch"
    assert twin("graph_mae gcn pre-trained") == "graph_mae gcn random"
    assert twin("st_mae_vit full size pre-trained") == "st_mae_vit full size random"


@pytest.fixture(scope="module")
def first_weights(tmp_path_factory) -> Callable[[str], dict[str, torch.Tensor]]:
    """The encoder of a method before its first step."""

    @lru_cache
    def weights(name: str) -> dict[str, torch.Tensor]:
        method, out = PRETRAINED[name], tmp_path_factory.mktemp("run") / "out"
        command = ["pretrain", f"--config={CONFIGS}/pretrain/{method.config}.yaml"]
        command += [*method.settings, "--data.name=synthetic", "--data.num_clips=12"]
        command += ["--data.num_classes=2", "--trainer.max_steps=1", "--trainer.progress=false"]
        assert main([*command, "--keep_memory=false", f"--out={out}"]) == 0
        torch.manual_seed(0)
        data = yaml.safe_load((out / "config.yaml").read_text())["data"]
        return load_encoder(out, data, True).state_dict()

    return weights


@pytest.mark.parametrize("name", [name for name in PRETRAINED if len(starts(name)) == 1])
def test_methods_that_share_random_weights_have_the_same_network(name, first_weights):
    other = twin(f"{name} pre-trained").removesuffix(" random")
    own, others = first_weights(name), first_weights(other)
    assert own.keys() == others.keys()
    assert all(torch.equal(value, others[key]) for key, value in own.items())
