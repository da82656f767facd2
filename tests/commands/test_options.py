from __future__ import annotations

from pyg_skeletonmae.commands.options import TuneConfig
from pyg_skeletonmae.commands.publications import published
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


def test_weights_are_averaged_as_early_in_a_shorter_run():
    recipe = published("finetune", "skeleton2vec", "ntu60-xview")
    for epochs, start in ((120, 100), (12, 10), (1, None)):
        optim = TuneConfig(epochs=epochs).apply(recipe).optim
        assert (optim.swa_start, optim.swa_lr) == (start, 1e-5 if start else None)
    optim = TuneConfig(clips=1000).apply(recipe).optim
    assert (optim.swa_start, optim.swa_lr, optim.min_lr) == (None, None, 5e-6)
