"""What a list of runs has in another way than the publication, said before it runs."""

from __future__ import annotations

import csv
import inspect
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from pyg_skeletonmae import models
from pyg_skeletonmae.commands.data_section import DataConfig
from pyg_skeletonmae.commands.publications import published_settings
from pyg_skeletonmae.files.yaml import read_yaml
from pyg_skeletonmae.training import OptimConfig, Trainer
from tables.protocols import CONFIGS, METHODS, Bench
from tables.rows import OURS

# Presets leave out what the public code gets wrong; see docs/fidelity.md.
_REPAIRED = {"skeleton2vec": "decoder_order"}
_LISTED = ("ntu60", "ntu120")  # whose owners list incomplete clips
_FLAT = "graph_mae"  # which was published on 2-D poses
VALUES = Path(__file__).parents[1] / "published_values.csv"


class Value(NamedTuple):
    """A value of a public recipe: where it stands in ours, and where in theirs."""

    stage: str
    method: str
    clips: tuple[str, ...]
    key: str
    value: Any
    source: str


@cache
def values() -> tuple[Value, ...]:
    """All values of public recipes that we know, by stage, method and data sets."""
    with VALUES.open(newline="", encoding="utf-8") as file:
        return tuple(
            Value(
                row["stage"], row["method"], tuple(row["clips"].split()), row["key"],
                json.loads(row["value"]), row["source"],
            )
            for row in csv.DictReader(file)
        )  # fmt: skip


def other_values(bench: Bench, name: str) -> Iterator[tuple[Value, Any]]:
    """The published values that the runs of a method do not have, and what they have."""
    own = [v for v in values() if v.method == name and bench.clips.key in v.clips]
    for stage in dict.fromkeys(value.stage for value in own):
        settings = settings_of(bench, name, stage)
        for value in own:
            if value.stage == stage:
                found = setting(settings, value.key)
                if not _same(found, value.value):
                    yield value, found


def settings_of(bench: Bench, name: str, stage: str) -> dict[str, Any]:
    """What a stage of a method is run with, as a configuration holds it."""
    if stage == "linear":
        whose = bench.method(name).publication
        assert whose is not None
        return published_settings("linear", whose, bench.clips.key)
    run = bench.pretraining(name, 0) if stage == "pretrain" else bench.finetuning(name, 0)
    settings: dict[str, Any] = {}
    for option in run.command[1:]:
        key, _, value = option.removeprefix("--").partition("=")
        if key == "config":
            _merge(settings, read_yaml(Path(value)))
        else:
            *sections, last = key.split(".")
            section = settings
            for part in sections:
                section = section.setdefault(part, {})
            section[last] = _read(value)
    return settings


def setting(settings: Mapping[str, Any], key: str) -> Any:
    """A setting by its path, or the default of what it is an argument of."""
    *sections, last = key.split(".")
    section: Mapping[str, Any] = settings
    above: Mapping[str, Any] = {}
    for part in sections:
        above, section = section, section.get(part, {})
    if last in section:
        return section[last]
    if not sections:
        return None  # drop_path, of the command
    if sections[-1] in ("optim", "data"):
        return getattr(OptimConfig() if sections[-1] == "optim" else DataConfig(), last)
    name = str(above.get("class_path")).rpartition(".")[2]
    kind = Trainer if sections == ["trainer"] else getattr(models, name)
    return inspect.signature(kind).parameters[last].default


def _read(value: str) -> Any:
    """A value of an option; 1e-5 is no number in YAML, but one in JSON."""
    try:
        return json.loads(value)
    except json.JSONDecodeError:
        return yaml.safe_load(value)


def _merge(settings: dict[str, Any], more: Mapping[str, Any]) -> None:
    for key, value in more.items():
        if isinstance(value, dict) and isinstance(settings.get(key), dict):
            _merge(settings[key], value)
        else:
            settings[key] = value


def _same(found: Any, value: Any) -> bool:
    """Equal, numbers up to rounding, and whatever kind of sequence."""
    if isinstance(value, list) and isinstance(found, list | tuple):
        return len(value) == len(found) and all(map(_same, found, value))
    if isinstance(value, float) and isinstance(found, int | float):
        return math.isclose(found, value, rel_tol=1e-12)
    return bool(found == value)


def announced(bench: Bench, methods: Sequence[str]) -> Iterator[str]:
    """A line for each method: the pipeline of its clips, and what differs from the publication.

    The presets of the publications, with :mod:`tables.recipes`, differ in nothing.
    """
    where = f"{bench.clips.data}, {bench.clips.split}"
    for name in methods:
        told = "; ".join(differences(bench, name)) or "nothing"
        if name in METHODS and not any(
            value.method == name and bench.clips.key in value.clips for value in values()
        ):
            told += "; it has none on these clips"
        line = f"{where}: {name}: pipeline {pipeline_of(bench, name)}; differs from the "
        line += f"publication: {told}"
        if name in _REPAIRED and not bench.small:
            line += f"; repaired on purpose: {_REPAIRED[name]} (docs/fidelity.md)"
        yield line


def pipeline_of(bench: Bench, name: str) -> str:
    """The pipeline that brings clips to a method."""
    for setting in reversed(bench.settings):
        key, _, value = setting.partition("=")
        if key == "--data.pipeline":
            return value
    told = _preset_pipeline(bench.method(name).config)
    return bench.clips.pipeline or told if told != OURS else OURS


def differences(bench: Bench, name: str) -> Iterator[str]:
    """What a method has in another way here than in its publication, a phrase each."""
    published, own = METHODS.get(name), bench.method(name)
    if published is None:
        yield "it is ours, nobody has published it"
    elif bench.small:
        yield f"{own.config}.yaml instead of {published.config}.yaml"
    if bench.smoke:
        yield "two steps on two clips"
    if published is not None:
        expected, found = _preset_pipeline(published.config), pipeline_of(bench, name)
        if found != expected:
            yield f"pipeline {found} instead of {expected}"
        if name == _FLAT and bench.clips.pipeline != "pyskl2d":
            yield "3-D joints instead of 2-D poses"
        if not bench.small:
            for value, ours in other_values(replace(bench, settings=()), name):
                yield f"{value.stage}: {value.key} is {ours!r}, published {value.value!r}"
    raw = bench.clips.key.startswith(_LISTED) and not bench.clips.key.endswith("-poses")
    if raw and not any(
        setting.startswith("--data.incomplete=") for setting in bench.clips.settings
    ):
        yield "clips on the owners' list are kept (--incomplete fetch leaves them out)"
    yield from (setting.removeprefix("--") for setting in bench.settings)


def _preset_pipeline(config: str) -> str:
    data = read_yaml(CONFIGS / "pretrain" / f"{config}.yaml")["data"]
    return str(data.get("pipeline", OURS))
