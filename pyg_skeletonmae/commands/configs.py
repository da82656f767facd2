"""``skeletonmae configs``, and presets by name wherever ``--config`` takes a file.

The presets travel in the package, in ``configs/pretrain`` and ``configs/finetune``. Nothing here
imports PyTorch.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence
from itertools import takewhile
from pathlib import Path, PurePath
from textwrap import shorten

from jsonargparse import ArgumentParser

from pyg_skeletonmae.errors import ConfigError

CONFIGS = Path(__file__).parents[1] / "configs"
_NAME = re.compile(r"[\w./\\-]+")


def presets() -> dict[str, Path]:
    """The files of all presets by their names, in the order of those."""
    paths = (path for kind in ("pretrain", "finetune") for path in CONFIGS.glob(f"{kind}/*.yaml"))
    return {path.stem: path for path in sorted(paths, key=lambda path: path.stem)}


def preset(name: str) -> Path:
    """The file of a preset.

    Args:
        name: ``graph_mae``, or as in the sources ``configs/pretrain/graph_mae.yaml`` or the end of
            that.

    Raises:
        ConfigError: There is none of that name; says which are near.
    """
    parts = PurePath(name.removesuffix(".yaml")).parts
    known = presets()
    path = known.get(parts[-1]) if parts else None
    if path is not None and parts == (CONFIGS.name, path.parent.name, path.stem)[-len(parts) :]:
        return path
    near = difflib.get_close_matches(parts[-1] if parts else "", known, n=3)
    hint = f"did you mean {' or '.join(near)}?" if near else "skeletonmae configs lists the presets"
    raise ConfigError(f"{name:.200}: no such file and no preset; {hint}")


def with_presets(arguments: Sequence[str]) -> list[str]:
    """A command line whose ``--config NAME`` is given the file of a preset.

    A file that is called so comes before a preset, and settings that stand on the command line
    (``{seed: 3}``) stay what they are.

    Raises:
        ConfigError: There is no preset of that name, either.
    """
    named = []
    for before, argument in zip(["", *arguments], arguments, strict=False):
        option = "--config=" if argument.startswith("--config=") else ""
        name = argument.removeprefix(option)
        if option or before == "--config":
            name = str(preset(name)) if _NAME.fullmatch(name) and not Path(name).exists() else name
        named.append(option + name)
    return named


def add_configs_arguments(parser: ArgumentParser) -> None:
    """Adds the options of :func:`configs` to its parser."""
    parser.add_argument("name", nargs="?", help="Print this preset, to be changed in a file.")


def configs(name: str | None = None) -> None:
    """Prints the presets with a line about each, or one of them as it is.

    Args:
        name: The preset to print.

    Raises:
        ConfigError: There is none of that name.
    """
    if name is not None:
        print(preset(name).read_text(encoding="utf-8"), end="")
        return
    known = presets()
    width = max(map(len, known))
    for key, path in known.items():
        print(f"{path.parent.name:8}  {key:{width}}  {about(path)}")


def about(path: Path) -> str:
    """The first sentence of the comment that a preset begins with, or as much as fits a line."""
    lines = path.read_text(encoding="utf-8").splitlines()
    comment = takewhile(lambda line: line.startswith("#"), lines)
    text = " ".join(line.lstrip("# ") for line in comment)
    return shorten(text.partition(". ")[0].removesuffix("."), 100, placeholder=" ...")
