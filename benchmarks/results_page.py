"""The tables of ``RESULTS.md``, written from ``results.csv`` and nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from runner import Row, mean_and_interval, median_minutes, paired_difference, values

_HEAD = """# Results

Written by `benchmarks/uiprmd.py` from `benchmarks/results.csv`, a row per run. Per cent, top-1;
mean and half width of the 95 % interval over seeds (Student's t). Minutes are the median training
time of a run on the machine named below.

"""
_PAIRS = (
    ("STRL pre-trained", "STRL from scratch"),
    ("graph_mae pre-trained, linear, joints mean", "graph_mae random, linear, joints mean"),
    ("graph_mae pre-trained, linear, joints concat", "graph_mae random, linear, joints concat"),
)


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
    lines = ["| method | top-1 | seeds | clips seen | minutes |", "|---|---|---|---|---|"]
    for method in dict.fromkeys(row["method"] for row in rows):
        found = values(rows, method=method)
        seen = next(row["clips_seen"] for row in rows if row["method"] == method)
        minutes = median_minutes(rows, method=method)
        top1 = mean_and_interval(found)
        lines.append(f"| {method} | {top1} | {len(found)} | {seen or '-'} | {minutes} |")
    return "\n".join(lines) + "\n\n"


def _pairs(rows: Sequence[Row]) -> str:
    lines = []
    for better, worse in _PAIRS:
        difference = paired_difference(values(rows, method=better), values(rows, method=worse))
        if difference is not None:
            lines.append(f"- {better} minus {worse}, same seeds: {difference} points")
    return "\n".join(lines) + "\n\n" if lines else ""
