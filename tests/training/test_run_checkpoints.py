"""What a run keeps on disk, through the trainer; exact resume is in ``test_trainer.py``."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from training_helpers import (
    Task,
    assert_identical,
    make_loader,
    metrics_without_time,
    state_without_time,
)

from pyg_skeletonmae.errors import CheckpointError, ConfigError
from pyg_skeletonmae.training import OptimConfig, Trainer


def weights(model: torch.nn.Module) -> torch.Tensor:
    return torch.cat([p.detach().flatten() for p in model.parameters()])


def test_a_longer_run_may_go_on_where_the_schedule_allows(tmp_path):
    def run(epochs, folder, resume=False):
        model = Task()
        trainer = Trainer(max_epochs=epochs, optim=OptimConfig(schedule="step", milestones=[1]))
        trainer.fit(model, make_loader(), run_dir=tmp_path / folder, resume=resume)
        return weights(model)

    run(2, "short")
    assert torch.equal(run(4, "short", resume=True), run(4, "long"))


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({"optim": OptimConfig(lr=0.1, schedule="cosine")}, "optim.lr = 0.1"),
        ({"optim": OptimConfig()}, "optim.schedule"),
        ({"accumulate": 2}, "accumulate"),
        ({"max_epochs": 3}, "total_steps = 12"),
        ({"clip_norm": 1.0}, "clip_norm"),
        ({"seed": 1}, "seed"),
    ],
)
def test_resume_names_the_setting_that_differs(tmp_path, settings, named):
    same = {"max_epochs": 2, "optim": OptimConfig(schedule="cosine")}
    Trainer(**same).fit(Task(), make_loader(), run_dir=tmp_path)
    with pytest.raises(ConfigError, match=f"cannot resume with {named}"):
        Trainer(**same | settings).fit(Task(), make_loader(), run_dir=tmp_path, resume=True)


def test_resume_names_what_is_wrong_with_the_checkpoint(tmp_path):
    trainer = Trainer(max_steps=1)
    trainer.fit(Task(), make_loader(), run_dir=tmp_path)
    with pytest.raises(CheckpointError, match=r"last.ckpt: .*'encoder.1"):
        trainer.fit(Task(norm=False), make_loader(), run_dir=tmp_path, resume=True)
    path = tmp_path / "last.ckpt"
    whole = torch.load(path, weights_only=True)
    torch.save({k: v for k, v in whole.items() if k != "optimizer"}, path)
    with pytest.raises(CheckpointError, match="'optimizer' is missing"):
        trainer.fit(Task(), make_loader(), run_dir=tmp_path, resume=True)
    torch.save(whole | {"ranks": [{}]}, path)
    with pytest.raises(CheckpointError, match=r"last.ckpt: ranks: the key 'feed' is missing"):
        trainer.fit(Task(), make_loader(), run_dir=tmp_path, resume=True)


def flip(content: bytes) -> bytes:
    place = content.index(b"data.pkl") + 100
    return content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :]


@pytest.mark.parametrize(
    "damage",
    [flip, lambda content: content[: len(content) // 2], lambda _: b"", None],
    ids=["flipped", "truncated", "empty", "gone"],
)
def test_a_damaged_newest_is_named_and_the_one_before_is_used(tmp_path, caplog, damage):
    """What comes out is what an undamaged run gives; the good one is never replaced by the bad."""
    same = {"max_epochs": 3, "optim": OptimConfig(schedule="step", milestones=[9])}
    Trainer(**same).fit(Task(), make_loader(), run_dir=tmp_path / "whole")
    run, last = tmp_path / "run", tmp_path / "run" / "last.ckpt"
    Trainer(**same | {"max_epochs": 2}).fit(Task(), make_loader(), run_dir=run)
    assert state_without_time(run / "previous.ckpt")["progress"]["step"] == 4
    last.write_bytes(damage(last.read_bytes())) if damage else last.unlink()
    trainer, model = Trainer(**same, checkpoint_minutes=0), Task(seed=5)
    model.on_step = lambda step: trainer.stop() if step == 1 else None
    trainer.fit(model, make_loader(), run_dir=run, resume=True)
    (line,) = caplog.messages or [f"{last}: "]
    assert line.startswith(f"{last}: ") and (not damage or line.endswith("before, previous.ckpt"))
    if damage:  # it went on from step 4, and wrote step 5 over the damaged one
        assert state_without_time(run / "previous.ckpt")["progress"]["step"] == 4
    assert state_without_time(last)["progress"]["step"] == 5
    Trainer(**same).fit(Task(seed=6), make_loader(), run_dir=run, resume=True)
    assert_identical(*(state_without_time(f / "last.ckpt") for f in (run, tmp_path / "whole")))
    assert metrics_without_time(run) == metrics_without_time(tmp_path / "whole")


def test_both_checkpoints_damaged(tmp_path):
    Trainer(max_steps=2).fit(Task(), make_loader(), run_dir=tmp_path)
    for name in ("last.ckpt", "previous.ckpt"):
        (tmp_path / name).write_bytes(b"text")
    with pytest.raises(CheckpointError, match=r"previous.ckpt: not a readable checkpoint"):
        Trainer(max_steps=2).fit(Task(), make_loader(), run_dir=tmp_path, resume=True)


def test_run_folder_with_and_without_a_run(tmp_path):
    trainer = Trainer(max_steps=1)
    with pytest.raises(ConfigError, match=r"no run to resume here \(no last.ckpt\)"):
        trainer.fit(Task(), make_loader(), run_dir=tmp_path, resume=True)
    with pytest.raises(ConfigError, match="no run to resume"):
        trainer.fit(Task(), make_loader(), resume=True)
    (tmp_path / "config.yaml").write_text("what the command line wrote before")
    trainer.fit(Task(), make_loader(), run_dir=tmp_path)
    before = (tmp_path / "metrics.jsonl").read_text()
    with pytest.raises(ConfigError, match=r"holds a run already \(last.ckpt\)"):
        trainer.fit(Task(), make_loader(), run_dir=tmp_path)
    assert (tmp_path / "metrics.jsonl").read_text() == before
    done = trainer.fit(Task(), make_loader(), run_dir=tmp_path, resume=True)
    assert done["finished"] and "train/loss" in done


def test_checkpoints_by_the_clock(tmp_path):
    seen = []
    model = Task()
    model.on_step = lambda step: seen.append(
        torch.load(tmp_path / "last.ckpt", weights_only=True)["progress"]["step"]
    )
    Trainer(max_steps=3, checkpoint_minutes=0).fit(model, make_loader(), run_dir=tmp_path)
    assert seen == [0, 1, 2]


@pytest.mark.parametrize("left", ["nothing", "an empty folder", "damaged", "no state"])
def test_resume_auto_starts_where_there_is_no_state(tmp_path, caplog, left):
    """One command line for a job that is started again and again."""
    run = tmp_path / "run"
    if left == "an empty folder":
        run.mkdir()
    elif left != "nothing":
        Trainer(max_steps=3).fit(Task(), make_loader(), run_dir=run)
        for name in ("last.ckpt", "previous.ckpt"):
            (run / name).write_bytes(b"text") if left == "damaged" else (run / name).unlink()
    done = Trainer(max_epochs=1).fit(Task(), make_loader(), run_dir=run, resume="auto")
    assert done["step"] == 4 and len(caplog.messages) == (left != "nothing")
    Trainer(max_epochs=1).fit(Task(), make_loader(), run_dir=tmp_path / "whole")
    assert_identical(*(state_without_time(f / "last.ckpt") for f in (run, tmp_path / "whole")))
    assert metrics_without_time(run) == metrics_without_time(tmp_path / "whole")
    if left == "damaged":
        assert caplog.messages[0].endswith(
            "the run starts anew; set aside: last.ckpt.aside, previous.ckpt.aside, "
            "metrics.jsonl.aside"
        )
        assert (run / "last.ckpt.aside").read_bytes() == b"text"


def test_resume_auto_goes_on_where_there_is_a_state(tmp_path):
    trainer, model = Trainer(max_epochs=2), Task()
    model.on_step = lambda step: trainer.stop() if step == 3 else None
    trainer.fit(model, make_loader(), run_dir=tmp_path / "run", resume="auto")
    model = Task(seed=3)
    Trainer(max_epochs=2).fit(model, make_loader(), run_dir=tmp_path / "run", resume="auto")
    assert model.steps == 5  # of eight
    Trainer(max_epochs=2).fit(Task(), make_loader(), run_dir=tmp_path / "whole")
    states = [state_without_time(tmp_path / f / "last.ckpt") for f in ("run", "whole")]
    assert_identical(*states)
    with pytest.raises(ConfigError, match="cannot resume with seed"):  # and never starts then
        Trainer(max_epochs=2, seed=1).fit(
            Task(), make_loader(), run_dir=tmp_path / "run", resume="auto"
        )


IN_ANOTHER_PROCESS = """
import sys
from training_helpers import Task, make_loader
from pyg_skeletonmae.training import Trainer
model = Task()
model.on_step = lambda step: print("running", flush=True) or sys.stdin.readline()
Trainer(max_steps=2).fit(model, make_loader(), run_dir=sys.argv[1], resume=sys.argv[2] == "1")
"""


@pytest.mark.parametrize("resume", ["0", "1"])
def test_a_folder_has_one_run_at_a_time(tmp_path, resume):
    """Two starts, or two resumed runs; the folder of a killed one is free at once."""
    run = tmp_path / "run"
    if resume == "1":
        Trainer(max_steps=1).fit(Task(), make_loader(), run_dir=run)
    path = os.pathsep.join([str(Path(__file__).parents[1]), *sys.path])
    command, pipe = [sys.executable, "-c", IN_ANOTHER_PROCESS, str(run), resume], subprocess.PIPE
    environment = {**os.environ, "PYTHONPATH": path}
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, env=environment) as process:
        assert process.stdout.readline() == b"running\n"
        before = (run / "last.ckpt").read_bytes()
        for how in (False, True, "auto"):
            with pytest.raises(ConfigError, match=f"{run}: another process runs in this folder"):
                Trainer(max_steps=2).fit(Task(), make_loader(), run_dir=run, resume=how)
        assert (run / "last.ckpt").read_bytes() == before
        process.kill()
    assert Trainer(max_steps=2).fit(Task(), make_loader(), run_dir=run, resume=True)["finished"]
    assert not list(tmp_path.glob(".*"))
