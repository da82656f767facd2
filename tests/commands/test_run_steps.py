"""The steps before and after a training: what they refuse, leave alone and write."""

from __future__ import annotations

import json
import math
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from cli_helpers import packed_arrays, write_packed
from job_helpers import sticks, tiny_encoder

from pyg_skeletonmae.commands import run_folders as runs
from pyg_skeletonmae.commands.data_clips import open_dataset, split
from pyg_skeletonmae.commands.data_section import DataConfig
from pyg_skeletonmae.commands.run_steps import (
    answer,
    begin,
    check_selection,
    check_validation,
    finish,
    finite,
    loader_device,
    measured,
    numbers,
    try_batch,
)
from pyg_skeletonmae.errors import ConfigError, DataError
from pyg_skeletonmae.models import Classifier
from pyg_skeletonmae.training import load_release


class Process:
    """What these steps need of a Trainer."""

    def __init__(self, rank: int = 0) -> None:
        self.rank, self.launched = rank, False
        self.fabric = SimpleNamespace(device=torch.device("cpu"), broadcast=lambda said: said)

    def launch(self) -> None:
        self.launched = True


def test_begin_opens_the_clips_and_seeds_the_weights(tmp_path):
    data, _ = sticks(tmp_path)
    trainer = Process()
    splits = begin(trainer, tmp_path / "run", {}, data, 7, resume=False)
    assert trainer.launched and torch.initial_seed() == 7
    assert (len(splits.train), len(splits.test)) == (8, 8)
    assert not (tmp_path / "run").exists()


def test_only_the_first_process_looks_at_the_run_folder(tmp_path, monkeypatch):
    """The others start when it has made the folder already."""
    data, _ = sticks(tmp_path)
    trainer = Process(rank=1)
    monkeypatch.delenv("LOCAL_RANK", raising=False)
    with pytest.raises(ConfigError, match="exists already"):
        begin(trainer, tmp_path, {}, data, 0, resume=False)
    assert not trainer.launched
    monkeypatch.setenv("LOCAL_RANK", "1")
    assert len(begin(trainer, tmp_path, {}, data, 0, resume=False).train) == 8


def test_what_the_first_process_finds_stops_all(tmp_path, monkeypatch):
    """As under torchrun, which starts all of them at once."""
    data, _ = sticks(tmp_path)
    monkeypatch.setenv("LOCAL_RANK", "0")
    with pytest.raises(ConfigError, match="exists already"):
        begin(Process(rank=0), tmp_path, {}, data, 0, resume=False)
    other = Process(rank=1)
    other.fabric.broadcast = lambda said: "runs/a: exists already"
    with pytest.raises(ConfigError, match="exists already"):
        begin(other, tmp_path, {}, data, 0, resume=False)


def test_batches_for_apples_gpu_are_made_on_the_cpu():
    assert loader_device(torch.device("mps")) == torch.device("cpu")
    assert loader_device(torch.device("cuda:1")) == torch.device("cuda:1")


def test_weights_are_chosen_on_somebody():
    nobody, somebody = DataConfig(), DataConfig(val_subjects=[3])
    for data, monitor, select, said in (
        (nobody, None, "last", None),
        (nobody, "knn", "last", "trainer.monitor: needs data.val_subjects"),
        (nobody, None, "val-best", "select: needs data.val_subjects"),
        (nobody, "top1", "test-best", None),  # on the test clips
        (somebody, "knn", "last", None),
        (somebody, None, "val-best", None),
    ):
        if said is None:
            check_selection(data, monitor, select)
        else:
            with pytest.raises(ConfigError, match=said):
                check_selection(data, monitor, select)


def test_a_tried_batch_leaves_no_trace(tmp_path):
    data, splits = sticks(tmp_path)
    encoder = tiny_encoder(splits.train.skeleton)
    net = Classifier(encoder, 2, "mlp", hidden=4, dropout=0.5, freeze_encoder=True).train()
    loader, fresh = (data.train_loader(splits.train, seed=0) for _ in range(2))
    weights = {name: value.clone() for name, value in net.state_dict().items()}
    flags, random = [module.training for module in net.modules()], torch.get_rng_state()
    try_batch(net, loader)
    assert all(torch.equal(value, weights[name]) for name, value in net.state_dict().items())
    assert [module.training for module in net.modules()] == flags and len(set(flags)) == 2
    assert torch.equal(torch.get_rng_state(), random)
    assert all(parameter.grad is None for parameter in net.parameters())
    assert loader.state_dict() == fresh.state_dict()
    seen, wanted = ([batch.clip_id.tolist() for batch in each] for each in (loader, fresh))
    assert seen == wanted and len(wanted) == 2


def test_numbers_and_what_json_can_hold():
    results = {"top1": 0.5, "l2": np.float64(0.1), "loss": math.nan, "low": -math.inf,
               "step": 3, "flag": True, "predicted": torch.zeros(2)}  # fmt: skip
    assert list(numbers(results)) == ["top1", "l2", "loss", "low"]
    kept = finite(results)
    assert (kept["loss"], kept["low"]) == (None, None) and kept.keys() == results.keys()
    assert (kept["top1"], kept["l2"], kept["step"], kept["flag"]) == (0.5, 0.1, 3, True)


def test_the_first_process_writes_release_and_results(tmp_path):
    config, splits = sticks(tmp_path)
    net = tiny_encoder(splits.train.skeleton)
    results = {"train/loss": math.inf, "step": 2}
    other = finish(Process(rank=1), net, tmp_path / "run", splits, config, results)
    assert not (tmp_path / "run").exists()
    found = finish(Process(), net, tmp_path / "run", splits, config, results)
    assert found == other == {**results, "folder": str(tmp_path / "run")}
    model = load_release(tmp_path / "run" / runs.RELEASE)
    assert repr(model) == repr(net)
    assert model.preprocessing == config.preprocessing(splits.train)
    written = json.loads((tmp_path / "run" / runs.RESULTS).read_text())
    peak = written.pop("peak_mib")
    assert 0 < peak <= measured(splits)["peak_mib"]
    content = splits.train.store.content_hash
    assert written == {"train/loss": None, "step": 2, "data_hash": content}


def test_weights_are_not_chosen_on_classes_that_nobody_is_trained_on(tmp_path):
    """Subject 3 does only what nobody else does."""
    arrays = packed_arrays()
    label = np.where(arrays["subject"] == 3, 2, arrays["label"])
    names = np.array(["left", "right", "up"])
    path = write_packed(tmp_path / "three.npz", label=label, class_names=names)
    config = DataConfig("npz", str(path), cache=str(tmp_path / "cache"), val_subjects=[3])
    splits = split(open_dataset(config), config)
    with pytest.raises(DataError, match=r"data.val_subjects: none of the classes"):
        check_validation(splits)
    check_validation(splits._replace(val=None))
    check_validation(splits._replace(val=splits.train))


def test_the_answer_is_numbers_and_notes():
    assert answer({"top1": 0.5, "logits": [1], "notes": ["x"]}) == {"top1": 0.5, "notes": ["x"]}
    assert answer({"top1": 0.5, "notes": []}) == {"top1": 0.5}
