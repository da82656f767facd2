from __future__ import annotations

import doctest
from pathlib import Path

import pytest
import torch
import variants
import yaml
from protocols import CONFIGS
from variants import PRETRAINED, starts, twin

from pyg_skeletonmae.cli import main
from pyg_skeletonmae.pretrained import load_encoder


def test_names():
    assert doctest.testmod(variants).failed == 0
    assert starts("mamp") == ("pre-trained",)
    assert starts("graph_mae gcn") == ("from scratch", "pre-trained")
    assert starts("skeleton2vec") == ("random", "pre-trained")
    assert twin("STRL gcn pre-trained") == "STRL gcn from scratch"
    assert twin("graph_mae gcn pre-trained") == "graph_mae gcn random"
    assert twin("st_mae_vit full size pre-trained") == "st_mae_vit full size random"


@pytest.mark.parametrize("name", [name for name in PRETRAINED if len(starts(name)) == 1])
def test_methods_that_share_random_weights_have_the_same_network(name, tmp_path):
    """The encoder before the first step is the same, weight by weight, for the same seed."""
    other = twin(f"{name} pre-trained").removesuffix(" random")
    states = [_first_weights(method, tmp_path / method) for method in (name, other)]
    assert states[0].keys() == states[1].keys()
    assert all(torch.equal(value, states[1][key]) for key, value in states[0].items())


def _first_weights(name: str, out: Path) -> dict[str, torch.Tensor]:
    method = PRETRAINED[name]
    command = ["pretrain", f"--config={CONFIGS}/pretrain/{method.config}.yaml", *method.settings]
    command += ["--data.name=synthetic", "--data.num_clips=12", "--data.num_classes=2"]
    command += ["--trainer.max_steps=1", "--trainer.progress=false", f"--out={out}"]
    assert main(command) == 0
    torch.manual_seed(0)
    data = yaml.safe_load((out / "config.yaml").read_text())["data"]
    return load_encoder(out, data, True).state_dict()
