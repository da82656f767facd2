"""Payloads that do what they are for, where they are taken at their word."""

from __future__ import annotations

import io
import pickle

import numpy as np
import pytest
import torch
from soak.payloads import MARK, PICKLES, npy, torch_legacy, torch_zip, within


@pytest.fixture
def mark(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path / MARK


@pytest.mark.parametrize("name", ["os.system", "INST", "OBJ", "eval", "getattr", "dotted", "BUILD"])
def test_a_pickle_runs(mark, name):
    pickle.loads(PICKLES[name])
    assert mark.exists()


def test_a_dict_that_holds_one_runs(mark):
    assert pickle.loads(within(PICKLES["os.system"], "model")) == {"format": 1, "model": 0}
    assert mark.exists()


@pytest.mark.parametrize("write", [torch_zip, torch_legacy])
def test_what_torch_loads_freely_runs(mark, write):
    torch.load(io.BytesIO(write(PICKLES["posix.system"])), weights_only=False)
    assert mark.exists()


def test_an_array_of_objects_runs(mark):
    np.load(io.BytesIO(npy(PICKLES["exec"])), allow_pickle=True)
    assert mark.exists()
