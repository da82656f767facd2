"""The parser of the command line; what its errors say is tested in test_cli.py."""

from pathlib import Path

import pytest

from pyg_skeletonmae.commands.parser import COMMANDS, build_parser, parse
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
