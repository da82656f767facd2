"""Commands that are made of settings: their parser is what they call."""

import inspect
import logging
from pathlib import Path

import pytest
import yaml
from cli_helpers import TINY, write_packed
from filelock import Timeout

from pyg_skeletonmae.commands import settings_commands
from pyg_skeletonmae.commands.cli import main
from pyg_skeletonmae.commands.configs import preset
from pyg_skeletonmae.commands.parser import build_parser, parse
from pyg_skeletonmae.commands.settings_commands import COMMANDS, FLAGSHIP, run_settings
from pyg_skeletonmae.errors import ConfigError
from pyg_skeletonmae.files import lock
from pyg_skeletonmae.models.from_config import CLASSIFIERS, PRETRAINING


@pytest.mark.parametrize("name", COMMANDS)
def test_options_are_the_arguments_of_the_function(name: str) -> None:
    settings = parse(build_parser([name]), [name])[name]
    arguments = set(inspect.signature(COMMANDS[name]).parameters) - {"resolved", "classes"}
    assert arguments <= {key.partition(".")[0] for key in vars(settings)} | {"resume"}


@pytest.mark.parametrize(
    ("name", "default"), [("pretrain", PRETRAINING[0]), ("finetune", CLASSIFIERS[0])]
)
def test_the_first_model_of_the_list_is_the_default(name: str, default: type) -> None:
    settings = parse(build_parser([name]), [name])[name]
    assert settings.model.class_path == f"pyg_skeletonmae.models.{default.__name__}"


def test_without_a_network_pretraining_is_the_flagship(tmp_path: Path) -> None:
    path = write_packed(tmp_path / "sticks.npz")
    clips = ["--data.name=npz", f"--data.path={path}", "--data.frames=8", "--data.flip=0"]
    short = ["--trainer.max_steps=1", "--trainer.progress=false", f"--out={tmp_path / 'run'}"]
    assert main(["pretrain", *clips, *short]) == 0
    settings = yaml.safe_load((tmp_path / "run" / "config.yaml").read_text())
    own = yaml.safe_load(preset(FLAGSHIP).read_text())
    assert settings["encoder"]["init_args"] == settings["encoder"]["init_args"] | {
        **own["encoder"]["init_args"], "frames": 8
    }  # fmt: skip
    assert settings["trainer"]["optim"]["lr"] == own["trainer"]["optim"]["lr"]
    assert settings["trainer"]["max_clips"] is None


@pytest.fixture
def said(caplog, tmp_path, monkeypatch):
    """``said(*more)``: what a small pre-training says on the way."""
    monkeypatch.chdir(tmp_path)
    logger = logging.getLogger("pyg_skeletonmae")
    monkeypatch.setattr(logger, "handlers", [caplog.handler])
    monkeypatch.setattr(logger, "propagate", False)
    monkeypatch.setattr(settings_commands, "keep_memory", iter([True, False]).__next__)
    path = write_packed(tmp_path / "sticks.npz")

    def run(*more: str) -> list[str]:
        caplog.clear()
        arguments = ("--data.name=npz", f"--data.path={path}", "--data.frames=8",
                     "--model.mask=RandomMask", *TINY)  # fmt: skip
        assert main(["pretrain", *arguments, "--trainer.max_epochs=3", *more]) == 0
        return [message.partition(":")[0] for message in caplog.messages]

    return run


def test_what_a_run_says_on_the_way(said, caplog):
    lines = said("--out=a run")
    assert lines[0].startswith("freed memory is kept")
    assert caplog.messages[1] == "run folder a run; curves: tensorboard --logdir 'a run'"
    assert lines[2:] == ["epoch 1 of 3", "epoch 2 of 3", "epoch 3 of 3"]
    assert said("--out=b", "--log_every=2") == ["run folder b; curves", "epoch 2 of 3",
                                               "epoch 3 of 3"]  # fmt: skip
    assert said("--out=c", "--quiet", "--keep_memory=false") == []
    assert said("--out=b", "--resume", "--quiet", "--log_every=1", "--keep_memory=false") == []
    written = yaml.safe_load(Path("b/config.yaml").read_text())
    assert not {"quiet", "log_every"} & written.keys()


def test_lines_are_of_whole_epochs() -> None:
    with pytest.raises(ConfigError, match="log_every: expected 0 epochs or more, found -1"):
        run_settings(["pretrain", "--log_every=-1", "--keep_memory=false"])


def test_nothing_is_written_for_settings_that_cannot_be_used(tmp_path: Path) -> None:
    out = tmp_path / "run"
    with pytest.raises(ConfigError, match="none of the classes that settings may name"):
        run_settings(["pretrain", "--model=os.system", f"--out={out}"])
    assert not out.exists()


def test_a_folder_in_which_another_process_runs_is_refused(tmp_path, monkeypatch):
    """Before anything of it is looked at: with each command and any --resume."""
    monkeypatch.setattr(lock, "FileLock", Taken)
    for name in COMMANDS:
        arguments = [name, f"--out={tmp_path / 'run'}", "--keep_memory=false"]
        for more in [[], ["--resume"], ["--resume=auto"]][: 3 if name != "demo" else 1]:
            with pytest.raises(ConfigError, match="run: another process runs in this folder"):
                run_settings([*arguments, *more])
    assert not list(tmp_path.iterdir())


class Taken:
    """The lock of somebody else."""

    def __init__(self, path: Path, is_singleton: bool) -> None:
        pass

    def acquire(self, timeout: float = -1) -> None:
        raise Timeout("taken")
