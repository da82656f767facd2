"""``skeletonmae compare``."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jsonargparse import ArgumentParser

from pyg_skeletonmae.commands import run_folders as runs
from pyg_skeletonmae.errors import CheckpointError, ConfigError
from pyg_skeletonmae.training import read_metrics

_WIDEST = 40  # characters of a cell
_SILENT = ("out", "resume", "config", "keep_memory")  # settings that change no result
_FACTS = ("protocol", "random_init", "features", "folder", "finished")  # told elsewhere


@dataclass
class RunFolder:
    """What a run folder tells.

    Args:
        name: What the table calls it.
        settings: By dotted keys.
        results: ``results.json``; of a run that is not finished, its last logged values.
        finished: Whether there are results.
        log: The lines of ``metrics.jsonl``.
    """

    name: str
    settings: dict[str, Any]
    results: dict[str, Any]
    finished: bool
    log: list[dict[str, Any]]


def add_compare_arguments(parser: ArgumentParser) -> None:
    """Adds the options of :func:`compare` to its parser."""
    parser.add_argument("runs", nargs="+", help="Run folders.")
    parser.add_argument("--plot", type=str | None, help="Draw curves into this picture.")
    parser.add_argument("--curve", default="train/loss", help="The logged value to draw.")


def compare(paths: Sequence[str], plot: str | None = None, curve: str = "train/loss") -> None:
    """Prints run folders side by side: the settings that differ, and the results.

    Args:
        paths: Run folders.
        plot: Draw curves over epochs into this picture; None: draw nothing.
        curve: The logged value to draw, a key of ``metrics.jsonl``.

    Raises:
        CheckpointError: A folder holds no run, or a damaged one.
        ConfigError: No run has logged the value to draw.
    """
    found = [read_run(Path(path)) for path in paths]
    if plot is not None:
        _plot(found, Path(plot), curve)
    print(comparison(found))


def read_run(folder: Path) -> RunFolder:
    """Reads a run folder, finished or not.

    Raises:
        CheckpointError: It holds no run, or a damaged one.
    """
    config, results = folder / runs.CONFIG, folder / runs.RESULTS
    if not config.is_file():
        raise CheckpointError(f"{folder}: holds no run, there is no {runs.CONFIG}")
    settings, log = runs.read_mapping(config), read_metrics(folder)
    finished = results.is_file()
    last = {name: value for line in log for name, value in line.items()}
    values = runs.read_mapping(results) if finished else last
    return RunFolder(str(folder), runs.flat(settings), values, finished, log)


def comparison(found: Sequence[RunFolder]) -> str:
    """The table: a column for each run; first the settings that differ, then all results.

    Settings that only some of the runs have, because they are of another command or model, are
    compared among those.
    """
    texts = [{key: json.dumps(x, default=str) for key, x in run.settings.items()} for run in found]
    settings = [
        key
        for key in _keys([run.settings for run in found])
        if key.split(".")[0] not in _SILENT
        and len({text[key] for text in texts if key in text}) > 1
    ]
    results = [key for key in _keys([run.results for run in found]) if key not in _FACTS]
    rows = [["", *(run.name for run in found)]]
    rows += [[key, *(_cell(run.settings.get(key)) for run in found)] for key in settings]
    rows.append(["finished", *("yes" if run.finished else "no" for run in found)])
    rows += [[key, *(_cell(run.results.get(key)) for run in found)] for key in results]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]
    lines.insert(1, "-" * (sum(widths) + 2 * (len(widths) - 1)))
    return "\n".join(lines)


def _plot(found: Sequence[RunFolder], path: Path, curve: str) -> None:
    curves = {}
    for run in found:
        points = [(line["epoch"], line[curve]) for line in run.log if line.get(curve) is not None]
        if points:
            epochs, values = zip(*points, strict=True)
            curves[run.name] = epochs, values
    if not curves:
        logged = sorted({name for run in found for line in run.log for name in line if "/" in name})
        raise ConfigError(f"curve {curve!r}: no run has logged it; there are {', '.join(logged)}")
    from pyg_skeletonmae.visualize.charts import draw_curves  # Slow to import: only where used.

    figure = draw_curves(curves, ylabel=curve)
    kinds = figure.canvas.get_supported_filetypes()
    if path.suffix.removeprefix(".").lower() not in kinds:
        raise ConfigError(f"plot {path}: expected a picture's ending, one of {', '.join(kinds)}")
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path)


def _keys(mappings: Sequence[Mapping[str, Any]]) -> list[str]:
    return list(dict.fromkeys(key for mapping in mappings for key in mapping))


def _cell(value: Any) -> str:
    if value is None:
        return "-"
    text = f"{value:.4g}" if isinstance(value, float) else str(value)
    return text if len(text) <= _WIDEST else f"{text[: _WIDEST - 3]}..."
