"""Commands that are made of settings: their parser is what they call."""

import inspect
from pathlib import Path

import pytest

from pyg_skeletonmae.commands.parser import build_parser, parse
from pyg_skeletonmae.commands.settings_commands import COMMANDS, run_settings
from pyg_skeletonmae.errors import ConfigError
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


def test_nothing_is_written_for_settings_that_cannot_be_used(tmp_path: Path) -> None:
    out = tmp_path / "run"
    with pytest.raises(ConfigError, match="none of the classes that settings may name"):
        run_settings(["pretrain", "--model=os.system", f"--out={out}"])
    assert not out.exists()
