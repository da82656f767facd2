"""The parser of the command ``skeletonmae``; only what a named subcommand does is imported."""

from __future__ import annotations

import os
import sys
from argparse import SUPPRESS, Action
from collections.abc import Iterable, Sequence
from importlib import import_module
from importlib.util import find_spec
from itertools import islice
from pathlib import Path
from typing import Any, NoReturn

import yaml
from jsonargparse import ArgumentParser, Namespace, get_loader, set_dumper, set_loader

from pyg_skeletonmae.__about__ import __version__
from pyg_skeletonmae.commands.cli_errors import OPTION, explain
from pyg_skeletonmae.commands.configs import with_presets
from pyg_skeletonmae.commands.option_names import PATHS, class_names, option_names
from pyg_skeletonmae.commands.run_length import length_alone
from pyg_skeletonmae.commands.settings_file import check_settings_text, read_settings
from pyg_skeletonmae.errors import ConfigError, SkeletonMAEError

SHELLS = ("bash", "zsh", "fish", "powershell")
_SETTINGS_COMMANDS = "pyg_skeletonmae.commands.settings_commands"  # imported when it is needed
COMMANDS = {
    "pretrain": "Pre-trains a model on the training subjects, without their labels.",
    "finetune": "Trains a classifier on the labelled training subjects and tests it on the others.",
    "evaluate": (
        "Measures an encoder, or the coordinates: labelled training clips against the test clips."
    ),
    "demo": "Pre-trains, probes, fine-tunes and reports, in a few minutes.",
    "import": "Turns a public checkpoint into a release folder that everything else can use.",
    "predict": "Says what recordings show, frames of a stream as they come, by a trained release.",
    "embed": "Writes features of recordings, by any release, as a table with their names.",
    "cluster": "Groups recordings that are alike: counts, and those nearest to each centre.",
    "view": "Writes a clip as a page that plays, a film or a picture: masked, explained, as it is.",
    "export": "Writes a release as a file that runs without this library: ONNX, torch.export.",
    "release": "Copies the release of a run into a folder of its own, to be shared.",
    "compare": "Prints run folders side by side: the settings that differ, and the results.",
    "prepare": "Turns raw files into a store, and prints its data card.",
    "cache": "Prints which stores and downloads lie where, how large they are, and removes them.",
    "verify": "Says whether stores, runs and releases are what was written, by their checksums.",
    "configs": "Prints the presets that --config takes by name, or one of them.",
    "check-pipeline": "Prints what each stage of a pipeline makes of given raw files.",
}
"""The subcommands, and the first lines of what they say of themselves."""
NOT_HERE = f"allow_class: stands on the command line alone, {OPTION} my_package.MyClass"
RELEASE = "A release folder, the folder of a run, or user/name of the Hub."
_TRAINING_ONLY = (
    "model",
    "encoder",
    "trainer",
    "pretrained",
    "freeze",
    "drop_path",
    "bridge",
    "out",
    "seed",
    "resume",
    "verify",
    "keep_memory",
    "quiet",
    "pictures",
    "log_every",
)


class PrintCompletion(Action):
    """Prints what a shell needs to complete commands and options, and ends the program."""

    def __call__(self, parser: Any, namespace: Any, values: Any, option_string: Any = None) -> None:
        """Builds the parser with all options, which takes seconds, for the shell that is named.

        Raises:
            ConfigError: The library that writes such scripts is not installed.
        """
        if find_spec("shtab") is None:
            raise ConfigError(
                f"{option_string}: needs shtab; pip install 'pyg_skeletonmae[completion]'"
            )
        print(build_parser().get_completion_script(f"shtab-{values}"))
        parser.exit()


class Parser(ArgumentParser):
    """A parser whose errors are one line, and that knows no abbreviations."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self.commands: tuple[str, ...] = ()  # whose options it has
        super().__init__(*args, **{"allow_abbrev": False, "parser_mode": _SETTINGS, **kwargs})
        self.below: dict[str, Parser] = {}  # those of the subcommands

    def error(self, message: str, ex: Exception | None = None) -> NoReturn:
        """Says what is wrong, in one line.

        Raises:
            ConfigError: Always.
        """
        if not self.exit_on_error:  # a parser within a parser: the outer one will say it
            super().error(message, ex)
        parser = getattr(ex, "subcommand_parser", None) or self
        known = parser.commands or self.commands or tuple(COMMANDS)
        names = [name for command in known for name in option_names(command)]
        classes = [name for command in known for name in class_names(command)]
        raise ConfigError(explain(message, names, classes))

    def parse_args(self, args: Any = None, *rest: Any, **kwargs: Any) -> Any:
        """Reads a command line, where presets go by their names."""
        return super().parse_args(
            with_presets(sys.argv[1:] if args is None else args), *rest, **kwargs
        )

    def parse_path(self, path: str | os.PathLike[str], *args: Any, **kwargs: Any) -> Namespace:
        """Reads a file of settings, if it is a plain one of reasonable size."""
        try:
            text = read_settings(Path(path))
            check_settings_text(text)
        except yaml.YAMLError as error:
            raise ConfigError(f"{path}: {error}") from error
        self._check_sections(path, get_loader("yaml")(text))
        settings: Namespace = super().parse_path(path, *args, **kwargs)
        return settings

    def _check_sections(
        self, path: str | os.PathLike[str], content: object, above: str = ""
    ) -> None:
        """Refuses what stands in the place of a section, which would be left out unheard."""
        if not isinstance(content, dict):
            return
        sections = {action.dest.rpartition(".")[0] for action in self._actions}
        for key, value in content.items():
            name = f"{above}{key}"
            if name in sections and isinstance(value, dict):
                self._check_sections(path, value, f"{name}.")
            elif name in sections and (value is not None or above):
                raise ConfigError(
                    f"{path}: {name} is {str(value)[:40]!r}, expected settings by their names "
                    "below it (skeletonmae COMMAND --print_config shows them)"
                )


def build_parser(names: Iterable[str] = tuple(COMMANDS)) -> Parser:
    """The parser with all subcommands.

    Args:
        names: Those that get their options; the others are only listed.
    """
    about = "Self-supervised learning on skeletons."
    parser = Parser(prog="skeletonmae", description=about, version=__version__)
    parser.commands = names = tuple(names)
    parser.add_argument(
        "--print_completion", action=PrintCompletion, choices=SHELLS, default=SUPPRESS,
        help="Print a script with which a shell completes commands and options.",
    )  # fmt: skip
    commands = parser.add_subcommands(dest="command")
    for name, about in COMMANDS.items():
        commands.add_subcommand(name, subparser := Parser(description=about), help=about)
        if name not in names:
            continue
        subparser.commands = (name,)
        parser.below[name] = subparser
        if name in PATHS:
            module, function = PATHS[name]
            getattr(import_module(module), function)(subparser)
        else:
            import_module(_SETTINGS_COMMANDS).add_settings(subparser, name)
        if name == "evaluate":  # after adding it, which sets the mode to this parser's
            subparser.parser_mode = _DATA_ONLY
    return parser


def positionals_first(parser: Parser, argv: Sequence[str]) -> list[str]:
    """A command line with its options behind all else, as the parser needs it.

    Left alone, ``argparse`` closes a list of files, empty, at the first option before it.
    """
    takes = {name: action.nargs for action in parser._actions for name in action.option_strings}
    front: list[str] = []
    options: list[str] = []
    words = iter(argv)
    for word in words:
        if word == "--":
            front += words
        elif word == "-" or not word.startswith("-"):
            front.append(word)
        else:
            options.append(word)
            number = 1 if takes.get(word, 0) is None else takes.get(word, 0)
            options += islice(words, number if isinstance(number, int) and "=" not in word else 0)
    return front + options


def parse(parser: Parser, argv: Sequence[str]) -> Namespace:
    """Arguments and files, and nothing from the environment.

    Raises:
        ConfigError: They cannot be used.
    """
    try:
        config: Namespace = parser.parse_args(argv, env=False)
    except SkeletonMAEError:
        raise
    except (ImportError, ValueError) as error:  # not all that the parser refuses is its own error
        parser.error(str(error), error)
    return config


def _load(text: str) -> Any:
    """YAML, if it takes no more memory and time than settings do."""
    check_settings_text(text)
    content = get_loader("yaml")(text)
    if not isinstance(content, dict):
        return content
    if "allow_class" in content:
        raise yaml.YAMLError(NOT_HERE)
    if isinstance(content.get("trainer"), dict):
        return {**content, "trainer": length_alone(content["trainer"])}
    return length_alone(content)  # what --trainer names


def _load_data_only(text: str) -> Any:
    """YAML without what a training configuration says beyond the data."""
    content = _load(text)
    if isinstance(content, dict) and "trainer" in content:
        return {key: value for key, value in content.items() if key not in _TRAINING_ONLY}
    return content


_SETTINGS, _DATA_ONLY = "settings", "settings_data_only"
for _mode, _loader in ((_SETTINGS, _load), (_DATA_ONLY, _load_data_only)):
    set_loader(_mode, _loader, exceptions=(yaml.YAMLError,))
    set_dumper(_mode, lambda content: yaml.safe_dump(content, sort_keys=False))
