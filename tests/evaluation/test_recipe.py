from __future__ import annotations

import pytest
from protocol_helpers import small_encoder

from pyg_skeletonmae.errors import ConfigError
from pyg_skeletonmae.evaluation import FINETUNE, LINEAR_SGD, finetune_recipe
from pyg_skeletonmae.evaluation.recipe import FINETUNE_PLAIN
from pyg_skeletonmae.layouts import UIPRMD22
from pyg_skeletonmae.models import STEncoder


def transformer() -> STEncoder:
    return STEncoder(
        UIPRMD22, frames=8, frames_per_patch=4, hidden_channels=8, depth=2, heads=2, drop_path=0.1
    )


def test_fine_tuning_of_a_transformer_sets_drop_path_on_a_copy():
    encoder = transformer()
    model = finetune_recipe(encoder).classifier(encoder, 5)
    assert finetune_recipe(encoder) is FINETUNE
    assert model.encoder.config["init_args"]["drop_path"] == 0.3
    assert encoder.config["init_args"]["drop_path"] == 0.1
    assert model.config["init_args"]["head"] == "joints-mlp" and model.label_smoothing == 0.1


def test_other_encoders_have_no_layers_to_decay():
    encoder = small_encoder()
    assert finetune_recipe(encoder) is FINETUNE_PLAIN
    assert FINETUNE_PLAIN.optim.layer_decay == 1.0 and FINETUNE_PLAIN.optim.lr == FINETUNE.optim.lr
    with pytest.raises(ConfigError, match="no stochastic depth"):
        FINETUNE.classifier(encoder, 5)


def test_freezing_is_undone_in_the_copy_alone():
    encoder = small_encoder().requires_grad_(False)
    probe = LINEAR_SGD.classifier(encoder, 5)
    tuned = FINETUNE_PLAIN.classifier(encoder, 5)
    assert not any(p.requires_grad for p in probe.encoder.parameters())
    assert all(p.requires_grad for p in tuned.encoder.parameters())
    assert not any(p.requires_grad for p in encoder.parameters())


def test_its_trainer(caplog):
    """It speaks where somebody listens, as the command line does unless it is ``--quiet``."""
    trainer = LINEAR_SGD.trainer(seed=4, accelerator="cpu")
    assert (trainer.max_epochs, trainer.seed, trainer.optim) == (100, 4, LINEAR_SGD.optim)
    assert trainer.progress == 0
    caplog.set_level("INFO", "pyg_skeletonmae")
    assert LINEAR_SGD.trainer(seed=4, accelerator="cpu").progress == 10
