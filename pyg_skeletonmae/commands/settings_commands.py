"""The subcommands that take settings: their signatures are their options, and what runs them."""

from __future__ import annotations

import inspect
import logging
import os
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import yaml
from jsonargparse import ActionFail, Namespace

from pyg_skeletonmae import models
from pyg_skeletonmae.commands import evaluate, finetune, pretrain
from pyg_skeletonmae.commands.class_paths import (
    allowed_classes,
    check_named,
    close_imports,
    opened_for,
)
from pyg_skeletonmae.commands.cli_errors import OPTION
from pyg_skeletonmae.commands.configs import preset
from pyg_skeletonmae.commands.data_section import DataConfig
from pyg_skeletonmae.commands.demo.demo import demo
from pyg_skeletonmae.commands.option_names import NOT_SETTINGS
from pyg_skeletonmae.commands.parser import NOT_HERE, Parser, build_parser, parse
from pyg_skeletonmae.commands.run_length import option_alone
from pyg_skeletonmae.datasets.store.clips import NanPolicy
from pyg_skeletonmae.errors import ConfigError
from pyg_skeletonmae.models.from_config import CLASSIFIERS, PRETRAINING
from pyg_skeletonmae.training import (
    OptimConfig,
    Trainer,
    find_release,
    keep_memory,
    release_preprocessing,
)
from pyg_skeletonmae.training.run_checkpoints import Resume, alone

COMMANDS: dict[str, Callable[..., dict[str, Any] | None]] = {
    "pretrain": pretrain,
    "finetune": finetune,
    "evaluate": evaluate,
    "demo": demo,
}
_MODELS = {"pretrain": PRETRAINING, "finetune": CLASSIFIERS}  # the first is the default
FLAGSHIP = "graph_temporal_small"
"""The preset of a pre-training of which nothing is said about the network."""
_NETWORK = ("--config", "--model", "--encoder")
_LOADS_MODELS = ("pretrain", "finetune", "evaluate")  # these take --allow_class
_ALLOW_CLASS = "A class of your own, my_package.MyEncoder, that files may name; may be repeated."
_CONFIG = "A YAML file with any of these settings, or a preset by name: skeletonmae configs."
_MODEL = "The model, by its class; the data give the rest: skeleton, channels, classes."
_KEEP_MEMORY = "On Linux, do not give freed memory back: up to a third faster, about 1 GB more."
_QUIET = "Say nothing on the way: errors, notes and results alone."
_LOG_EVERY = "Epochs from line to line off a terminal (trainer.progress); 0: none, and no bar."
_RESUME = "Go on with the run in the folder; auto: if there is one, else start."
_FLAGS = {
    "random_init": "Give the pre-trained model fresh weights: what its architecture does alone.",
    "flip": "Give training clips to classifiers on frozen features a second time, mirrored.",
    "bridge": "The encoder was pre-trained on other joints: match them by name.",
    "download": "Fetch UI-PRMD if it is missing.",
}
_OWN = {"model", "trainer", "data", "resume", *NOT_SETTINGS, *_FLAGS}
_log = logging.getLogger("pyg_skeletonmae")


def run_settings(argv: Sequence[str]) -> dict[str, Any] | None:
    """Runs a command line whose first word is one of :data:`COMMANDS`.

    Returns:
        What the command has to say, if anything.

    Raises:
        SkeletonMAEError: The command line, a file or the data cannot be used.
    """
    name = argv[0]
    if name == "pretrain" and not any(word.startswith(_NETWORK) for word in argv):
        argv = [name, "--config", str(preset(FLAGSHIP)), *argv[1:]]
    argv, classes = allowed_classes(argv) if name in _LOADS_MODELS else (argv, ())
    parser = build_parser([name])
    with opened_for(classes):
        config, release = _with_defaults(parser, option_alone(argv) if name in _MODELS else argv)
        check_named(config[name], classes)
        for part in ("model", "encoder"):  # as long as the clips
            if "frames" in (config[name].get(f"{part}.init_args") or {}):
                config[name][part].init_args.frames = config[name].data.frames
        resolved = _resolved(parser, name, config)
        arguments = vars(parser.instantiate(config)[name])
        if release is not None:
            arguments["pretrained"] = str(release)
        arguments.pop("config", None)
        if "classes" in inspect.signature(COMMANDS[name]).parameters:
            arguments["classes"] = classes
        return _run(name, arguments, resolved)


def _with_defaults(parser: Parser, argv: Sequence[str]) -> tuple[Namespace, Path | None]:
    """Reads a command line; defaults are those of the model that is named.

    Left alone, the parser would keep the default model's value of every setting that both have. Of
    a pre-trained one, the clips are prepared by default as its release says.

    Returns:
        The settings, which name a release on the Hub by its commit; the folder of what is
        pre-trained, if anything.
    """
    config = parse(parser, argv)
    settings, below = config[config.command], parser.below[config.command]
    chosen, pretrained = settings.get("model.class_path"), settings.get("pretrained")
    release = None if pretrained is None else find_release(pretrained)
    told = None if release is None else release_preprocessing(release)
    if told is not None:
        below.set_defaults({f"data.{key}": value for key, value in told.settings().items()})
    other = chosen not in (None, *(_spec(kinds[0])["class_path"] for kinds in _MODELS.values()))
    if other:
        below.set_defaults({"model": {"class_path": chosen}})
    if other or told is not None:
        config = parse(parser, argv)
    if release is not None and release != Path(pretrained):
        config[config.command].pretrained = f"{pretrained.partition('@')[0]}@{release.name}"
    return config, release


def add_settings(parser: Parser, name: str) -> None:
    """Gives a parser the options of a command: the signatures of what it calls."""
    close_imports()  # from here on settings name only the classes on the list
    function = COMMANDS[name]
    parser.add_argument("--config", action="config", help=_CONFIG)
    own = _OWN & set(inspect.signature(function).parameters)
    parser.add_function_arguments(function, as_group=False, skip=set(own))
    for flag in own & _FLAGS.keys():
        parser.add_argument(f"--{flag}", action="store_true", help=_FLAGS[flag])
    if "resume" in own:
        parser.add_argument(
            "--resume", type=Resume, nargs="?", const=True, default=False, help=_RESUME
        )
    parser.add_argument("--keep_memory", type=bool, default=True, help=_KEEP_MEMORY)
    parser.add_argument("--quiet", action="store_true", help=_QUIET)
    if name in _LOADS_MODELS:
        parser.add_argument(OPTION, action=ActionFail(message=NOT_HERE), help=_ALLOW_CLASS)
    if "model" in own:
        builder = inspect.get_annotations(function, eval_str=True)["model"]
        default = _spec(_MODELS[name][0])
        parser.add_argument("--model", type=builder, default=default, help=_MODEL)
    if "data" in own:
        parser.add_argument("--data", type=DataConfig, default=DataConfig())
        parser.add_argument("--nan", type=NanPolicy, default="error", help="Sets data.nan.")
        parser.link_arguments("nan", "data.nan")
    if "trainer" in own:
        parser.add_class_arguments(Trainer, "trainer")
        parser.set_defaults({"trainer.optim": asdict(OptimConfig()), "trainer.max_epochs": 100})
        parser.link_arguments("seed", "trainer.seed")
        parser.add_argument("--log_every", type=int | None, help=_LOG_EVERY)


def _spec(model: type) -> dict[str, str]:
    return {"class_path": f"{models.__name__}.{model.__name__}"}


def _resolved(parser: Parser, name: str, config: Namespace) -> dict[str, Any]:
    """Every setting of a subcommand as plain values, defaults included."""
    text = parser.dump(config, format="yaml", skip_validation=True, skip_unset=False)
    resolved: dict[str, Any] = yaml.safe_load(text)[name]
    for key in ("config", "quiet", "log_every"):  # say nothing of the run
        resolved.pop(key, None)
    return resolved


def _run(name: str, arguments: dict[str, Any], resolved: dict[str, Any]) -> dict[str, Any] | None:
    quiet, every = arguments.pop("quiet"), arguments.pop("log_every", None)
    if every is not None and every < 0:
        raise ConfigError(f"log_every: expected 0 epochs or more, found {every}")
    if quiet:
        _log.setLevel(logging.WARNING)
    if "trainer" in arguments and (quiet or every is not None):
        arguments["trainer"].progress = 0 if quiet else every
    new = arguments.pop("keep_memory") and keep_memory()
    if new and arguments["out"] is not None and not arguments.get("resume"):
        _log.info("freed memory is kept for the next step (--keep_memory false returns it)")
    arguments.pop("nan", None)  # linked to the data section
    if "data" in arguments:
        arguments["resolved"] = resolved
    first = os.environ.get("RANK", os.environ.get("LOCAL_RANK", "0")) == "0"  # of the processes
    with alone(arguments["out"] if first else None):
        results = COMMANDS[name](**arguments)
        return results if first else None
