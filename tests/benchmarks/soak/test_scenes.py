"""What scenes leave, by hashes: equal for equal bits, and blind to what is of the day."""

from __future__ import annotations

import json

import pytest
import torch
from cli_helpers import write_packed
from soak.scenes import state

from pyg_skeletonmae.datasets import SkeletonDataset
from pyg_skeletonmae.training import save_checkpoint


@pytest.fixture
def run(tmp_path):
    (tmp_path / "run").mkdir()
    weights = {"model": {"a": torch.zeros(3)}, "progress": {"step": 2, "seconds": 1.5}}
    save_checkpoint(tmp_path / "run" / "last.ckpt", weights)
    (tmp_path / "run" / "results.json").write_text('{"top1": 0.5, "seconds": 3, "peak_mib": 9}')
    SkeletonDataset.from_npz(write_packed(tmp_path / "a.npz"), tmp_path / "cache")
    return tmp_path


def test_what_is_of_the_day_is_not_compared(run):
    before = state(run)
    assert sorted(before) == ["cache/card.json", "run/last.ckpt", "run/results.json"]
    weights = {"model": {"a": torch.zeros(3)}, "progress": {"step": 2, "seconds": 7.5}}
    save_checkpoint(run / "run" / "last.ckpt", weights)
    (run / "run" / "results.json").write_text(json.dumps({"top1": 0.5, "seconds": 4}))
    assert state(run) == before


def test_a_bit_is_seen(run):
    before = state(run)
    save_checkpoint(run / "run" / "last.ckpt", {"model": {"a": -torch.zeros(3)}, "progress": {}})
    (run / "run" / "results.json").write_text('{"top1": 0.25}')
    after = state(run)
    assert {name for name in before if before[name] != after[name]} == {
        "run/last.ckpt",
        "run/results.json",
    }


def test_what_is_left_behind_is_seen(run):
    (run / ".x.host.1.2.partial").touch()
    assert state(run)[".x.host.1.2.partial"] == "left behind"
