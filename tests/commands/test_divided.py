"""Evaluations and embeddings that several processes divide: the results of one, to the last bit."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from process_helpers import run_processes

from pyg_skeletonmae.commands import divided as module
from pyg_skeletonmae.commands.data_clips import open_dataset
from pyg_skeletonmae.commands.data_section import DataConfig
from pyg_skeletonmae.commands.divided import divided
from pyg_skeletonmae.commands.evaluate import evaluate
from pyg_skeletonmae.commands.options import FewShotConfig
from pyg_skeletonmae.datasets import ClipStore, SyntheticActions
from pyg_skeletonmae.errors import ConfigError
from pyg_skeletonmae.inference import Embedder
from pyg_skeletonmae.models import Classifier, GraphEncoder
from pyg_skeletonmae.training import save_release

TAKEN = ("peak_mib",)
PROTOCOLS: list[dict[str, Any]] = [
    {"protocol": "knn"},
    {"protocol": "linear", "flip": True, "joints": "mean"},
    {"protocol": "few-shot", "few_shot": FewShotConfig(ways=2, shots=1, queries=2, episodes=9)},
    {"protocol": "classify"},
    {"protocol": "knn", "statistics": "both"},
    {"protocol": "retrieval", "segments": 2},
]


def actions(root: Path) -> DataConfig:
    """Thirty clips of four performers, two at a time: more batches than processes."""
    if not ClipStore.exists(root / "store"):
        SyntheticActions(30, num_classes=2, num_subjects=4, root=root / "store")
    return DataConfig(name="store", path=str(root / "store"), frames=8, crop=None, batch_size=1)


def released(root: Path) -> str:
    """A classifier that knows nothing."""
    data = actions(root)
    dataset = open_dataset(data)
    torch.manual_seed(0)
    model = Classifier(GraphEncoder(dataset.skeleton, 3, hidden_channels=8, depth=1), 2)
    save_release(model, root / "release", preprocessing=data.preprocessing(dataset))
    return str(root / "release")


def measure(root: Path, release: str, processes: int) -> list[dict[str, Any]]:
    """What each protocol finds."""
    data, found = actions(root), []
    for number, how in enumerate(PROTOCOLS):
        out = str(root / f"{processes}-{number}")
        more = {"out": out, "devices": processes, "timeout": 60}
        resolved = {"data": asdict(data), "pretrained": release}
        results = evaluate(data, resolved, release, **how, **more)
        found.append({name: value for name, value in results.items() if name not in TAKEN})
    bare = evaluate(data, {"pretrained": None}, devices=processes, timeout=60)
    return [*found, {name: value for name, value in bare.items() if name not in TAKEN}]


@pytest.mark.parametrize("processes", [2, 3])
def test_every_protocol_finds_what_one_process_finds(tmp_path: Path, processes: int) -> None:
    release = released(tmp_path)
    alone = measure(tmp_path, release, 1)
    several = run_processes(processes, measure, tmp_path, release, processes)
    assert several == [alone] * processes
    for number, found in enumerate(alone[:-1]):
        written = json.loads((tmp_path / f"{processes}-{number}/results.json").read_text())
        assert {n: v for n, v in written.items() if n not in TAKEN} == found
    one, many = (np.load(tmp_path / f"{n}-3/scores.npz") for n in (1, processes))
    with one, many:
        assert all(np.array_equal(one[name], many[name]) for name in one.files)


def embed(release: str, clips: list[np.ndarray], processes: int) -> list[Any]:
    with divided(processes, timeout=60) as fabric:
        rows = Embedder.from_pretrained(release).embed(
            clips, batch_size=2, rank=fabric.global_rank, world_size=processes
        )
    return [rows.x, rows.names, rows.start.tolist(), rows.stop.tolist(), rows.person]


def test_embeddings_are_those_of_one_process(tmp_path: Path) -> None:
    release = released(tmp_path)
    clips = [np.random.default_rng(i).normal(size=(5 + i, 25, 3)) for i in range(7)]
    clips[3][:] = np.nan  # nobody is seen
    alone = embed(release, clips, 1)
    assert len(alone[1]) == 6
    for found in run_processes(3, embed, release, clips, 3):
        assert np.array_equal(found[0], alone[0]) and found[1:] == alone[1:]


@pytest.mark.slow
def test_by_the_command_line(tmp_path: Path) -> None:
    """``--devices 2`` starts the other process, ``torchrun`` both; one of them answers."""
    release, store = released(tmp_path), ClipStore(tmp_path / "store")
    run = [sys.executable, "-m", "pyg_skeletonmae"]
    words = ["evaluate", "--pretrained", release, "--data.name", "store", "--data.path"]
    words += [str(store.root), "--data.batch_size", "2"]
    several = ["torch.distributed.run", "--standalone", "--nproc_per_node", "2", "-m"]
    torchrun = [sys.executable, "-m", *several, "pyg_skeletonmae"]
    found = []
    for start, more in ((run, []), (run, ["--devices", "2"]), (torchrun, [])):
        said = subprocess.run([*start, *words, *more], capture_output=True, text=True, check=True)
        found.append({k: v for k, v in json.loads(said.stdout).items() if k not in TAKEN})
    assert found[0] == found[1] == found[2]
    rows = []
    for more in ([], ["--devices", "2", "--batch_size", "4"]):
        out = str(tmp_path / "rows.npz")
        words = ["embed", release, str(store.root), "--out", out, *more]
        said = subprocess.run([*run, *words], capture_output=True, text=True, check=True)
        assert json.loads(said.stdout)["rows"] == 30
        with np.load(out) as file:
            rows.append({name: file[name] for name in file.files})
    assert rows[0]["names"].tolist() == rows[1]["names"].tolist() == list(store.names)
    np.testing.assert_allclose(rows[0]["x"], rows[1]["x"], rtol=0, atol=1e-6)  # other batches


def test_trainings_are_not_divided(tmp_path: Path) -> None:
    release = released(tmp_path)
    with pytest.raises(ConfigError, match="devices: protocol finetune trains in one process"):
        evaluate(actions(tmp_path), {}, release, "finetune", devices=2)


@pytest.mark.parametrize("how", [{"devices": 0}, {"num_nodes": -1}, {"timeout": float("nan")}])
def test_numbers_are_positive(how: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match="expected more than 0"), divided(**how):
        pass


@pytest.mark.parametrize(("there", "kind"), [(True, "cuda"), (False, "cpu")])
def test_a_gpu_is_taken_if_there_is_one(monkeypatch, there: bool, kind: str) -> None:
    made = []
    monkeypatch.setattr(torch.cuda, "is_available", lambda: there)

    def make(accelerator: str, *args: object, **how: object) -> None:
        made.append(accelerator)
        raise ConfigError("that will do")

    monkeypatch.setattr(module, "make_fabric", make)
    with pytest.raises(ConfigError, match="that will do"), divided():
        pass
    assert made == [kind]
