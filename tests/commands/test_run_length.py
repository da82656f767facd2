import json
from pathlib import Path

import pytest
import yaml
from cli_helpers import runner

from pyg_skeletonmae.commands.run_length import length_alone, option_alone

TINY = ("--data.frames=8", "--data.batch_size=8", "--keep_memory=false", "--model=GraphSkeletonMAE",
        "--model.hidden_channels=8", "--data.name=synthetic", "--data.num_clips=20")  # fmt: skip


def test_a_length_replaces_the_others():
    assert length_alone({"max_clips": 9, "seed": 1}) == {
        "max_epochs": None, "max_steps": None, "max_clips": 9, "seed": 1,
    }  # fmt: skip
    assert length_alone({"seed": 1}) == {"seed": 1}
    assert length_alone({"max_epochs": None}) == {"max_epochs": None}


@pytest.mark.parametrize("option", [["--trainer.max_steps=5"], ["--trainer.max_steps", "5"]])
def test_an_option_replaces_the_others(option):
    nulls = ["--trainer.max_epochs=null", "--trainer.max_clips=null"]
    assert option_alone(["pretrain", "--config", "a", *option, "--seed=1"]) == [
        "pretrain", "--config", "a", *nulls, *option, "--seed=1",
    ]  # fmt: skip


def test_null_names_no_length():
    for option in (["--trainer.max_steps=null"], ["--trainer.max_steps", "null"], ["--seed=1"]):
        assert option_alone(["pretrain", *option]) == ["pretrain", *option]


def test_what_is_said_last_counts(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    run = runner(capsys)
    Path("clips.yaml").write_text("trainer: {max_clips: 24}")
    Path("epochs.yaml").write_text("trainer: {max_epochs: 2}")
    both = ("--config=clips.yaml", "--config=epochs.yaml")
    lengths = {
        ("--config=clips.yaml",): [None, None, 24],
        ("--config=clips.yaml", "--trainer.max_steps=2"): [None, 2, None],
        ("--config=clips.yaml", '--trainer={"max_steps": 3}'): [None, 3, None],
        both: [2, None, None],
        (*both, "--trainer.max_epochs=1"): [1, None, None],
    }
    for number, (options, expected) in enumerate(lengths.items()):
        code, _, err = run("pretrain", *TINY, *options, f"--out={number}")
        assert code == 0, err
        trainer = yaml.safe_load(Path(str(number), "config.yaml").read_text())["trainer"]
        assert [trainer[name] for name in ("max_epochs", "max_steps", "max_clips")] == expected
    assert 24 <= json.loads(Path("0/results.json").read_text())["clips_seen"] < 32


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--trainer.max_steps=2", "--trainer.max_epochs=1"), "give one of the three, and null"),
        (("--trainer.max_epochs=null",), "one of the three must be set"),
        (('--config={"trainer": {"max_epochs": 1, "max_clips": 9}}',), "give one of the three"),
    ],
)
def test_exactly_one_length(options, message, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    code, _, err = runner(capsys)("pretrain", *TINY, *options, "--out=a")
    assert code == 2 and message in err and err.count("\n") == 1
    assert not Path("a").exists()
