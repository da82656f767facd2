"""The tables of ``RESULTS.md``, written from ``results.csv`` and nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from table import Row, mean_and_interval, median_minutes, paired_difference, values

_HEAD = """# Results

Written by `benchmarks/uiprmd.py` from `benchmarks/results.csv`, a row per run. Per cent, top-1;
mean and half width of the 95 % interval over seeds (Student's t). Minutes are the median training
time of a run on the machine named below.

"""


def write_page(path: Path, rows: Sequence[Row], notes: Path) -> None:
    """Writes the page: a table for each data set and protocol, then the notes as they stand."""
    text = _HEAD
    for data, protocol in dict.fromkeys((row["data"], row["protocol"]) for row in rows):
        own = [row for row in rows if (row["data"], row["protocol"]) == (data, protocol)]
        text += f"## {data}, {protocol} ({own[0]['split']})\n\n" + _table(own) + _pairs(own)
    if notes.exists():
        text += notes.read_text()
    path.write_text(text)


def _table(rows: Sequence[Row]) -> str:
    metrics = list(dict.fromkeys(row["metric"] for row in rows))
    head = ["method", *metrics, "seeds", "clips seen", "minutes"]
    lines = [_line(head), _line(["---"] * len(head))]
    for method in dict.fromkeys(row["method"] for row in rows):
        own = [row for row in rows if row["method"] == method]
        cells = [mean_and_interval(values(own, metric=metric)) for metric in metrics]
        seeds = len({row["seed"] for row in own})
        lines.append(_line([method, *cells, seeds, own[0]["clips_seen"], median_minutes(own)]))
    return "\n".join(lines) + "\n\n"


def _line(cells: Sequence[object]) -> str:
    return f"| {' | '.join(str(cell) for cell in cells)} |"


def _pairs(rows: Sequence[Row]) -> str:
    """What pre-training is worth: each pre-trained method minus its twin without, seed by seed."""
    lines = []
    for method, metric in dict.fromkeys((row["method"], row["metric"]) for row in rows):
        start, _, kind = method.rpartition(" ")
        if kind != "pre-trained":
            continue
        twin = "STRL from scratch" if start == "STRL" else f"{start} random"
        own, other = (values(rows, method=name, metric=metric) for name in (method, twin))
        difference = paired_difference(own, other)
        if difference is not None:
            lines.append(f"- {metric}: {method} minus {twin}, same seeds: {difference} points")
    return "\n".join(lines) + "\n\n" if lines else ""
