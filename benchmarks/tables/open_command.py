"""What the scripts of open data sets share: their options, and the way from runs to tables."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from tables.open_sets import OpenSet
from tables.results_page import write_page
from tables.rows import median_minutes, read_rows, write_rows
from tables.runner import Run, collect, end, execute
from tables.uiprmd_runs import planned
from tables.variants import PRETRAINED

HERE = Path(__file__).parents[1]
MEASURES = ("frozen", "trained")


def parser(about: str | None, protocols: Sequence[str], name: str) -> argparse.ArgumentParser:
    """The options of a script.

    Args:
        about: The script's docstring.
        protocols: Those of its data set; the first two are run unless told.
        name: What its run folders lie in.
    """
    options = argparse.ArgumentParser(description=(about or "").partition("\n")[0])
    add = options.add_argument
    methods = ["coordinates", "ST-GCN", *PRETRAINED]
    add("--method", nargs="+", default=["graph_mae"], choices=methods, metavar="METHOD")
    add("--measure", nargs="+", default=list(MEASURES), choices=MEASURES)
    add("--seeds", type=int, nargs="+", default=[0, 1, 2])
    add("--protocols", nargs="+", default=list(protocols[:2]), choices=list(protocols))
    jobs = "runs at a time, each on one thread; 0: in this process"
    add("--jobs", type=int, default=1, help=jobs, choices=range(65), metavar="N")
    add("--out", type=Path, default=Path("runs") / name)
    add("--results", type=Path, default=HERE, help="the folder of results.csv and RESULTS.md")
    add("--list", action="store_true", help="only say what would be run, and what it takes")
    add("--table", action="store_true", help="only write the tables")
    return options


def chosen(data: OpenSet, options: argparse.Namespace) -> list[Run]:
    """The runs that the options name, each once."""
    return [
        run
        for measure in options.measure
        for run in data.runs(measure, options.method, options.protocols, options.seeds)
    ]


def make(runs: Sequence[Run], options: argparse.Namespace) -> list[str]:
    """Runs what is missing, and keeps its rows.

    Returns:
        The folders that have no result.
    """
    table = options.results / "results.csv"
    failed = execute(runs, options.out, options.jobs, table)
    write_rows(table, collect(runs, options.out))
    return failed


def work(runs: Sequence[Run], options: argparse.Namespace) -> None:
    """Tells the runs, or makes them and writes the page, or only writes it, as the options say.

    Raises:
        SystemExit: Runs have failed; it names them.
    """
    if options.list:
        _tell(runs, options)
        return
    failed = [] if options.table else make(runs, options)
    rows = read_rows(options.results / "results.csv")
    write_page(options.results / "RESULTS.md", rows, HERE / "notes.md", planned([0, 1, 2]))
    end(failed)


def _tell(runs: Sequence[Run], options: argparse.Namespace) -> None:
    """Prints each run once, and the minutes of trainings by the rows of those like it."""
    rows = read_rows(options.results / "results.csv")
    total = 0.0
    for run in {run.folder: run for run in runs}.values():
        method = str(run.row.get("method") or run.folder.rpartition("-")[0].replace("-", " "))
        trains = not run.row or "finetune" in run.command
        like = [row for row in rows if row["method"] in (method, f"{method} pre-trained")]
        minutes = median_minutes(like) if trains and like else "-"
        total += float(minutes.replace("-", "0"))
        print(f"{run.folder}: {minutes} min" if trains else run.folder)
    print(f"{total:.0f} min of training, by rows of such runs; '-' where there is none")
