"""A release as a file for other runtimes: the command ``skeletonmae export``."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from jsonargparse import ActionFail, ArgumentParser

from pyg_skeletonmae.commands.cli_errors import OPTION
from pyg_skeletonmae.commands.parser import NOT_HERE, RELEASE
from pyg_skeletonmae.errors import ConfigError
from pyg_skeletonmae.inference.export import SUFFIXES, export
from pyg_skeletonmae.inference.released import Released


def add_export_arguments(parser: ArgumentParser) -> None:
    """Gives a parser the arguments of :func:`run_export`."""
    parser.add_argument("release", type=str, help=RELEASE)
    parser.add_argument("--to", type=str, required=True, help="onnx, or torch for torch.export.")
    parser.add_argument("--out", type=str, help="The file; model.onnx or model.pt2 in the folder.")
    parser.add_argument(
        "--preprocessing", action="store_true", help="Centre and scale in the file: raw poses in."
    )
    parser.add_argument(OPTION, action=ActionFail(message=NOT_HERE), help="A class of your own.")


def run_export(chosen: dict[str, Any], classes: Iterable[type] = ()) -> dict[str, Any]:
    """Writes the model of a release as a file, see :func:`~pyg_skeletonmae.inference.export`.

    Raises:
        ConfigError: The model cannot be exported, or a package is missing.
        CheckpointError: There is no release, or it is damaged.
    """
    if chosen["to"] not in SUFFIXES:
        raise ConfigError(f"--to {chosen['to']}: expected one of {', '.join(SUFFIXES)}")
    folder = Path(chosen["release"])
    if chosen["out"] is None and not folder.exists():
        raise ConfigError(f"{folder}: no folder here to write to; name the file with --out")
    released = Released.from_pretrained(folder, classes=classes)
    path = chosen["out"] or folder / f"model{SUFFIXES[chosen['to']]}"
    written = export(released, path, chosen["to"], chosen["preprocessing"])
    return {
        "file": str(written.file),
        "pos": list(written.input),
        "output": written.output,
        "difference": written.difference,
    }
