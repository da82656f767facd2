from __future__ import annotations

import random

import numpy as np
import torch
from torch import nn

from pyg_skeletonmae.training.checkpoint import load_checkpoint, save_checkpoint
from pyg_skeletonmae.training.random_state import random_state, set_random_state, undisturbed


def draws() -> list[float]:
    return [
        float(torch.randn(())),
        random.random(),
        random.gauss(0, 1),
        float(np.random.standard_normal()),  # noqa: NPY002 (the global state is what is tested)
    ]


def test_comes_back_from_disk(tmp_path):
    draws()
    save_checkpoint(tmp_path / "x.ckpt", {"random": random_state()})
    expected = draws() + draws()
    set_random_state(load_checkpoint(tmp_path / "x.ckpt")["random"])
    assert draws() + draws() == expected


def test_undisturbed():
    model = nn.Sequential(nn.Dropout(), nn.Dropout())
    model[0].eval()
    before = random_state()
    expected = draws()
    set_random_state(before)
    try:
        with undisturbed(model):
            assert not model.training and not model[1].training
            draws()
            raise KeyError
    except KeyError:
        pass
    assert draws() == expected
    assert [m.training for m in model.modules()] == [True, False, True]
