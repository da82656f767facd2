"""The parser of the command line; what its errors say is tested in test_cli.py."""

import shutil
import subprocess
from pathlib import Path

import pytest
from cli_helpers import runner, the_error

from pyg_skeletonmae.commands import parser as parsers
from pyg_skeletonmae.commands.parser import COMMANDS, SHELLS, build_parser, parse
from pyg_skeletonmae.errors import ConfigError


def test_only_the_named_commands_have_their_options() -> None:
    parser = build_parser(["compare"])
    assert list(parser.below) == ["compare"]
    assert parse(parser, ["compare", "run"]).command == "compare"
    assert all(name in parser.format_help() for name in COMMANDS)


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["pretrain", "--data.nmae=x"], "data.nmae: no such key; did you mean data.name"),
        (["pretrain", "--trainer.max_epochs=many"], "trainer.max_epochs: expected a whole number"),
        (["compre", "run"], "did you mean compare"),
    ],
)
def test_errors_are_of_our_own_type(argv: list[str], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        parse(build_parser(), argv)


def test_a_file_of_settings_is_looked_at_before_it_is_read(tmp_path: Path) -> None:
    (tmp_path / "bomb.yaml").write_text("a: &a [1]\nb: *a\n")
    with pytest.raises(ConfigError, match="anchors and aliases"):
        parse(build_parser(["pretrain"]), ["pretrain", f"--config={tmp_path / 'bomb.yaml'}"])


ASK = """
source completion
ask() {
    COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)) COMPREPLY=()
    _shtab_skeletonmae
    echo "${COMPREPLY[@]}"
}
ask skeletonmae pre
ask skeletonmae pretrain --trainer.max
ask skeletonmae evaluate --protocol kn
"""


@pytest.mark.skipif(shutil.which("bash") is None, reason="there is no bash to ask")
@pytest.mark.parametrize("value", ["[{class_path: os.system}]", "[1, 2]", "3", "[]", "name", "''"])
@pytest.mark.parametrize(
    ("command", "section"),
    [
        ("pretrain", "data"),
        ("pretrain", "trainer"),
        ("finetune", "trainer"),
        ("evaluate", "data"),
        ("evaluate", "tune"),
        ("pretrain", "trainer: {optim"),
    ],
)
def test_what_stands_in_the_place_of_a_section_is_refused(
    command: str, section: str, value: str, tmp_path: Path
) -> None:
    path = tmp_path / "x.yaml"
    path.write_text(f"{section}: {value}{'}' * section.count('{')}\n")
    name = section.replace(": {", ".")
    with pytest.raises(ConfigError, match=f"{path}: {name} is .*expected settings by their names"):
        parse(build_parser([command]), [command, f"--config={path}"])


def test_an_empty_section_of_a_section_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x.yaml").write_text("trainer:\n  optim:\n    # lr: 1\n")
    with pytest.raises(ConfigError, match=r"trainer\.optim is 'None', expected settings"):
        parse(build_parser(["pretrain"]), ["pretrain", f"--config={tmp_path / 'x.yaml'}"])


def test_an_empty_section_says_nothing(tmp_path: Path) -> None:
    (tmp_path / "x.yaml").write_text("data:\n  # name: ntu60\ntrainer:\n")
    config = parse(build_parser(["pretrain"]), ["pretrain", f"--config={tmp_path / 'x.yaml'}"])
    assert config.pretrain.data.name == "uiprmd" and config.pretrain.trainer.max_epochs > 0


def test_bash_completes_commands_options_and_choices(tmp_path, capsys) -> None:
    code, script, _ = runner(capsys)("--print_completion", "bash")
    assert code == 0
    (tmp_path / "completion").write_text(script)
    done = subprocess.run(
        ["bash", "-c", ASK], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    commands, options, choices = (line.split() for line in done.stdout.splitlines())
    assert commands == ["pretrain", "predict", "prepare"] and choices == ["knn"]
    assert {"--trainer.max_epochs", "--trainer.max_steps"} <= set(options)


@pytest.mark.parametrize("shell", SHELLS[1:])
def test_other_shells_get_a_script(shell: str, capsys) -> None:
    code, script, _ = runner(capsys)(f"--print_completion={shell}")
    assert code == 0 and "max_epochs" in script and "evaluate" in script


def test_completion_that_is_not_there(capsys, monkeypatch) -> None:
    line = the_error(runner(capsys)("--print_completion=ksh"))
    assert line.startswith("--print_completion: expected one of bash, zsh, fish, powershell, found")
    monkeypatch.setattr(parsers, "find_spec", lambda name: None)
    line = the_error(runner(capsys)("--print_completion=bash"))
    assert line == "--print_completion: needs shtab; pip install 'pyg_skeletonmae[completion]'"
