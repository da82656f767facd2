from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
import torch
from data_helpers import STICK
from torch_geometric.transforms import Compose

from pyg_skeletonmae.datasets.fingerprint import described
from pyg_skeletonmae.layouts import COCO17, UIPRMD22
from pyg_skeletonmae.transforms import CenterRoot, JitterJoints, Resample

WANTED = 3


def of_class(label):
    return lambda clip: clip.y == label


class Filter:
    def __init__(self, label):
        self.label = label

    def keep(self, clip):
        return clip.y == self.label


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (lambda clip: clip.y == 0, lambda clip: clip.y == 1),
        (of_class(0), of_class(1)),
        (lambda clip, label=0: clip.y == label, lambda clip, label=1: clip.y == label),
        (Filter(0).keep, Filter(1).keep),
        (JitterJoints(0.1), JitterJoints(0.1, dims=2)),
        (Compose([Resample(4), Resample(8)]), Compose([Resample(8), Resample(4)])),
        (CenterRoot(UIPRMD22), CenterRoot(COCO17)),
        (torch.zeros(3), torch.ones(3)),
        (np.zeros(3), np.zeros(3, np.float32)),
        ({"a": 1}, {"a": 2}),
        ({1, 2}, {1, 3}),
        (int, float),
        (1, 1.5),
    ],
    ids=lambda thing: type(thing).__name__,
)
def test_what_differs_is_told_apart(one, other):
    assert repr(described(one)) != repr(described(other))
    assert repr(described(one)) == repr(described(one))


def test_values_of_the_module_are_read(monkeypatch):
    def keep(clip):
        return clip.y == WANTED

    before = described(keep)
    monkeypatch.setitem(globals(), "WANTED", 4)
    assert described(keep) != before


def test_equal_things_are_equal():
    for make in (lambda: of_class(2), lambda: Filter(1).keep, lambda: CenterRoot(STICK)):
        assert described(make()) == described(make())


def test_it_is_the_same_in_every_process():
    code = (
        "from pyg_skeletonmae.datasets.fingerprint import described\n"
        "from pyg_skeletonmae.layouts import COCO17\n"
        "from pyg_skeletonmae.transforms import JitterJoints\n"
        "print(described([JitterJoints(0.1), COCO17, {'x', 'y'}, lambda c: c.y in {'a', 'b'}]))"
    )
    said = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={"PYTHONHASHSEED": seed, "PYTHONPATH": ":".join(sys.path)},
            capture_output=True, text=True, check=True,
        ).stdout
        for seed in ("1", "2")
    }  # fmt: skip
    assert len(said) == 1
