"""The list of protocols: who follows it, and what a line says."""

from __future__ import annotations

from pathlib import Path
from typing import get_args, get_type_hints

import pytest
from job_helpers import make_job

from pyg_skeletonmae.commands.evaluate import evaluate
from pyg_skeletonmae.commands.options import Options
from pyg_skeletonmae.commands.protocols import PROTOCOLS
from pyg_skeletonmae.errors import ConfigError


def test_the_command_line_takes_the_names_of_the_list():
    names, none = get_args(get_type_hints(evaluate)["protocol"])
    assert get_args(names) == tuple(PROTOCOLS) and none is type(None)


@pytest.mark.parametrize("name", PROTOCOLS)
def test_each_protocol_is_documented(name):
    text = (Path(__file__).parents[2] / "docs/command_line.md").read_text(encoding="utf-8")
    assert f"`{name}`" in text or f"--protocol {name}" in text or f"--protocol={name}" in text


@pytest.mark.parametrize("name", [name for name, own in PROTOCOLS.items() if own.trains])
def test_those_that_train_need_an_encoder(tmp_path, name):
    with pytest.raises(ConfigError, match="trains on an encoder"):
        PROTOCOLS[name].run(make_job(tmp_path, trained=False), Options())


def test_an_unknown_protocol_is_named(tmp_path):
    with pytest.raises(ConfigError, match="protocol 'nearest': expected one of knn, linear"):
        evaluate(make_job(tmp_path).data, {}, protocol="nearest")
