"""Run folders: what is kept, what is set aside, what may not change, and one that is deleted."""

from __future__ import annotations

import errno
import shutil
from pathlib import Path

import pytest
import torch
from training_helpers import Task, make_loader, metrics_without_time, state_without_time

from pyg_skeletonmae.errors import CheckpointError, ConfigError
from pyg_skeletonmae.training import OptimConfig, Trainer

SAME = {"optim": OptimConfig(schedule="step", milestones=[99]), "progress": False}


def fit(folder, epochs, resume=False, **settings):
    trainer = Trainer(**{"max_epochs": epochs, **SAME, **settings})
    evaluate = (lambda model: {"value": 1.0, "other": 2.0}) if trainer.monitor else None
    return trainer.fit(Task(), make_loader(), evaluate, folder, resume)


def steps(folder) -> dict[str, int]:
    paths = sorted(folder.glob("*.ckpt"))
    return {path.name: state_without_time(path)["progress"]["step"] for path in paths}


def test_the_last_checkpoints_are_kept(tmp_path):
    fit(tmp_path / "two", 5)
    assert steps(tmp_path / "two") == {"last.ckpt": 20, "previous.ckpt": 16}
    fit(tmp_path / "four", 5, keep_last=4)
    four = {"last.ckpt": 20, "previous.ckpt": 16, "previous.2.ckpt": 12, "previous.3.ckpt": 8}
    assert steps(tmp_path / "four") == four
    fit(tmp_path / "one", 2, keep_last=1, monitor="value")
    assert set(steps(tmp_path / "one")) == {"last.ckpt", "best.ckpt"}
    with pytest.raises(ConfigError, match="keep_last: expected a number >= 1"):
        Trainer(max_epochs=1, keep_last=0)


@pytest.mark.parametrize("damaged", [1, 2, 3])
def test_the_newest_that_can_be_read_is_used(tmp_path, caplog, damaged):
    fit(tmp_path / "whole", 4, keep_last=4)
    fit(tmp_path / "run", 3, keep_last=4)
    names = ["last.ckpt", "previous.ckpt", "previous.2.ckpt", "previous.3.ckpt"]
    for name in names[:damaged]:
        (tmp_path / "run" / name).write_bytes(b"text")
    assert fit(tmp_path / "run", 4, resume=True, keep_last=4)["finished"]
    assert len(caplog.messages) == damaged
    assert all(line.endswith(f"one before, {names[damaged]}") for line in caplog.messages)
    assert metrics_without_time(tmp_path / "run") == metrics_without_time(tmp_path / "whole")


@pytest.mark.parametrize("renames", [1, 2, 3])
def test_a_kill_between_the_renames_of_checkpoints(tmp_path, monkeypatch, renames):
    """previous to previous.2, last to previous, the new one to last: the next run goes on."""
    fit(tmp_path / "whole", 4, keep_last=3)
    fit(tmp_path / "run", 3, keep_last=3)
    seen, replace = [], Path.replace

    def dies(path, target):
        seen.extend([target] * (path.parent == tmp_path / "run" and ".ckpt" in path.name))
        if len(seen) == renames:
            raise KeyboardInterrupt
        return replace(path, target)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", dies)
        with pytest.raises(KeyboardInterrupt):
            fit(tmp_path / "run", 4, resume=True, keep_last=3)
    assert fit(tmp_path / "run", 4, resume=True, keep_last=3)["finished"]
    assert steps(tmp_path / "run") == steps(tmp_path / "whole")


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"monitor": "other"}, "monitor = 'other'"),
        ({"mode": "min"}, "mode = 'min'"),
        ({"monitor": None}, "monitor = None"),
    ],
)
def test_what_shapes_a_run_cannot_change(tmp_path, change, named):
    fit(tmp_path, 1, monitor="value")
    with pytest.raises(ConfigError, match=f"cannot resume with {named}"):
        fit(tmp_path, 2, resume=True, **{"monitor": "value", **change})


def test_checkpoints_of_earlier_versions_say_nothing_of_it(tmp_path):
    fit(tmp_path, 1)
    state = torch.load(tmp_path / "last.ckpt", weights_only=True)
    for name in ("monitor", "mode", "data"):
        del state["settings"][name]
    del state["bad_steps"]
    torch.save(state, tmp_path / "last.ckpt")
    assert fit(tmp_path, 2, resume=True)["finished"]


def test_garbage_among_the_metrics_is_set_aside_and_named(tmp_path, caplog):
    run, path = tmp_path / "run", tmp_path / "run" / "metrics.jsonl"
    fit(tmp_path / "whole", 3)
    fit(run, 2)
    lines = path.read_bytes().split(b"\n")
    garbage = [b"\xff\x00", b'{"step": 1', b"[]"]
    path.write_bytes(b"\n".join([lines[0], *garbage, *lines[1:]]))
    assert fit(run, 3, resume=True)["finished"]
    (said,) = caplog.messages
    assert said.startswith(f"{path}: line 2 is not JSON") and "line 4: expected a mapping" in said
    assert said.endswith("set aside in metrics.jsonl.aside")
    assert (run / "metrics.jsonl.aside").read_bytes() == b"\n".join(garbage) + b"\n"
    assert metrics_without_time(run) == metrics_without_time(tmp_path / "whole")


@pytest.mark.parametrize("how", ["deleted", "moved", "replaced"])
def test_a_run_whose_folder_goes_away_ends_naming_it(tmp_path, how):
    run, model = tmp_path / "run", Task()

    def take_away(step: int) -> None:
        if step == 3:
            run.rename(tmp_path / "other") if how == "moved" else shutil.rmtree(run)
            if how == "replaced":
                run.mkdir()

    model.on_step = take_away
    with pytest.raises(CheckpointError, match=f"{run}: the folder of this run is .* at step 4"):
        Trainer(max_epochs=3, progress=False).fit(model, make_loader(), run_dir=run)
    assert run.exists() == (how == "replaced") and (how != "replaced" or not list(run.iterdir()))


@pytest.mark.parametrize("name", ["last.ckpt", "metrics.jsonl"])
def test_a_full_disk_names_the_file(tmp_path, monkeypatch, name):
    """As the system says it, without a name: of a checkpoint, and of a line of metrics."""
    fit(tmp_path, 1)
    before = (tmp_path / "last.ckpt").read_bytes()

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    if name == "last.ckpt":
        monkeypatch.setattr(torch, "save", full)
    else:
        monkeypatch.setattr("pyg_skeletonmae.training.runlog.json.dumps", lambda line: Full())
    with pytest.raises(OSError, match=rf"No space left on device: '.*{name}'") as caught:
        fit(tmp_path, 2, resume=True)
    assert caught.value.errno == errno.ENOSPC
    assert (tmp_path / "last.ckpt").read_bytes() == before


class Full(str):
    """A text that cannot be written."""

    def __add__(self, other: str) -> str:
        raise OSError(errno.ENOSPC, "No space left on device")
