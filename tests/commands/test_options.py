from __future__ import annotations

from pyg_skeletonmae.commands.options import TuneConfig
from pyg_skeletonmae.evaluation import FINETUNE, LINEAR_SGD


def test_nothing_said_changes_nothing():
    assert TuneConfig().apply(FINETUNE) == FINETUNE


def test_what_is_said_is_changed_alone():
    tune = TuneConfig("mlp", 3, lr=1e-6, weight_decay=0.2, evaluate_every=5)
    recipe = tune.apply(FINETUNE)
    assert (recipe.head, recipe.epochs, recipe.evaluate_every) == ("mlp", 3, 5)
    assert (recipe.optim.lr, recipe.optim.min_lr, recipe.optim.weight_decay) == (1e-6, 1e-6, 0.2)
    assert recipe.optim.layer_decay == FINETUNE.optim.layer_decay
    assert TuneConfig(epochs=0).apply(FINETUNE).epochs == 0  # which the Trainer refuses
    assert TuneConfig(lr=0.01).apply(LINEAR_SGD).optim.min_lr == 0.0
