"""The global random generators: their state, and code that must not disturb them."""

from __future__ import annotations

import random
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from pyg_skeletonmae.errors import CheckpointError
from pyg_skeletonmae.training.schema import check_like, count, mapping


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
    """Goes back to what :func:`random_state` gave; GPU generators only if there are as many.

    Raises:
        CheckpointError: It is no such state: the generators would read beyond their numbers.
    """
    check_random_state(state)
    torch.set_rng_state(state["torch"])
    if torch.cuda.is_available() and len(state["cuda"]) == torch.cuda.device_count():
        torch.cuda.set_rng_state_all(state["cuda"])
    version, words, gauss = state["python"]
    random.setstate((version, tuple(words.tolist()), gauss))
    numpy = dict(state["numpy"])
    numpy["state"] = {**numpy["state"], "key": numpy["state"]["key"].numpy().astype(np.uint32)}
    np.random.set_state(numpy)  # noqa: NPY002 (see above)


def check_random_state(state: object) -> None:
    """Looks whether :func:`set_random_state` can take a state.

    Raises:
        CheckpointError: It cannot; what is wrong in it is named.
    """
    own = random_state()
    given = mapping(state, own, "random")
    check_like(given["torch"], own["torch"], "random.torch")
    # Of the 624 numbers of a Mersenne Twister, how many are left and which is the next; it starts
    # with none, and an empty hand.
    words = bytes(given["torch"].tolist())
    left, following = (int.from_bytes(words[i : i + 4], sys.byteorder) for i in (8, 16))
    if (left, following) != (1, 0) and (left + following != 625 or not 1 <= left <= 624):
        raise CheckpointError("random.torch: not the state of a Mersenne Twister")
    python = given["python"]
    check_like(
        python,
        (*own["python"][:2], python[2] if isinstance(python, tuple) else None),
        "random.python",
    )
    if python[0] != own["python"][0]:
        raise CheckpointError(f"random.python: of version {python[0]}")
    _check_words(python[1][:-1], "random.python")
    count(int(python[1][-1]), "random.python: the place in it", 625)
    if python[2] is not None:  # the second of two normal numbers, which are drawn together
        check_like(python[2], 0.0, "random.python")
    check_like(given["numpy"], own["numpy"], "random.numpy")
    _check_words(given["numpy"]["state"]["key"], "random.numpy")
    count(given["numpy"]["state"]["pos"], "random.numpy.state.pos", 625)
    count(given["numpy"]["has_gauss"], "random.numpy.has_gauss", 2)
    for number, generator in enumerate(given["cuda"] if isinstance(given["cuda"], list) else [0]):
        like = torch.zeros(16, dtype=torch.uint8)  # seed and offset
        check_like(generator, like, f"random.cuda[{number}]")


def _check_words(words: Tensor, where: str) -> None:
    if int(words.min()) < 0 or int(words.max()) >= 2**32:
        raise CheckpointError(f"{where}: expected numbers of 32 bits")


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
