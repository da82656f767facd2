"""The parameter groups of fine-tuning, where the public codes differ."""

from __future__ import annotations

import pytest
from s2v_helpers import BACKBONE
from tables.protocols import CONFIGS, METHODS
from tables.recipes import finetuning

from pyg_skeletonmae.commands.parser import build_parser
from pyg_skeletonmae.layouts import NTU25
from pyg_skeletonmae.models import Classifier
from pyg_skeletonmae.training.optim import parameter_groups


@pytest.mark.parametrize(
    ("name", "norm", "position", "read_at"),
    [("mamp", 1.0, 0.05, "start"), ("skeleton2vec", 0.8, 0.0, "end")],
)
def test_groups_of_the_public_codes(name: str, norm: float, position: float, read_at: str) -> None:
    """``util/lr_decay.py`` of MAMP (09e6252a) and ``utils/lr_decay.py`` of Skeleton2vec."""
    method, parser = METHODS[name], build_parser()
    path = CONFIGS / "finetune" / f"{method.finetune}.yaml"
    own = finetuning(method.publication, "ntu60-xsub")
    config = parser.parse_args(["finetune", f"--config={path}", *own])
    optim = parser.instantiate(config).finetune.trainer.optim
    model = Classifier(BACKBONE.encoder(skeleton=NTU25, in_channels=3, frames=30), 4, "joints-mlp")
    found = {
        id(parameter): (group["lr"] / optim.lr, group["weight_decay"])
        for group in parameter_groups(model, optim)
        for parameter in group["params"]
    }
    encoder = model.encoder
    for parameter, expected in (
        (encoder.norm.weight, (norm, 0.0)),
        (encoder.position.joint, (0.8**3, position)),
        (encoder.position.time, (0.8**3, position)),
        (encoder.patch.proj.weight, (0.8**3, 0.05)),
        (encoder.transformer.blocks[0].attn.qkv.weight, (0.8**2, 0.05)),
        (encoder.transformer.blocks[1].attn.qkv.weight, (0.8, 0.05)),
        (model.head[0].weight, (1.0, 0.05)),
    ):
        assert found[id(parameter)] == pytest.approx(expected)
    assert optim.read_at == read_at
