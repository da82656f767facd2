"""What the maintainer's page promises: its files are there, nothing that it lists is forgotten."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import re
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import pytest
import test_every_model
import yaml
from torch import nn

from pyg_skeletonmae import datasets, evaluation, io, models, transforms
from pyg_skeletonmae.commands.configs import CONFIGS
from pyg_skeletonmae.commands.protocols import PROTOCOLS
from pyg_skeletonmae.datasets import SkeletonDataset
from pyg_skeletonmae.datasets.sets.pose_formats import FORMATS, PoseFormatName
from pyg_skeletonmae.models import (
    MaskedDecoder,
    MaskedTarget,
    SkeletonEncoder,
    SkeletonModel,
    from_config,
)
from pyg_skeletonmae.models.pretraining.st_backbone import STBackbone
from pyg_skeletonmae.transforms import MaskPolicy, TokenMaskPolicy

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
PAGE = (DOCS / "maintaining.md").read_text(encoding="utf-8")


def text(*pages: str) -> str:
    return "\n".join((DOCS / f"{page}.md").read_text(encoding="utf-8") for page in pages)


def classes(package: str) -> Iterator[type]:
    """The classes without an underscore that are defined below a package."""
    top = importlib.import_module(f"pyg_skeletonmae.{package}")
    for info in pkgutil.walk_packages(top.__path__, top.__name__ + "."):
        module = importlib.import_module(info.name)
        for name, cls in vars(module).items():
            if inspect.isclass(cls) and cls.__module__ == info.name and not name.startswith("_"):
                yield cls


def takes_features(value: object) -> bool:
    if not inspect.isfunction(value):
        return False
    parameters = [*inspect.signature(value).parameters.values()]
    return bool(parameters) and parameters[0].annotation == "Features"


# The page ------------------------------------------------------------------------------------


def test_the_page_has_a_section_for_each_of_the_nine_changes() -> None:
    wanted = (
        "pose format", "layout", "mask", "target", "encoder", "pre-training method", "protocol",
        "column of results", "data set",
    )  # fmt: skip
    titles = " ".join(re.findall(r"^## (.*)$", PAGE, re.MULTILINE)).lower()
    assert [change for change in wanted if change not in titles] == []


def test_files_and_tests_of_the_page_are_there() -> None:
    paths = re.findall(r"`((?:pyg_skeletonmae|tests|docs|benchmarks|configs)/[\w./-]+)`", PAGE)
    assert len(paths) > 30
    missing = [path for path in paths if "NAME" not in path and not (ROOT / path).exists()]
    assert missing == []
    tests = re.findall(r"`((?:\w+/)*test_\w+\.py)::(\w+)`", PAGE)
    assert len(tests) > 10
    missing = [
        f"{path}::{name}"
        for path, name in tests
        if f"def {name}(" not in (ROOT / "tests" / path).read_text(encoding="utf-8")
    ]
    assert missing == []


# Nothing is forgotten ------------------------------------------------------------------------


def test_every_reader_of_poses_is_told_in_the_docs() -> None:
    functions = {name: getattr(io, name) for name in io.__all__ if name.startswith("read_")}
    readers = [
        name
        for name, read in functions.items()
        if "PoseTracks" in str(inspect.signature(read).return_annotation)
    ]
    assert len(readers) > 8
    assert [name for name in readers if f"`{name}`" not in text("data", "own_poses")] == []


def test_every_pose_format_has_a_name_and_stands_in_both_tables() -> None:
    assert set(get_args(PoseFormatName)) == set(FORMATS)
    docstring = inspect.getdoc(datasets.PoseFolder) or ""
    assert [name for name in FORMATS if not re.search(rf"^ *{name} ", docstring, re.M)] == []
    assert [name for name in FORMATS if not re.search(rf"^\| .*`{name}`", text("data"), re.M)] == []


LISTS = {
    "MASKS": ("transforms", MaskPolicy | TokenMaskPolicy),
    "ENCODERS": ("models", SkeletonEncoder),
    "TARGETS": ("models", MaskedTarget),
    "DECODERS": ("models", MaskedDecoder),
    "BACKBONES": ("models", STBackbone),
}


@pytest.mark.parametrize("name", LISTS)
def test_every_part_of_a_model_can_be_named_in_settings(name: str) -> None:
    """A mask, an encoder, a target that no release could be loaded with would be found late."""
    package, base = LISTS[name]
    parts = [cls for cls in classes(package) if issubclass(cls, base)]
    bases = {SkeletonEncoder, MaskedTarget, MaskedDecoder}
    made = {cls for cls in parts if not inspect.isabstract(cls)} - bases
    assert made == set(getattr(from_config, name))


def test_what_can_be_named_in_settings_is_public_and_the_other_way_round() -> None:
    public = {*models.__all__, *transforms.__all__}
    assert {cls.__name__ for cls in from_config.CLASSES} <= public
    shown = [getattr(models, name) for name in models.__all__]
    built = {cls for cls in shown if inspect.isclass(cls) and issubclass(cls, nn.Module)}
    bases = {SkeletonModel, SkeletonEncoder, MaskedTarget, MaskedDecoder}
    bases.add(models.FlatClassifier)  # a wrapper for explainers, made in Python alone
    assert built - bases <= set(from_config.CLASSES)


def test_every_model_is_trained_and_comes_back_from_disk_in_a_test() -> None:
    """The kinds of :mod:`test_every_model`: it builds them all."""
    built: set[type] = set()
    for name in test_every_model.MODELS:
        model = test_every_model.make(name)
        built |= {type(module) for module in model.modules()}
    parts = (*from_config.PRETRAINING, *from_config.CLASSIFIERS, *from_config.ENCODERS)
    missing = {*parts, *from_config.TARGETS, *from_config.DECODERS} - built
    assert sorted(cls.__name__ for cls in missing) == []


def test_every_mask_is_told_in_the_docs() -> None:
    names = [cls.__name__ for cls in from_config.MASKS]
    assert [name for name in names if f"`{name}`" not in text("transforms")] == []


def test_every_method_has_a_page_and_a_preset() -> None:
    pages = "".join(path.read_text(encoding="utf-8") for path in DOCS.glob("methods/*.md"))
    names = [cls.__name__ for cls in from_config.PRETRAINING]
    assert [name for name in names if f"`{name}`" not in pages] == []
    presets = [yaml.safe_load(path.read_text()) for path in CONFIGS.glob("pretrain/*.yaml")]
    assert set(names) == {preset["model"]["class_path"].rpartition(".")[2] for preset in presets}


def test_every_protocol_is_told_on_both_pages() -> None:
    names = tuple(PROTOCOLS)
    told = re.split(r"^## Protocols of `evaluate`$", text("command_line"), flags=re.MULTILINE)[1]
    assert [name for name in names if not re.search(rf"^\| `{name}` \|", told, re.M)] == []
    measures = [name for name in evaluation.__all__ if takes_features(getattr(evaluation, name))]
    measures.remove("deal_folds")  # how a penalty is chosen
    assert len(measures) > 6
    assert [name for name in measures if f"`{name}`" not in text("evaluation")] == []


def test_every_data_set_has_a_section() -> None:
    names = [name for name in datasets.__all__ if inspect.isclass(getattr(datasets, name))]
    sets = [name for name in names if issubclass(getattr(datasets, name), SkeletonDataset)]
    assert len(sets) > 8
    assert [name for name in sets if f"`{name}" not in text("data", "own_poses")] == []
