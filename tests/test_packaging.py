"""What an installed package and a source archive hold, and say of themselves."""

from __future__ import annotations

import ast
import configparser
import sys
from pathlib import Path

import pytest

from pyg_skeletonmae.commands.configs import CONFIGS

ROOT = Path(__file__).parents[1]
SETUP = configparser.ConfigParser()
SETUP.read(ROOT / "setup.cfg", encoding="utf-8")


def test_presets_and_types_are_installed() -> None:
    package = CONFIGS.parent
    patterns = SETUP["options.package_data"]["pyg_skeletonmae"].split(", ")
    files = {path for pattern in patterns for path in package.glob(pattern)}
    others = {package / name for name in ("py.typed", "visualize/page.html", "nn/kernels.c")}
    assert set(package.rglob("*.yaml")) | others == files


def test_a_source_archive_holds_what_reading_and_testing_take() -> None:
    lines = (ROOT / "MANIFEST.in").read_text(encoding="utf-8").splitlines()
    grafted = {line.removeprefix("graft ") for line in lines if line.startswith("graft ")}
    assert grafted >= {"benchmarks", "configs", "docs", "examples", "notebooks", "tests"}
    assert [name for name in grafted if not (ROOT / name).exists()] == []


@pytest.mark.parametrize("key", ["author", "url", "keywords", "license", "description"])
def test_the_package_says_what_it_is(key: str) -> None:
    assert SETUP["metadata"][key].strip()


def test_every_supported_python_is_named() -> None:
    classifiers = SETUP["metadata"]["classifiers"]
    least = SETUP["options"]["python_requires"].removeprefix(">=")
    assert f"Python :: {least}\n" in classifiers + "\n"
    assert f"Python :: {sys.version_info.major}.{sys.version_info.minor}" in classifiers


def test_nothing_is_imported_that_the_oldest_python_lacks() -> None:
    newer = {"Self", "Never", "LiteralString", "NotRequired", "Required", "Unpack", "override"}
    newer |= {"TypeVarTuple", "assert_never", "assert_type", "StrEnum", "tomllib", "UTC"}
    for path in CONFIGS.parent.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import | ast.ImportFrom):
                assert not newer & {name.name for name in node.names}, path
