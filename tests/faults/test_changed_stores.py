"""Clips that are not what their hash says, other clips on resuming, and files that shrink."""

from __future__ import annotations

import json
import os
import pickle
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from cli_helpers import FAST, TINY, runner, the_error
from data_helpers import STICK

from pyg_skeletonmae.datasets import ClipStore, SkeletonDataset, concat
from pyg_skeletonmae.datasets.store import stamp
from pyg_skeletonmae.errors import ConfigError, SkeletonFormatError
from pyg_skeletonmae.io.npz import write_npz
from pyg_skeletonmae.loader import SkeletonLoader

COMMANDS = {
    "pretrain": ("pretrain", *FAST, *TINY),
    "finetune": ("finetune", "--model.hidden_channels=8", "--model.num_layers=1", *FAST),
    "evaluate": ("evaluate", "--data.frames=8", "--keep_memory=false"),
}


def write_sticks(root: Path, shift: float = 0.0) -> Path:
    rng = np.random.default_rng(0)
    clips = [rng.normal(size=(9, 4, 3)) + shift for _ in range(16)]
    labels, subjects = [i % 2 for i in range(16)], [1 + i // 2 % 4 for i in range(16)]
    SkeletonDataset.from_arrays(clips, labels, STICK, root=root, subjects=subjects)
    return root


@pytest.fixture
def store(tmp_path: Path) -> Path:
    return write_sticks(tmp_path / "sticks")


@pytest.fixture
def run(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    return runner(capsys)


def rewrite_coordinates(store: Path) -> None:
    pos = np.load(store / "pos.npy")
    np.save(store / "pos.npy", pos + 1)


def roll_labels(store: Path) -> None:
    with np.load(store / "index.npz") as file:
        index = dict(file)
    write_npz(store / "index.npz", {**index, "label": np.roll(index["label"], 1)}, compress=False)


def rewrite_and_turn_back_the_clock(store: Path) -> None:
    times = (store / "pos.npy").stat()
    rewrite_coordinates(store)
    os.utime(store / "pos.npy", ns=(times.st_atime_ns, times.st_mtime_ns))


@pytest.mark.parametrize(
    ("command", "change"),
    [
        ("pretrain", rewrite_coordinates),
        ("pretrain", roll_labels),
        ("finetune", roll_labels),
        ("evaluate", rewrite_and_turn_back_the_clock),
    ],
)
def test_changed_clips_are_noticed_at_the_start(run, store, monkeypatch, command, change):
    monkeypatch.setattr(stamp, "_SETTLED", 0)
    arguments = (*COMMANDS[command], "--data.name=store", f"--data.path={store}")
    assert run(*arguments, "--out=whole")[0] == 0 and (store / "verified.json").exists()
    change(store)
    for how in ((), ("--verify=full",)):
        said = the_error(run(*arguments, *how, "--out=out"))
        assert said.startswith(f"{store}: the content: expected ") and not Path("out").exists()
    assert run(*arguments, "--verify=off", "--out=out")[0] == 0


def test_changed_clips_are_noticed_where_they_are_looked_at(run, store):
    """By whoever reads a store with a release, in Python and by commands."""
    arguments = (*COMMANDS["pretrain"], "--data.name=store", f"--data.path={store}", "--out=out")
    assert run(*arguments)[0] == 0
    calls = (
        ("embed", "out", str(store), "--out=rows.npz"),
        ("view", str(store), "--release=out", "--what=masked", "--out=page.html"),
    )
    for call in calls:
        assert run(*call)[0] == 0
    rewrite_coordinates(store)
    for call in calls:
        Path(call[-1].partition("=")[2]).unlink()
        assert "sticks: the content: expected" in the_error(run(*call)), call
        assert not Path(call[-1].partition("=")[2]).exists()


def test_changed_clips_are_noticed_on_resuming(run, store):
    arguments = (*COMMANDS["pretrain"], "--data.name=store", f"--data.path={store}", "--out=out")
    assert run(*arguments)[0] == 0
    roll_labels(store)
    assert "sticks: the content: expected" in the_error(run(*arguments, "--resume"))


@pytest.mark.parametrize("command", COMMANDS)
def test_a_store_that_was_swapped_is_noticed_on_resuming(run, store, command):
    arguments = (*COMMANDS[command], "--data.name=store", f"--data.path={store}", "--out=out")
    assert run(*arguments)[0] == 0
    shutil.rmtree(store)
    write_sticks(store, shift=1.0)
    said = the_error(run(*arguments, "--resume"))
    assert said.startswith("out: cannot resume on other clips: the run was started on those of")
    before = json.loads(Path("out/run.json").read_text())["data_hash"]
    assert before[:12] in said and ClipStore(store).content_hash[:12] in said


def test_results_and_release_tell_the_hash_that_was_verified(run, store):
    arguments = (*COMMANDS["pretrain"], "--data.name=store", f"--data.path={store}", "--out=out")
    assert run(*arguments)[0] == 0
    told = [json.loads(Path("out", name).read_text()) for name in ("results.json", "run.json")]
    told.append(json.loads(Path("out/release/metrics.json").read_text())["data"])
    hashes = {*(content.get("data_hash") or content["content_hash"] for content in told)}
    assert hashes == {ClipStore(store).content_hash}


def test_the_trainer_compares_the_clips_of_a_run(store, tmp_path):
    from training_helpers import Task

    from pyg_skeletonmae.training import Trainer

    def fit(numbers, resume=False):
        loader = SkeletonLoader(SkeletonDataset(store)[numbers], 4)
        trainer = Trainer(max_epochs=1, progress=False)
        return trainer.fit(Task(), loader, run_dir=tmp_path / "run", resume=resume)

    assert fit(range(8))["finished"] and fit(range(8), resume=True)["finished"]
    with pytest.raises(ConfigError, match="cannot resume with data = "):
        fit(range(8, 16), resume=True)
    rewrite_coordinates(store)
    with pytest.raises(SkeletonFormatError, match="the content: expected"):
        fit(range(8), resume=True)


TRUNCATED = """
import os, sys
from training_helpers import Task
from pyg_skeletonmae.datasets import SkeletonDataset
from pyg_skeletonmae.errors import SkeletonMAEError
from pyg_skeletonmae.loader import SkeletonLoader
from pyg_skeletonmae.training import Trainer
store, run = sys.argv[1:]
dataset = SkeletonDataset(store)
model = Task()
def shrink(step):
    if step == 3:
        os.truncate(store + "/pos.npy", 200)
model.on_step = shrink
try:
    Trainer(max_epochs=2, checkpoint_minutes=0).fit(model, SkeletonLoader(dataset, 4), run_dir=run)
except SkeletonMAEError as error:
    print(error)
"""


def test_a_store_that_is_truncated_under_a_run_is_named(store, tmp_path):
    """In a process of its own: it would end by SIGBUS."""
    path = os.pathsep.join([str(Path(__file__).parents[1]), *sys.path])
    command = [sys.executable, "-c", TRUNCATED, str(store), str(tmp_path / "run")]
    done = subprocess.run(
        command, env={**os.environ, "PYTHONPATH": path}, capture_output=True, text=True, check=True
    )
    assert done.stdout.startswith(f"{store / 'pos.npy'}: the file: expected the ")
    assert "go on with the last checkpoint" in done.stdout
    from pyg_skeletonmae.training import load_checkpoint

    assert load_checkpoint(tmp_path / "run" / "last.ckpt")["progress"]["step"] == 3


@pytest.mark.parametrize("name", ["pos.npy", "valid.npy"])
def test_every_reader_looks_before_it_reads(tmp_path, name):
    valid = [np.arange(36).reshape(9, 4) != 4] * 2
    clips = [np.ones((9, 4, 3))] * 2
    dataset = SkeletonDataset.from_arrays(clips, [0, 1], STICK, root=tmp_path / "s", valid=valid)
    loader, both = SkeletonLoader(dataset, 2), concat([dataset, dataset])
    os.truncate(tmp_path / "s" / name, 10)
    for read in (
        lambda: dataset[0],
        lambda: dataset.store.clip(0),
        lambda: next(iter(loader)),
        lambda: SkeletonLoader(dataset, 2),
        dataset.store.verify,
        lambda: both[3],
        lambda: SkeletonLoader(both, 2),
        lambda: dataset.to_npz(tmp_path / "p.npz"),
    ):
        with pytest.raises(SkeletonFormatError, match=rf"{name}: the file: expected the \d+ bytes"):
            read()


def test_a_worker_that_would_open_another_store_refuses(store):
    sent = pickle.dumps(ClipStore(store))
    shutil.rmtree(store)
    write_sticks(store, shift=1.0)
    with pytest.raises(SkeletonFormatError, match="content_hash: expected the store that was open"):
        pickle.loads(sent)
