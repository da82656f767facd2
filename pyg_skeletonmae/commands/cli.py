"""The command ``skeletonmae``: its parser, and what it makes of errors."""

from __future__ import annotations

import inspect
import json
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, NoReturn

import yaml
from jsonargparse import (
    ActionFail,
    ArgumentParser,
    Namespace,
    get_loader,
    set_dumper,
    set_loader,
)

from pyg_skeletonmae import models
from pyg_skeletonmae.__about__ import __version__
from pyg_skeletonmae.commands import evaluate, finetune, pretrain
from pyg_skeletonmae.commands.class_paths import (
    OPTION,
    allowed_classes,
    check_named,
    close_imports,
    opened_for,
)
from pyg_skeletonmae.commands.cli_errors import explain
from pyg_skeletonmae.commands.compare import add_compare_arguments, compare
from pyg_skeletonmae.commands.data_section import DataConfig
from pyg_skeletonmae.commands.demo.demo import demo
from pyg_skeletonmae.commands.import_checkpoint import add_import_arguments, import_official
from pyg_skeletonmae.commands.prepare import add_prepare_arguments, prepare, run_prepare
from pyg_skeletonmae.commands.settings_file import check_settings_text, read_settings
from pyg_skeletonmae.datasets.store.clips import NanPolicy
from pyg_skeletonmae.errors import ConfigError, SkeletonMAEError
from pyg_skeletonmae.models.from_config import (
    BACKBONES,
    CLASSIFIERS,
    DECODERS,
    ENCODERS,
    MASKS,
    PRETRAINING,
    TARGETS,
)
from pyg_skeletonmae.training import OptimConfig, Trainer, keep_memory

USAGE, INTERRUPTED = 2, 130
COMMANDS: dict[str, Callable[..., dict[str, Any] | None]] = {
    "pretrain": pretrain,
    "finetune": finetune,
    "evaluate": evaluate,
    "demo": demo,
}
_READERS: dict[str, tuple[Callable[..., Any], Callable[[ArgumentParser], None]]] = {
    "import": (import_official, add_import_arguments),
    "compare": (compare, add_compare_arguments),
    "prepare": (prepare, add_prepare_arguments),
}  # they take paths, and no settings
_MODELS = {"pretrain": PRETRAINING, "finetune": CLASSIFIERS}  # the first is the default
_PARTS = {"backbone": BACKBONES, "mask": MASKS, "target": TARGETS, "decoder": DECODERS}
_LOADS_MODELS = ("pretrain", "finetune", "evaluate")  # these take --allow_class
_ALLOW_CLASS = "A class of your own, my_package.MyEncoder, that files may name; may be repeated."
_NOT_HERE = f"allow_class: stands on the command line alone, {OPTION} my_package.MyClass"
_MODEL = "The model, by its class; the data give the rest: skeleton, channels, classes."
_KEEP_MEMORY = "On Linux, do not give freed memory back: up to a third faster, about 1 GB more."
_FLAGS = {
    "resume": "Go on with the run in the folder.",
    "random_init": "Give the pre-trained model fresh weights: what its architecture does alone.",
    "flip": "Give training clips to classifiers on frozen features a second time, mirrored.",
    "bridge": "The encoder was pre-trained on other joints: match them by name.",
    "download": "Fetch UI-PRMD if it is missing.",
}
_OWN = {"model", "trainer", "data", "resolved", "classes", *_FLAGS}
_FROM_DATA = {"skeleton", "in_channels", "num_classes", "frames", "encoder"}
_TRAINING_ONLY = (
    "model",
    "trainer",
    "pretrained",
    "freeze",
    "drop_path",
    "bridge",
    "out",
    "seed",
    "resume",
    "keep_memory",
)


class Parser(ArgumentParser):
    """A parser whose errors are one line, and that knows no abbreviations."""

    model_classes: tuple[type, ...] = ()  # what its option --model builds

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **{"allow_abbrev": False, "parser_mode": _SETTINGS, **kwargs})
        self.below: dict[str, Parser] = {}  # those of the subcommands that build a model

    def error(self, message: str, ex: Exception | None = None) -> NoReturn:
        """Says what is wrong and ends with status 2."""
        if not self.exit_on_error:  # a parser within a parser: the outer one will say it
            super().error(message, ex)
        parser = getattr(ex, "subcommand_parser", None) or self
        _say(explain(message, *_known(parser)))
        raise SystemExit(USAGE)

    def parse_path(self, path: str | os.PathLike[str], *args: Any, **kwargs: Any) -> Namespace:
        """Reads a file of settings, if it is a plain one of reasonable size."""
        try:
            check_settings_text(read_settings(Path(path)))
        except yaml.YAMLError as error:
            raise ConfigError(f"{path}: {error}") from error
        settings: Namespace = super().parse_path(path, *args, **kwargs)
        return settings


def main(argv: Sequence[str] | None = None) -> int:
    """Runs a command line.

    Args:
        argv: The arguments; None = the program's.

    Returns:
        0; 2 for input that cannot be used, said in one line; 130 after Ctrl-C.
    """
    try:
        argv = list(sys.argv[1:] if argv is None else argv)
        classes: tuple[type, ...] = ()
        if argv and argv[0] in _LOADS_MODELS:
            argv, classes = allowed_classes(argv)
        parser = build_parser()
        with opened_for(classes):
            config = _parse(parser, argv)
            check_named(config[config.command], classes)
            results = _command(parser, config.command, config, classes)
    except SystemExit as end:  # from the parser: errors, --help, --print_config
        return end.code if isinstance(end.code, int) else USAGE
    except (SkeletonMAEError, OSError) as error:
        _say(str(error))
        return USAGE
    except KeyboardInterrupt:
        _say("interrupted; prepare goes on when it is called again, a run with --resume")
        return INTERRUPTED
    if results:
        print(json.dumps(results, indent=2, default=str))
    return 0


def _parse(parser: Parser, argv: Sequence[str]) -> Namespace:
    """Reads a command line; defaults are those of the model that is named.

    Left alone, the parser would keep the default model's value of every setting that both have.
    """
    config = _parsed(parser, argv)
    below = parser.below.get(config.command)
    chosen = config[config.command].get("model.class_path")
    if below is None or chosen in (None, _spec(below.model_classes[0])["class_path"]):
        return config
    below.set_defaults({"model": {"class_path": chosen}})
    return _parsed(parser, argv)


def _parsed(parser: Parser, argv: Sequence[str]) -> Namespace:
    """Arguments and files, and nothing from the environment."""
    try:
        config: Namespace = parser.parse_args(argv, env=False)
    except SkeletonMAEError:
        raise
    except (ImportError, ValueError) as error:  # not all that the parser refuses is its own error
        parser.error(str(error), error)
    return config


def _command(
    parser: Parser, name: str, config: Namespace, classes: tuple[type, ...]
) -> dict[str, Any] | None:
    chosen = config[name]
    if name == "import":
        return import_official(chosen.path, chosen["from"], chosen.out)
    if name == "compare":
        compare(chosen.runs, chosen.plot, chosen.curve)
        return None
    if name == "prepare":
        run_prepare(vars(chosen))
        return None
    for part in ("model", "encoder"):  # as long as the clips
        if "frames" in (config[name].get(f"{part}.init_args") or {}):
            config[name][part].init_args.frames = config[name].data.frames
    resolved = _resolved(parser, name, config)
    arguments = vars(parser.instantiate(config)[name])
    arguments.pop("config", None)
    if "classes" in inspect.signature(COMMANDS[name]).parameters:
        arguments["classes"] = classes
    return _run(name, arguments, resolved)


def build_parser() -> Parser:
    """The parser with all subcommands: their options are the signatures of what they call.

    From then on settings name only the classes on the list, see :func:`close_imports`.
    """
    close_imports()
    parser = Parser(
        prog="skeletonmae",
        description="Self-supervised learning on skeletons.",
        version=__version__,
    )
    commands = parser.add_subcommands(dest="command")
    for name, function in COMMANDS.items():
        about = (inspect.getdoc(function) or "").partition("\n")[0]
        commands.add_subcommand(name, subparser := _subparser(name, function, about), help=about)
        if subparser.model_classes:
            parser.below[name] = subparser
        if name == "evaluate":  # after adding it, which sets the mode to this parser's
            subparser.parser_mode = _DATA_ONLY
    for name, (function, add_arguments) in _READERS.items():
        about = (inspect.getdoc(function) or "").partition("\n")[0]
        commands.add_subcommand(name, subparser := Parser(description=about), help=about)
        add_arguments(subparser)
    return parser


def _subparser(name: str, function: Callable[..., Any], about: str) -> Parser:
    parser = Parser(description=about)
    parser.add_argument("--config", action="config", help="A YAML file with any of these settings.")
    own = _OWN & set(inspect.signature(function).parameters)
    parser.add_function_arguments(function, as_group=False, skip=set(own))
    for flag in own & _FLAGS.keys():
        parser.add_argument(f"--{flag}", action="store_true", help=_FLAGS[flag])
    parser.add_argument("--keep_memory", type=bool, default=True, help=_KEEP_MEMORY)
    if name in _LOADS_MODELS:
        parser.add_argument(OPTION, action=ActionFail(message=_NOT_HERE), help=_ALLOW_CLASS)
    if "model" in own:
        builder = inspect.get_annotations(function, eval_str=True)["model"]
        parser.model_classes = _MODELS[name]
        default = _spec(parser.model_classes[0])
        parser.add_argument("--model", type=builder, default=default, help=_MODEL)
    if "data" in own:
        parser.add_argument("--data", type=DataConfig, default=DataConfig())
        parser.add_argument("--nan", type=NanPolicy, default="error", help="Sets data.nan.")
        parser.link_arguments("nan", "data.nan")
    if "trainer" in own:
        parser.add_class_arguments(Trainer, "trainer")
        parser.set_defaults({"trainer.optim": asdict(OptimConfig())})
        parser.link_arguments("seed", "trainer.seed")
    return parser


def _spec(model: type) -> dict[str, str]:
    return {"class_path": f"{models.__name__}.{model.__name__}"}


def _load(text: str) -> Any:
    """YAML, if it takes no more memory and time than settings do."""
    check_settings_text(text)
    content = get_loader("yaml")(text)
    if isinstance(content, dict) and "allow_class" in content:
        raise yaml.YAMLError(_NOT_HERE)
    return content


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


def _resolved(parser: Parser, name: str, config: Namespace) -> dict[str, Any]:
    """Every setting of a subcommand as plain values, defaults included."""
    text = parser.dump(config, format="yaml", skip_validation=True, skip_unset=False)
    resolved: dict[str, Any] = yaml.safe_load(text)[name]
    resolved.pop("config", None)
    return resolved


def _run(name: str, arguments: dict[str, Any], resolved: dict[str, Any]) -> dict[str, Any] | None:
    if arguments.pop("keep_memory") and keep_memory():
        _note("freed memory is kept for the next step (--keep_memory false returns it)")
    arguments.pop("nan", None)  # linked to the data section
    if "data" in arguments:
        arguments["resolved"] = resolved
    return COMMANDS[name](**arguments)


def _known(parser: ArgumentParser) -> tuple[list[str], list[str]]:
    """Every key of a parser and its subcommands, and the names of the classes to choose from."""
    keys: list[str] = []
    for action in parser._actions:
        keys.append(action.dest)
        if isinstance(action.choices, dict):
            keys += [key for below in action.choices.values() for key in _known(below)[0]]
    models = getattr(parser, "model_classes", ())
    if not models:
        return keys, []
    places = [("model", model) for model in models]
    if models is PRETRAINING:
        places += [("encoder", cls) for cls in ENCODERS]
    places += [(f"model.init_args.{part}", cls) for part in _PARTS for cls in _PARTS[part]]
    for place, cls in places:
        names = set(inspect.signature(cls).parameters) - _FROM_DATA
        keys += [f"{place}{part}.{name}" for name in names for part in (".init_args", "")]
    return keys, [cls.__name__ for _, cls in places]


def _say(message: str) -> None:
    print(f"skeletonmae: error: {' '.join(message.split())}", file=sys.stderr)


def _note(message: str) -> None:
    print(f"skeletonmae: {message}", file=sys.stderr)
