"""The global random generators: their state, and code that must not disturb them."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch import nn


def random_state() -> dict[str, Any]:
    """The state of every global random generator: PyTorch's (all devices), Python's, NumPy's."""
    version, words, gauss = random.getstate()
    numpy = np.random.get_state(legacy=False)  # noqa: NPY002 (what user code may draw from)
    key = torch.from_numpy(numpy["state"]["key"].astype(np.int64))
    return {
        "torch": torch.get_rng_state(),
        "cuda": torch.cuda.get_rng_state_all() if torch.cuda.is_available() else [],
        "python": (version, torch.tensor(words), gauss),
        "numpy": {**numpy, "state": {**numpy["state"], "key": key}},
    }


def set_random_state(state: Mapping[str, Any]) -> None:
    """Goes back to what :func:`random_state` gave; GPU generators only if there are as many."""
    torch.set_rng_state(state["torch"])
    if torch.cuda.is_available() and len(state["cuda"]) == torch.cuda.device_count():
        torch.cuda.set_rng_state_all(state["cuda"])
    version, words, gauss = state["python"]
    random.setstate((version, tuple(words.tolist()), gauss))
    numpy = dict(state["numpy"])
    numpy["state"] = {**numpy["state"], "key": numpy["state"]["key"].numpy().astype(np.uint32)}
    np.random.set_state(numpy)  # noqa: NPY002 (see above)


@contextmanager
def undisturbed(model: nn.Module) -> Iterator[None]:
    """Puts the model in ``eval`` mode; afterwards modes and random generators are as before."""
    random, training = random_state(), [module for module in model.modules() if module.training]
    model.eval()
    try:
        yield
    finally:
        for module in training:
            module.training = True
        set_random_state(random)
