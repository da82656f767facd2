from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn
from training_helpers import (
    SlicedLoader,
    Task,
    assert_identical,
    make_clips,
    make_loader,
    metrics_without_time,
    state_without_time,
)
from training_script import distributed_trainer, killable_trainer

from pyg_skeletonmae.datasets.skeleton_dataset import SkeletonDataset
from pyg_skeletonmae.errors import ConfigError, DataError
from pyg_skeletonmae.loader import SkeletonLoader
from pyg_skeletonmae.skeleton import Skeleton
from pyg_skeletonmae.training import OptimConfig, Trainer, load_model, read_metrics
from pyg_skeletonmae.transforms import JitterJoints

SCRIPT = Path(__file__).parent.parent / "training_script.py"


@pytest.fixture(autouse=True)
def quick_and_exact(monkeypatch):
    """No flush to a busy disk; one thread, as in the scripts, because sums depend on the number."""
    monkeypatch.setattr(os, "fsync", lambda file: None)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def weights(model: nn.Module) -> torch.Tensor:
    return torch.cat([p.detach().flatten() for p in model.parameters()])


def start_script(*args: object) -> subprocess.CompletedProcess[str]:
    env = {k: v for k, v in os.environ.items() if not k.startswith(("MASTER_", "LOCAL_", "PL_"))}
    env |= {"OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}
    command = [sys.executable, str(SCRIPT), *map(str, args)]
    return subprocess.run(command, env=env, capture_output=True, text=True, timeout=120)


def test_loss_falls_and_values_are_returned(tmp_path):
    model, trainer = Task(), Trainer(max_epochs=12, optim=OptimConfig(lr=0.05))
    result = trainer.fit(model, make_loader(), lambda model: {"accuracy": 0.5}, tmp_path)
    lines = read_metrics(tmp_path)
    losses = [line["train/loss"] for line in lines if "train/loss" in line]
    assert losses[-1] < 0.7 * losses[0]
    assert len(losses) == 12 and len(lines) == 24
    assert lines[0] == lines[0] | {"step": 4, "epoch": 1, "clips_seen": 12}
    assert lines[0]["train/half"] == pytest.approx(losses[0] / 2)
    assert "train/logits" not in lines[0]
    assert result == result | {"step": 48, "epoch": 12, "clips_seen": 144, "finished": 1.0}
    assert result["eval/accuracy"] == 0.5 and result["train/lr"] == 0.05
    assert model.steps == 48
    assert list(tmp_path.glob("events.out.tfevents.*"))


def test_no_folder_writes_nothing(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Trainer(max_steps=2).fit(Task(), make_loader())
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("epochs", "steps", "expected"), [(2, None, 8), (None, 5, 5), (None, 9, 9)]
)
def test_length(epochs, steps, expected):
    seen = []
    trainer = Trainer(max_epochs=epochs, max_steps=steps)
    result = trainer.fit(Task(), make_loader(), lambda model: seen.append(1) or {})
    assert result["step"] == expected
    assert len(seen) == -(-expected // 4)


def test_accumulation_equals_larger_batch():
    one, two = Task(norm=False, dropout=0), Task(norm=False, dropout=0)
    optim = OptimConfig(name="sgd", lr=0.1, momentum=0.9)
    once = Trainer(max_epochs=3, optim=optim, clip_norm=0.1)
    half = Trainer(max_epochs=3, optim=optim, clip_norm=0.1, accumulate=2)
    assert once.fit(one, make_loader(12, 6, shuffle=False))["step"] == 6
    assert half.fit(two, make_loader(12, 3, shuffle=False))["step"] == 6
    torch.testing.assert_close(weights(one), weights(two), rtol=1e-5, atol=1e-6)


def test_accumulation_takes_what_is_left():
    one, two = Task(norm=False, dropout=0), Task(norm=False, dropout=0)
    optim = OptimConfig(name="sgd", lr=0.1)
    assert (
        Trainer(max_epochs=1, optim=optim, accumulate=9).fit(
            one, make_loader(12, 4, shuffle=False)
        )["step"]
        == 1
    )
    Trainer(max_epochs=1, optim=optim).fit(two, make_loader(12, 12, shuffle=False))
    torch.testing.assert_close(weights(one), weights(two), rtol=1e-5, atol=1e-6)


def test_clipping_bounds_the_step():
    model, before = Task(), weights(Task())
    optim = OptimConfig(name="sgd", lr=1.0, momentum=0, weight_decay=0)
    result = Trainer(max_steps=1, optim=optim, clip_norm=1e-3).fit(model, make_loader())
    assert (weights(model) - before).norm() == pytest.approx(1e-3, rel=1e-3)
    assert result["train/grad_norm"] > 1e-3


def test_logs_every_so_many_steps(tmp_path):
    Trainer(max_epochs=2, log_every=3).fit(Task(), make_loader(), run_dir=tmp_path)
    assert [line["step"] for line in read_metrics(tmp_path)] == [3, 4, 6, 8]


def test_evaluation_leaves_training_alone():
    def evaluate(model):
        assert not any(module.training for module in model.modules())
        return {"value": float(torch.rand(()) + np.random.rand())}  # noqa: NPY002 (global on purpose)

    plain, evaluated = Task(), Task()
    Trainer(max_epochs=2).fit(plain, make_loader())
    Trainer(max_epochs=2).fit(evaluated, make_loader(), evaluate)
    assert torch.equal(weights(plain), weights(evaluated))
    assert evaluated.encoder.training


def test_evaluates_every_so_many_epochs_and_at_the_end(tmp_path):
    Trainer(max_epochs=5, evaluate_every=2).fit(Task(), make_loader(), lambda m: {"v": 1}, tmp_path)
    epochs = [line["epoch"] for line in read_metrics(tmp_path) if "eval/v" in line]
    assert epochs == [2, 4, 5]


@pytest.mark.parametrize(("mode", "best"), [("max", 3.0), ("min", 1.0)])
def test_best_weights(tmp_path, mode, best):
    kept, values = {}, iter([2.0, 3.0, float("nan"), 1.0])

    def evaluate(model):
        value = next(values)
        kept[value] = weights(model)
        return {"score": value}

    trainer = Trainer(max_epochs=4, monitor="score", mode=mode)
    result = trainer.fit(Task(), make_loader(), evaluate, tmp_path)
    assert result["best"] == best
    model = Task(seed=5)
    load_model(model, tmp_path / "best.ckpt")
    assert torch.equal(weights(model), kept[best])
    assert read_metrics(tmp_path)[5]["eval/score"] is None


@pytest.mark.parametrize("mode", ["max", "min"])
def test_of_equal_values_the_first_is_the_best(tmp_path, mode):
    epochs = [Trainer(max_epochs=n).fit(Task(), make_loader())["step"] for n in (1, 3)]
    trainer = Trainer(max_epochs=3, monitor="score", mode=mode)
    result = trainer.fit(Task(), make_loader(), lambda model: {"score": 0.5}, tmp_path)
    assert [result["best_step"], result["step"]] == epochs


def test_monitor_must_exist():
    with pytest.raises(ConfigError, match="'f1' is not among accuracy"):
        Trainer(max_epochs=1, monitor="f1").fit(Task(), make_loader(), lambda m: {"accuracy": 1})
    with pytest.raises(ConfigError, match="needs an evaluation"):
        Trainer(max_epochs=1, monitor="f1").fit(Task(), make_loader())


def resumable_trainer() -> Trainer:
    optim = OptimConfig(lr=0.02, schedule="cosine", warmup_epochs=0.5)
    return Trainer(max_epochs=3, optim=optim, log_every=3, clip_norm=1.0, monitor="v", seed=3)


def evaluation(model: nn.Module) -> dict[str, float]:
    return {"v": float(weights(model).sum() + torch.rand(()))}


def plain_loader(root: Path) -> object:
    return make_loader(14, 3)


def skeleton_loader(root: Path) -> object:
    skeleton = Skeleton.from_parents("three", ["a", "b", "c"], [-1, 0, 1])
    clips = [clip.pos.permute(1, 0, 2).numpy() for clip in make_clips(14)]
    if not root.exists():
        SkeletonDataset.from_arrays(clips, [i % 2 for i in range(14)], skeleton, root=root)
    return SkeletonLoader(SkeletonDataset(root), 3, JitterJoints(0.1), shuffle=True, seed=4)


@pytest.mark.parametrize("loader", [plain_loader, skeleton_loader])
def test_resume_after_any_step_is_exact(tmp_path, loader):
    whole = tmp_path / "whole"
    resumable_trainer().fit(Task(), loader(tmp_path / "data"), evaluation, whole)
    state, best = state_without_time(whole / "last.ckpt"), state_without_time(whole / "best.ckpt")
    for stop in range(1, 15):
        run = tmp_path / f"stopped-{stop}"
        trainer, model = resumable_trainer(), Task()
        model.on_step = lambda step, t=trainer, s=stop: t.stop() if step == s else None
        stopped = trainer.fit(model, loader(tmp_path / "data"), evaluation, run)
        assert stopped["step"] == stop and not stopped["finished"]
        torch.manual_seed(stop)
        again = resumable_trainer().fit(
            Task(seed=7), loader(tmp_path / "data"), evaluation, run, resume=True
        )
        assert again["finished"]
        assert_identical(state_without_time(run / "last.ckpt"), state)
        assert_identical(state_without_time(run / "best.ckpt"), best)
        assert metrics_without_time(run) == metrics_without_time(whole)


def test_resume_after_sigkill_is_exact(tmp_path):
    killed = start_script("die", tmp_path / "killed", 7)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert list((tmp_path / "killed").glob(".last.ckpt.*.partial"))
    assert state_without_time(tmp_path / "killed" / "last.ckpt")["progress"]["step"] == 4
    assert killable_trainer().fit(Task(seed=9), make_loader(), None, tmp_path / "killed", True)
    killable_trainer().fit(Task(), make_loader(), None, tmp_path / "whole")
    states = [state_without_time(tmp_path / name / "last.ckpt") for name in ("killed", "whole")]
    assert_identical(*states)
    assert states[0]["progress"]["step"] == 12
    assert metrics_without_time(tmp_path / "killed") == metrics_without_time(tmp_path / "whole")
    assert not list((tmp_path / "killed").glob(".*"))


def test_two_processes_equal_one(tmp_path):
    done = start_script("two", tmp_path)
    assert done.returncode == 0, done.stderr
    model = Task(norm=False, dropout=0)
    loader = SlicedLoader(make_clips(24, torch.float64), 6)
    distributed_trainer().fit(model, loader, lambda m: {"value": 0.0}, tmp_path / "one")

    for name in ("whole", "resumed"):
        state = state_without_time(tmp_path / name / "last.ckpt")
        for key, value in model.state_dict().items():
            torch.testing.assert_close(state["model"][key], value, rtol=0, atol=1e-9)
        assert len(state["ranks"]) == 2
    gradients = torch.load(tmp_path / "gradients.pt", weights_only=True)
    for parameter, gradient in zip(model.parameters(), gradients, strict=True):
        torch.testing.assert_close(gradient, parameter.grad, rtol=0, atol=1e-9)

    two, one = metrics_without_time(tmp_path / "whole"), metrics_without_time(tmp_path / "one")
    assert metrics_without_time(tmp_path / "resumed") == two
    assert len(two) == len(one) == 6
    for left, right in zip(two, one, strict=True):
        assert left == pytest.approx(right, abs=1e-6)


def test_loaders_that_do_not_fit():
    with pytest.raises(DataError, match="no batch"):
        Trainer(max_epochs=1).fit(Task(), SlicedLoader(make_clips(2), 3))
    with pytest.raises(ConfigError, match="not made for 1 processes"):
        Trainer(max_epochs=1).fit(Task(), SlicedLoader(make_clips(), 3, world_size=2))


def test_model_without_loss():
    class NoLabels(Task):
        def forward(self, batch):
            return {"logits": super().forward(batch)["logits"]}

    with pytest.raises(DataError, match="NoLabels gave no loss"):
        Trainer(max_epochs=1).fit(NoLabels(), make_loader())


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signals_save_first(tmp_path, number, monkeypatch):
    class Terminated(Exception):
        pass

    def terminate(*args):
        raise Terminated

    previous = signal.signal(signal.SIGTERM, terminate)
    model = Task()
    model.on_step = lambda step: signal.raise_signal(number) if step == 3 else None
    with pytest.raises(KeyboardInterrupt if number == signal.SIGINT else Terminated):
        Trainer(max_epochs=2).fit(model, make_loader(), run_dir=tmp_path)
    signal.signal(signal.SIGTERM, previous)
    assert state_without_time(tmp_path / "last.ckpt")["progress"]["step"] == 3


def test_progress_only_on_a_terminal(capfd, monkeypatch):
    Trainer(max_steps=2).fit(Task(), make_loader())
    assert capfd.readouterr() == ("", "")

    class Terminal(io.StringIO):
        def isatty(self):
            return True

    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    Trainer(max_steps=2).fit(Task(), make_loader())
    assert "2/2" in terminal.getvalue() and "clips/s=" in terminal.getvalue()
    assert "loss=" in terminal.getvalue()
    terminal.truncate(0)
    Trainer(max_steps=2, progress=False).fit(Task(), make_loader())
    assert terminal.getvalue() == ""


def test_compile_is_passed_on(monkeypatch):
    compiled = []
    monkeypatch.setattr(
        torch, "compile", lambda model, mode: compiled.append((model, mode)) or model
    )
    model = Task()
    assert Trainer(max_steps=2, compile=True).fit(model, make_loader())["finished"]
    other = Trainer(max_steps=2, compile=True, compile_mode="reduce-overhead")
    assert other.fit(model, make_loader())["finished"]
    assert compiled == [(model, "default"), (model, "reduce-overhead")]


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({}, "max_epochs, max_steps, max_clips: one of the three must be set"),
        ({"max_epochs": None}, "max_epochs, max_steps"),
        ({"max_epochs": 2, "max_steps": 5}, "max_epochs 2, max_steps 5, max_clips None: give one"),
        ({"max_epochs": 0}, "max_epochs: expected a number >= 1, found 0"),
        ({"max_steps": -1}, "max_steps"),
        ({"accumulate": 0}, "accumulate"),
        ({"clip_norm": 0.0}, "clip_norm"),
        ({"checkpoint_minutes": float("nan")}, "checkpoint_minutes"),
        ({"compile_mode": "fastest"}, "compile_mode"),
        ({"mode": "highest"}, "mode: expected max or min"),
        ({"strategy": "nonsense"}, "trainer: .*nonsense"),
        ({"precision": "7-bit"}, "trainer: .*7-bit"),
    ],
)
def test_bad_settings(settings, named):
    with pytest.raises(ConfigError, match=named):
        Trainer(**settings)
