"""``skeletonmae compare``."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from jsonargparse import ArgumentParser

from pyg_skeletonmae.commands import run_folders as runs
from pyg_skeletonmae.errors import CheckpointError, ConfigError
from pyg_skeletonmae.files.write import write_file
from pyg_skeletonmae.training import read_metrics
from pyg_skeletonmae.training.runlog import METRICS

_WIDEST = 40  # characters of a cell
_SILENT = ("out", "resume", "config", "keep_memory", "pictures")  # settings that change no result
_FACTS = ("protocol", "random_init", "features", "folder", "finished")  # told elsewhere
_HEADLINES = ("test/", "eval/", "train/loss")  # of a training, the first that there is
_log = logging.getLogger("pyg_skeletonmae")


@dataclass
class RunFolder:
    """What a run folder tells.

    Args:
        name: What the table calls it.
        settings: By dotted keys.
        results: ``results.json``; of a run that is not finished, its last logged values.
        finished: Whether there are results.
        log: The lines of ``metrics.jsonl``.
        info: ``run.json``: command, seed, versions, machine; empty: there is none.
    """

    name: str
    settings: dict[str, Any]
    results: dict[str, Any]
    finished: bool
    log: list[dict[str, Any]]
    info: dict[str, Any] = field(default_factory=dict)

    @property
    def command(self) -> str:
        """The subcommand that made the run; empty where that is not known."""
        told = self.info.get("command")
        return str(told[1]) if isinstance(told, list) and len(told) > 1 else ""

    @property
    def headline(self) -> str:
        """The result that stands for the others: of test clips, of an evaluation, or the loss."""
        named = [key for start in _HEADLINES for key in self.results if key.startswith(start)]
        others = [key for key, x in self.results.items() if isinstance(x, float)]
        key = next(iter([*named, *(key for key in others if key != "seconds")]), None)
        return "" if key is None else f"{key} {_cell(self.results[key])}"


def add_compare_arguments(parser: ArgumentParser) -> None:
    """Adds the options of :func:`compare` to its parser."""
    parser.add_argument("runs", nargs="+", help="Run folders, or folders with runs below them.")
    parser.add_argument("--plot", type=str | None, help="Draw curves into this picture, or .html.")
    parser.add_argument(
        "--curve", default="train/loss", help="The value to draw, logged or a result."
    )
    parser.add_argument("--json", action="store_true", help="Print all of it as JSON.")


def compare(
    paths: Sequence[str],
    plot: str | None = None,
    curve: str = "train/loss",
    as_json: bool = False,
) -> None:
    """Prints run folders side by side: the settings that differ, and the results.

    Args:
        paths: Run folders. A folder that is none stands for all runs below it, which are then
            listed, one to a line.
        plot: Draw a value into this picture or page; None: draw nothing.
        curve: The value to draw: a key of ``metrics.jsonl``, over epochs, or of ``results.json``,
            a bar for each run.
        as_json: Print a list of the runs, with all settings and results, instead of a table.

    Raises:
        CheckpointError: A folder holds no run and has none below it, or holds a damaged one.
        ConfigError: No run has the value to draw.
    """
    found, listed = [], False
    for path in map(Path, paths):
        below = [] if (path / runs.CONFIG).is_file() else list(_runs_below(path))
        listed |= bool(below)
        found += below or [read_run(path)]
    if plot is not None:
        _plot(found, Path(plot), curve)
    if as_json:
        print(json.dumps([_plain(run) for run in found], indent=2, default=str))
    else:
        print(listing(found) if listed else comparison(found))


def read_run(folder: Path) -> RunFolder:
    """Reads a run folder, finished or not.

    Raises:
        CheckpointError: It holds no run, or a damaged one.
    """
    config, results, info = (folder / name for name in (runs.CONFIG, runs.RESULTS, runs.INFO))
    if not config.is_file():
        raise CheckpointError(f"{folder}: holds no run, there is no {runs.CONFIG}")
    settings, log = runs.read_mapping(config), read_metrics(folder)
    finished = results.is_file()
    last = {name: value for line in log for name, value in line.items()}
    values = runs.read_mapping(results) if finished else last
    told = runs.read_mapping(info) if info.is_file() else {}
    return RunFolder(str(folder), runs.flat(settings), values, finished, log, told)


def _runs_below(folder: Path) -> Iterator[RunFolder]:
    """The runs in sub-folders, by name; a damaged one is left out, saying so."""
    for here, below, files in os.walk(folder):
        below[:] = sorted(name for name in below if name != runs.RELEASE and name[0] != ".")
        if runs.CONFIG in files and {runs.INFO, runs.RESULTS, METRICS} & set(files):
            try:
                yield read_run(Path(here))
            except CheckpointError as error:
                _log.warning("left out: %s", error)


def _plain(run: RunFolder) -> dict[str, Any]:
    facts = {"run": run.name, "command": run.command, "finished": run.finished}
    return {**facts, "info": run.info, "settings": run.settings, "results": run.results}


def listing(found: Sequence[RunFolder]) -> str:
    """The table of many runs: a line for each, with what stands for its results."""
    rows = [["run", "command", "started", "finished", "epoch", "result"]]
    for run in found:
        started = str(run.info.get("started", ""))[:16].replace("T", " ")
        done = "yes" if run.finished else "no"
        epoch = str(run.results.get("epoch", "-"))
        rows.append([run.name, run.command, started, done, epoch, run.headline])
    return _table(rows)


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
    return _table(rows)


def _table(rows: Sequence[Sequence[str]]) -> str:
    """Rows as lines of equal columns; the first row is the head."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]
    lines.insert(1, "-" * (sum(widths) + 2 * (len(widths) - 1)))
    return "\n".join(lines)


def _plot(found: Sequence[RunFolder], path: Path, curve: str) -> None:
    """A logged value over epochs; one that no run has logged, of the results of each."""
    # Slow to import: only where used.
    from pyg_skeletonmae.visualize.chart_pages import bars_page, curves_page
    from pyg_skeletonmae.visualize.charts import draw_bars, draw_curves

    curves = {}
    for run in found:
        points = [(line["epoch"], line[curve]) for line in run.log if line.get(curve) is not None]
        if points:
            epochs, values = zip(*points, strict=True)
            curves[run.name] = epochs, values
    bars = {run.name: run.results[curve] for run in found if _is_number(run.results.get(curve))}
    if not curves and not bars:
        logged = {name for run in found for line in run.log for name in line if "/" in name}
        results = {key for run in found for key, x in run.results.items() if _is_number(x)}
        known = ", ".join(sorted(logged | results))
        raise ConfigError(f"curve {curve!r}: no run has it; there are {known}")
    if path.suffix.lower() == ".html":
        (curves_page(curves, curve) if curves else bars_page(bars, curve)).save(path)
        return
    figure = draw_curves(curves, ylabel=curve) if curves else draw_bars(bars, curve)
    kinds = figure.canvas.get_supported_filetypes()
    kind = path.suffix.removeprefix(".").lower()
    if kind not in kinds:
        known = ", ".join(["html", *kinds])
        raise ConfigError(f"plot {path}: expected a picture's ending, one of {known}")
    write_file(path, lambda file: figure.savefig(file, format=kind))


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _keys(mappings: Sequence[Mapping[str, Any]]) -> list[str]:
    return list(dict.fromkeys(key for mapping in mappings for key in mapping))


def _cell(value: Any) -> str:
    if value is None:
        return "-"
    text = f"{value:.4g}" if isinstance(value, float) else str(value)
    return text if len(text) <= _WIDEST else f"{text[: _WIDEST - 3]}..."
