"""The command line as people meet it: what it accepts, one clear line for what it cannot use."""

from __future__ import annotations

import json
import logging
import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import yaml
from cli_helpers import FAST, TINY, packed_arrays, runner, the_error, write_packed
from inference_helpers import poses, release
from ntu_helpers import person, write_skeleton

from pyg_skeletonmae import __version__
from pyg_skeletonmae.commands import cli, settings_commands
from pyg_skeletonmae.errors import NonFiniteError
from pyg_skeletonmae.training import load_release, read_metrics

NPZ = ("--data.name=npz", "--model.mask=RandomMask", *FAST, *TINY)


@pytest.fixture
def run(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("SKELETONMAE_DATA", raising=False)
    return runner(capsys)


def pretrain(run, path, *more):
    return run("pretrain", *NPZ, f"--data.path={path}", "--out=out", *more)


def test_pretrain_finetune_evaluate(run, tmp_path):
    path = write_packed(tmp_path / "sticks.npz")
    code, out, _ = pretrain(run, path)
    assert code == 0
    assert json.loads(out)["clips_seen"] == 8
    folder = tmp_path / "out"
    names = {entry.name for entry in folder.iterdir()}
    assert names >= {"config.yaml", "run.json", "metrics.jsonl", "last.ckpt", "release"}
    assert any(name.startswith("events.out.tfevents") for name in names)
    assert load_release(folder / "release").encoder.out_channels == 8
    assert read_metrics(folder)[-1]["clips_seen"] == 8
    facts = json.loads((folder / "run.json").read_text())
    assert facts["seed"] == 0 and facts["versions"]["pyg_skeletonmae"] == __version__

    data = ("--data.name=npz", f"--data.path={path}", "--data.frames=8", "--keep_memory=false")
    epochs = ("--trainer.max_epochs=1", "--out=tuned")
    code, out, _ = run("finetune", *data, *TINY, *epochs, "--pretrained=out")
    assert code == 0
    assert 0 <= json.loads(out)["test/top1"] <= 1
    for protocol in ("knn", "linear"):
        code, out, err = run("evaluate", *data, "--pretrained=out", f"--protocol={protocol}")
        assert code == 0 and err == ""
        found = json.loads(out)
        assert (found["train_clips"], found["test_clips"]) == (8, 8)
    code, out, _ = run("evaluate", *data)
    assert json.loads(out)["features"] == "coordinates"
    for folder in ("out", "tuned"):  # a run says how its clips were prepared
        assert run("evaluate", f"--config={folder}/config.yaml", "--pretrained=out")[0] == 0


def test_evaluate_reads_the_data_of_a_training_configuration(run, tmp_path):
    data = {"name": "npz", "path": str(write_packed(tmp_path / "sticks.npz")), "frames": 8}
    config = {"trainer": {"max_epochs": 3}, "model": {"class_path": "STRL"}, "data": data}
    Path("train.yaml").write_text(yaml.safe_dump(config))
    assert run("evaluate", "--config=train.yaml", "--out=measured")[0] == 0
    assert json.loads(Path("measured/results.json").read_text())["protocol"] == "knn"
    Path("odd.yaml").write_text(yaml.safe_dump({**config, "pretraned": 1}))
    assert "did you mean pretrained?" in the_error(run("evaluate", "--config=odd.yaml"))


def test_random_init_and_notes_on_other_preparation(run, tmp_path):
    path = write_packed(tmp_path / "sticks.npz")
    pretrain(run, path)
    data = ("--data.name=npz", f"--data.path={path}", "--data.frames=6", "--keep_memory=false")
    code, out, err = run("evaluate", *data, "--pretrained=out", "--random_init")
    assert code == 0 and json.loads(out)["random_init"] is True
    assert err == "note: data.frames is 6, was 8 in out\n"
    assert json.loads(out)["notes"] == ["other clips than out was trained on: frames is 6, was 8"]
    assert "--pretrained" in the_error(run("evaluate", *data, "--random_init"))


def test_clips_are_prepared_as_the_release_says(run, tmp_path):
    path = write_packed(tmp_path / "sticks.npz")
    how = ("--data.scale=bones", "--data.center=first", "--data.stream=bone")
    pretrain(run, path, *how)
    data = ("--data.name=npz", f"--data.path={path}", "--keep_memory=false")
    code, out, err = run("evaluate", *data, "--pretrained=out", "--out=measured")
    assert (code, err) == (0, "") and "notes" not in json.loads(out)
    settings = yaml.safe_load(Path("measured/config.yaml").read_text())["data"]
    assert [settings[key] for key in ("frames", "scale", "center", "stream")] == [
        8, "bones", "first", "bone",
    ]  # fmt: skip
    _, told, _ = run("evaluate", *data, "--pretrained=out", "--data.frames=8", *how)
    assert json.loads(told)["top1"] == json.loads(out)["top1"]
    Path("data.yaml").write_text("data: {frames: 5}\n")
    _, out, err = run("evaluate", "--config=data.yaml", *data, "--pretrained=out/release")
    assert err == "note: data.frames is 5, was 8 in out/release\n"
    Path("out/release/preprocessing.yaml").write_text("format: 2\nframes: x\n")
    line = the_error(run("evaluate", *data, "--pretrained=out"))
    assert line.startswith("out/release/preprocessing.yaml: frames: expected a whole number")
    for name in ("preprocessing.yaml", "manifest.json"):
        Path("out/release", name).unlink()  # as in releases of earlier versions
    _, out, err = run("evaluate", *data, "--pretrained=out", "--data.frames=6", *how)
    assert err == "note: data.frames is 6, was 8 in out\n"
    assert json.loads(out)["notes"][0].endswith("trained on: frames is 6, was 8")


def test_resume_goes_on_and_guards_its_settings(run, tmp_path):
    path = write_packed(tmp_path / "sticks.npz")
    pretrain(run, path)
    assert "exists already; give --resume" in the_error(pretrain(run, path))
    code, out, _ = pretrain(run, path, "--resume", "--trainer.max_epochs=3")
    assert code == 0 and json.loads(out)["epoch"] == 3
    line = the_error(pretrain(run, path, "--resume", "--data.frames=9"))
    assert line == "out: cannot resume with data.frames = 9: the run was started with 8"
    assert "holds no run" in the_error(pretrain(run, path, "--out=new", "--resume"))
    assert not Path("new").exists()


def test_one_command_line_starts_and_goes_on(run, tmp_path):
    """``--resume auto`` is what a job that is queued again and again says."""
    path = write_packed(tmp_path / "sticks.npz")

    def again(*more):
        return pretrain(run, path, "--resume", "auto", "--trainer.max_epochs=2", *more)

    assert again()[0] == 0
    code, out, _ = again()
    assert code == 0 and json.loads(out)["epoch"] == 2
    assert len(read_metrics(tmp_path / "out")) == 2
    assert "cannot resume with data.frames" in the_error(again("--data.frames=9"))
    (tmp_path / "other").mkdir()
    assert again("--out=other")[0] == 0
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letter.txt").write_text("dear")
    assert "mine: holds no run to resume" in the_error(again("--out=mine"))


@pytest.mark.parametrize("resume", ["--resume", "--resume=auto"])
def test_a_run_killed_in_its_first_moments_is_taken_over(run, tmp_path, resume):
    path = write_packed(tmp_path / "sticks.npz")
    pretrain(run, path)
    for left in Path("out").iterdir():
        if left.name not in ("config.yaml", "run.json"):
            shutil.rmtree(left) if left.is_dir() else left.unlink()
    assert "exists already; give --resume" in the_error(pretrain(run, path))
    code, out, err = pretrain(run, path, resume)
    assert code == 0 and json.loads(out)["clips_seen"] == 8
    assert "note: out: no run to resume here (no last.ckpt); the run starts anew\n" in err


def test_a_folder_that_holds_nothing_is_taken(run, tmp_path):
    """As a start leaves it that was killed while it wrote its first file."""
    path = write_packed(tmp_path / "sticks.npz")
    Path("out").mkdir()
    Path("out/.config.yaml.host.1.0.partial").write_text("seed")
    assert "leave --resume out to start one" in the_error(pretrain(run, path, "--resume"))
    assert pretrain(run, path)[0] == 0


def test_validation_subjects_choose_the_tested_weights(run, tmp_path):
    path = write_packed(tmp_path / "sticks.npz")
    data = ("--data.name=npz", f"--data.path={path}", "--data.val_subjects=[3]")
    options = (*data, *FAST, *TINY, "--out=out")
    code, _, _ = run("finetune", *options, "--trainer.monitor=top1")
    assert code == 0 and Path("out/best.ckpt").is_file()
    code, out, _ = run("pretrain", *NPZ, *data, "--out=pre")
    assert code == 0 and 0 <= json.loads(out)["eval/knn"] <= 1
    line = the_error(run("finetune", *FAST, *TINY, "--trainer.monitor=top1", "--out=no"))
    assert "data.val_subjects" in line


def test_print_config_round_trips(run):
    code, out, _ = run("pretrain", "--model.mask=PartMask", "--print_config")
    assert code == 0
    Path("all.yaml").write_text(out)
    code, again, _ = run("pretrain", "--config=all.yaml", "--print_config")
    assert code == 0 and again == out
    assert yaml.safe_load(out)["trainer"]["optim"]["lr"] == 1e-3


def test_version(run):
    assert run("--version")[1].strip().endswith(__version__)


@pytest.mark.parametrize("name", ["pretrain", "finetune", "evaluate", "demo"])
def test_help(run, name):
    code, out, _ = run(name, "--help")
    assert code == 0 and f"skeletonmae [options] {name}" in out


# Bad settings --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        ("pretrain --data.frams=3", "data.frams: no such key; did you mean data.frames?"),
        ("pretrain --sed=3", "sed: no such key; did you mean seed?"),
        ("pretrain --res", "res: no such key; did you mean resume?"),
        ("pretrain --trainer.max_epoch=3", "did you mean trainer.max_epochs?"),
        ("finetune --model.num_layer=3", "did you mean model.init_args.num_layers?"),
        ("pretrain --model.depht=3", "did you mean model.init_args.depth?"),
        ("pretrain --data.frames=x", "data.frames: expected a whole number, found 'x'"),
        ("pretrain --trainer.optim.lr=fast", "trainer.optim.lr: expected a number, found 'fast'"),
        ("pretrain --data.train_subjects=a", "data.train_subjects: expected a list or null"),
        ("pretrain --data.poses.columns=a", "data.poses.columns: expected names and values"),
        ("pretrain --nan=ignore", "nan: expected one of error, drop, interpolate, found 'ignore'"),
        ("evaluate --protocol=svm", "protocol: expected one of knn, linear"),
        ("finetune --freeze=true", "freeze: there is nothing to freeze"),
        ("pretrain --trainer.max_epochs=0", "max_epochs: expected a number >= 1, found 0"),
        ("pretrain --trainer.optim.lr=-1", "optim.lr: expected a positive number"),
        ("pretrian", "did you mean pretrain?"),
        ("pretrain --config=nowhere.yaml", "nowhere.yaml: no such file and no preset"),
    ],
)
def test_bad_options(run, arguments, line):
    assert line in the_error(run(*arguments.split()))


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("data: {frams: 3}", "data.frams: no such key; did you mean data.frames?"),
        ("modle: 3", "modle: no such key; did you mean model?"),
        ("trainer: {optim: {rl: 1}}", "trainer.optim.rl: no such key; did you mean"),
        ("model: {class_path: GraphSkeletonMEA}", "did you mean GraphSkeletonMAE?"),
        (
            "model: {class_path: GraphSkeletonMAE, init_args: {hiden_channels: 3}}",
            "model.init_args.hiden_channels: no such key; did you mean "
            "model.init_args.hidden_channels?",
        ),
        (
            "model: {class_path: GraphSkeletonMAE, init_args: {conv: gim}}",
            "model.init_args.conv: expected one of gin, gcn, gat, found 'gim'; did you mean gin?",
        ),
        (
            "model: {class_path: GraphSkeletonMAE, init_args: {mask: "
            "{class_path: PartMask, init_args: {prts: [1]}}}}",
            "did you mean model.init_args.mask.init_args.parts?",
        ),
        ("data: [: broken", "bad.yaml: "),
    ],
)
def test_bad_configurations(run, text, line):
    Path("bad.yaml").write_text(text)
    assert line in the_error(run("pretrain", "--config=bad.yaml"))


# Bad data ------------------------------------------------------------------------------------


def truncated(path):
    whole = write_packed(path).read_bytes()
    path.write_bytes(whole[: len(whole) // 2])


def missing(path):
    path.unlink(missing_ok=True)


def changed(**changes):
    return lambda path: write_packed(path, **changes)


def with_nan():
    joints = packed_arrays()["joints"]
    joints[23, 1, 0] = np.nan  # clip 2, frame 3
    return joints


BAD_DATA = {
    "missing": (missing, "no such file"),
    "truncated": (truncated, "sticks.npz"),
    "pickled objects": (changed(name=np.array([{}] * 16, object)), "pickled objects"),
    "V": (changed(joints=packed_arrays(joints=4)["joints"]), "expected 4 values, found 3"),
    "no C": (changed(joints=packed_arrays()["joints"][..., 0]), "3 axes"),
    "labels too high": (changed(label=np.full(16, 7)), "7"),
    "labels negative": (changed(label=np.full(16, -2)), "-2"),
    "NaN": (changed(joints=with_nan()), "clip_02: frame 3"),
    "one subject": (changed(subject=np.ones(16, np.int64)), "the test side is empty"),
}


@pytest.mark.parametrize(("damage", "said"), BAD_DATA.values(), ids=BAD_DATA)
def test_bad_data(run, tmp_path, damage, said):
    path = tmp_path / "sticks.npz"
    damage(path)
    line = the_error(pretrain(run, path))
    assert said in line
    stores = [entry for entry in tmp_path.glob("data/*") if not entry.name.startswith("sticks-")]
    assert not Path("out").exists() and not stores


@pytest.mark.parametrize(("policy", "clips"), [("drop", 7), ("interpolate", 8)])
def test_nan_policies(run, tmp_path, policy, clips):
    path = write_packed(tmp_path / "sticks.npz", joints=with_nan(), subject=np.arange(16) % 2 + 1)
    code, out, _ = pretrain(run, path, f"--nan={policy}")
    assert code == 0 and json.loads(out)["clips"] == clips


def test_uiprmd_that_is_not_there(run, monkeypatch):
    line = the_error(run("pretrain", "--out=out"))
    assert "SKELETONMAE_DATA" in line and "--data.path" in line
    assert "no such folder" in the_error(run("pretrain", "--data.path=nowhere"))
    monkeypatch.setenv("SKELETONMAE_DATA", "nowhere")
    assert "uiprmd" in the_error(run("pretrain", "--out=out"))
    assert not Path("out").exists()


def test_a_mask_that_does_not_fit_makes_no_folder(run, tmp_path):
    path = write_packed(tmp_path / "sticks.npz")
    line = the_error(pretrain(run, path, "--model.mask=PartMask", "--model.mask.parts=[left_arm]"))
    assert "unknown part 'left_arm'" in line
    assert not Path("out").exists()


@pytest.mark.parametrize(
    ("other", "said"),
    [
        ({"joints": packed_arrays()["joints"][..., :2]}, "2"),
        (packed_arrays(joints=4), "other"),
    ],
    ids=["C", "V"],
)
def test_data_that_do_not_fit_the_pretrained_model(run, tmp_path, other, said):
    pretrain(run, write_packed(tmp_path / "sticks.npz"))
    path = write_packed(tmp_path / "other.npz", **other)
    data = ("--data.name=npz", f"--data.path={path}", "--data.frames=8", "--pretrained=out")
    assert said in the_error(run("evaluate", *data))
    assert "pre-trained" in the_error(run("finetune", *data, *TINY, "--out=tuned"))
    assert not Path("tuned").exists()


def test_pretrained_that_is_no_release(run, tmp_path):
    path = write_packed(tmp_path / "sticks.npz")
    line = the_error(run("evaluate", "--data.name=npz", f"--data.path={path}", "--pretrained=no"))
    assert line.startswith("no")


# The process ---------------------------------------------------------------------------------


def test_interrupt(run, monkeypatch):
    def interrupted(**_):
        raise KeyboardInterrupt

    monkeypatch.setitem(settings_commands.COMMANDS, "evaluate", interrupted)
    monkeypatch.setattr(
        settings_commands, "_run", lambda name, *_: settings_commands.COMMANDS[name]()
    )
    code, _, err = run("evaluate")
    assert code == 130 and "interrupted" in err and len(err.splitlines()) == 1


def test_as_a_program(tmp_path):
    arguments = ("pretrain", "--data.name=npz", "--data.path=nowhere.npz", "--keep_memory=false")
    command = [sys.executable, "-m", "pyg_skeletonmae", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, check=False)
    assert done.returncode == 2 and done.stdout == ""
    assert (
        done.stderr.startswith("skeletonmae: error: nowhere.npz") and "\n" not in done.stderr[:-1]
    )


def test_the_table_of_exit_codes():
    page = (Path(__file__).parents[2] / "docs" / "command_line.md").read_text()
    codes = re.findall(r"^\| (\d+) \|", page[page.index("## Exit codes") :], re.MULTILINE)
    terminated = 128 + signal.SIGTERM
    bad_numbers = NonFiniteError.exit_code
    ended = [cli.INTERRUPTED, cli.CLOSED, terminated]
    assert list(map(int, codes)) == [0, 1, cli.USAGE, bad_numbers, *ended]


def test_a_handler_of_ones_own_gets_what_is_said(run, caplog, monkeypatch):
    logger = logging.getLogger("pyg_skeletonmae")
    monkeypatch.setattr(logger, "handlers", [caplog.handler])
    monkeypatch.setattr(logger, "propagate", False)
    code, out, err = run("pretrain", "--data.nmae", "x")
    assert (code, out, err) == (2, "", "")
    assert caplog.messages == ["data.nmae: no such key; did you mean data.name?"]
    assert logger.handlers == [caplog.handler]


def called(folder: Path, *arguments: str, **streams) -> tuple[int, str]:
    """The exit code and the standard error output of the command in a process of its own."""
    command = [sys.executable, "-m", "pyg_skeletonmae", *arguments]
    done = subprocess.run(command, cwd=folder, stderr=subprocess.PIPE, text=True, **streams)
    return done.returncode, done.stderr


@pytest.fixture(scope="module")
def put_to_use(tmp_path_factory) -> Path:
    """A folder with a release, recordings, a run, and a file of NTU RGB+D."""
    folder = tmp_path_factory.mktemp("use")
    release(folder / "release")
    for i in range(4):
        np.save(folder / f"{i}.npy", poses(frames=24 + i)[0])
    write_skeleton(folder, {72: (0, person(20))}, 20)
    (folder / "run").mkdir()
    (folder / "run/config.yaml").write_text("seed: 0\n")
    (folder / "run/metrics.jsonl").write_text('{"step": 1, "epoch": 1, "train/loss": 0.5}\n')
    return folder


ANSWERS = {
    "predict": "release 0.npy 1.npy 2.npy 3.npy",
    "embed": "release 0.npy 1.npy --out z.csv",
    "cluster": "release 0.npy 1.npy 2.npy 3.npy --k 2",
    "compare": "run run",
    "configs": "",
    "check-pipeline": "S001C002P003R002A013.skeleton --pipeline mamp --frames 16",
}


QUICK = ("compare", "configs")  # without PyTorch


@pytest.mark.parametrize(
    "name", [n if n in QUICK else pytest.param(n, marks=pytest.mark.slow) for n in ANSWERS]
)
def test_who_reads_the_output_may_go_away(name, put_to_use):
    """As ``| head -1`` does, here before anything is written."""
    read, write = os.pipe()
    os.close(read)
    try:
        assert called(put_to_use, name, *ANSWERS[name].split(), stdout=write) == (141, "")
    finally:
        os.close(write)


def test_output_that_cannot_be_written_is_an_error_in_one_line(tmp_path):
    if not Path("/dev/full").exists():
        pytest.skip("there is no device that is always full")
    with Path("/dev/full").open("w") as full:
        code, err = called(tmp_path, "configs", stdout=full)
    assert code == 2 and err.count("\n") == 1 and "No space left" in err
