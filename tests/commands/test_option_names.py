"""The names of options read from the sources are those that the parser has."""

from __future__ import annotations

import inspect

import pytest
from cli_helpers import runner, the_error

from pyg_skeletonmae.commands import cli
from pyg_skeletonmae.commands.option_names import (
    FROM_DATA,
    MODELS,
    PARTS,
    check_options,
    class_names,
    option_names,
)
from pyg_skeletonmae.commands.parser import COMMANDS, build_parser
from pyg_skeletonmae.models import from_config


@pytest.fixture(scope="module")
def parsers():
    return build_parser().below


@pytest.mark.parametrize("command", COMMANDS)
def test_the_names_are_those_of_the_parser(parsers, command):
    names = {action.dest for action in parsers[command]._actions}
    if command in MODELS:
        places = {"model": MODELS[command]}
        places |= {f"model.init_args.{part}": classes for part, classes in PARTS.items()}
        places |= {"encoder": "ENCODERS"} if command == "pretrain" else {}
        for place, classes in places.items():
            for cls in getattr(from_config, classes):
                for name in set(inspect.signature(cls).parameters) - FROM_DATA:
                    names |= {f"{place}.init_args.{name}", f"{place}.{name}"}
    assert set(option_names(command)) == names


def test_the_classes_are_those_of_the_lists():
    classes = [cls.__name__ for cls in (*from_config.PRETRAINING, *from_config.BACKBONES)]
    assert set(classes) <= set(class_names("pretrain"))
    assert class_names("evaluate") == class_names("compare") == []


@pytest.mark.parametrize("command", COMMANDS)
def test_no_option_of_the_parser_is_refused(parsers, command):
    for action in parsers[command]._actions:
        for option in action.option_strings:
            check_options(command, [f"{option}=1", option, f"{option}+=1"])


@pytest.mark.parametrize(
    "arguments",
    [
        "pretrain --trainer.optim.lr_scale.encoder=3",
        "pretrain --model.class_path=STRL --model.init_args.depth=3 --model.mask.class_path=X",
        "pretrain --allow_class=a.B --model.of_its_own=3",
        "pretrain --help --data.nmae=x",
        "pretrain --model.help=STRL",
        "pretrain -- --data.nmae",
        "finetune --model.skeleton=ntu25",
        "prepare poses --dry-run",
    ],
)
def test_what_is_not_misspelt_for_sure_is_left_to_the_parser(arguments):
    command, *rest = arguments.split()
    check_options(command, rest)


@pytest.mark.parametrize(
    "arguments",
    [
        "pretrain --data.nmae x",
        "pretrain --trainer.max_epoch 3",
        "pretrain --trainer.optim.lrr=3",
        "pretrain --model.hiden_channels=3",
        "pretrain --model.init_args.hiden_channels=3",
        "pretrain --model.mask=PartMask --model.mask.prts=[1]",
        "pretrain --modle.depth=3",
        "finetune --model.heda=3",
        "evaluate --trainer.max_epochs=3",
        "demo --budgt x",
        "compare --plto x folder",
        "prepare ntu60 --roots x",
        "import a b --fro mamp",
    ],
)
def test_what_is_said_is_what_the_parser_says(arguments, capsys, monkeypatch):
    run = runner(capsys)
    before = the_error(run(*arguments.split()))
    assert "no such key; did you mean" in before
    monkeypatch.setattr(cli, "check_options", lambda *_: None)
    assert the_error(run(*arguments.split())) == before
