"""The tables of ``RESULTS.md``, written from ``results.csv`` and ``published.csv``."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from pathlib import Path

from pyg_skeletonmae.files.write import write_text
from tables.claims import claims_section
from tables.few_labels import few_labels_section
from tables.hidden_tokens import hidden_tokens_section
from tables.rows import (
    OURS,
    Row,
    markdown,
    mean_and_interval,
    median_minutes,
    paired_difference,
    shown,
    values,
)
from tables.variants import twin

PUBLISHED = Path(__file__).parents[1] / "published.csv"
_HEAD = """# Results

Written by the scripts in `benchmarks/` from `benchmarks/results.csv`, a row per run. Per cent; mean
and half width of the 95 % interval over seeds (Student's t). *top-1* is that of a classifier that
was trained as the protocol says: on UI-PRMD as a whole, beside classifiers on frozen features.
Clips seen and minutes (the median) are those of the training on the machine named below, of the
pre-training where features are frozen; each training has its own line. A number marked † was
selected on the test clips: for comparison with publications that did so, never with the others.

"""
_PUBLISHED = """## Published values, and ours beside them

From `benchmarks/published.csv`, which names the source of each. Our methods are called as in
`configs/`; their column "ours" is filled where we measured, on clips that came through the pipeline
of the published number, where that is known: others are no comparison. The data are their owners',
so `-` means not run here. No number was read off a figure.

"""


def write_page(path: Path, rows: Sequence[Row], notes: Path, planned: Sequence[Row] = ()) -> None:
    """Writes the page: measured tables, the notes as they stand, and published values.

    Args:
        path: The page.
        rows: Of ``results.csv``.
        notes: A page of words that stands between the tables.
        planned: Rows that should be there, with a column ``why`` in place of a value; those that
            are not are told.
    """
    rows = [row | {"pipeline": row["pipeline"] or OURS} for row in rows]
    text = _HEAD + few_labels_section(rows) + hidden_tokens_section(rows) + "# All tables\n\n"
    tables = dict.fromkeys(_place(row) for row in (*rows, *planned))
    for place in tables:
        own = [row for row in rows if _place(row) == place]
        left = _missing([row for row in planned if _place(row) == place], own)
        data, split, protocol = place
        text += f"## {data}, {protocol} ({split})\n\n"
        text += (_table(own) if own else "") + _pairs(own) + _not_run(left)
    text += claims_section(rows)
    if notes.exists():
        text += notes.read_text() + "\n"
    text += _beside_published(rows, read_published())
    write_text(path, text.rstrip() + "\n")


def read_published(path: Path = PUBLISHED) -> list[Row]:
    """Published values in per cent: data, split, protocol, method, metric, value, source, pipeline.

    The pipeline is empty where it is not known, or no code is public.
    """
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def _place(row: Row) -> tuple[str, str, str]:
    return row["data"], row["split"], row["protocol"]


def _table(rows: Sequence[Row]) -> str:
    metrics = list(dict.fromkeys(row["metric"] for row in rows))
    head = ["method", *map(shown, metrics)]
    lines = [[*head, "seeds", "clips seen", "minutes"]]
    for method, pipeline in dict.fromkeys((row["method"], row["pipeline"]) for row in rows):
        own = [row for row in rows if (row["method"], row["pipeline"]) == (method, pipeline)]
        name = method if pipeline == OURS else f"{method}, pipeline {pipeline}"
        for clips, measured in _by_budget(own).items():
            cells = [mean_and_interval(values(measured, metric=metric)) for metric in metrics]
            seeds = {sum(row["metric"] == m for row in measured) for m in metrics} - {0}
            counted = "-".join(map(str, sorted({min(seeds), max(seeds)})))
            lines.append([name, *cells, counted, str(clips), median_minutes(measured)])
    return markdown(lines)


def _by_budget(rows: Sequence[Row]) -> dict[int, list[Row]]:
    """The most clips that a training of a metric saw, to the rows of these metrics."""
    found: dict[int, list[Row]] = {}
    for metric in dict.fromkeys(row["metric"] for row in rows):
        own = [row for row in rows if row["metric"] == metric]
        found.setdefault(max(int(row["clips_seen"] or 0) for row in own), []).extend(own)
    return found


def _pairs(rows: Sequence[Row]) -> str:
    """What pre-training is worth: each method minus the same network without it, seed by seed."""
    lines = []
    kinds = dict.fromkeys((row["method"], row["metric"], row["pipeline"]) for row in rows)
    for method, metric, pipeline in kinds:
        if not method.endswith(" pre-trained"):
            continue
        without = twin(method)
        same = {"metric": metric, "pipeline": pipeline}
        own, other = (values(rows, method=name, **same) for name in (method, without))
        difference = paired_difference(own, other)
        if difference is not None:
            lines.append(
                f"- {shown(metric)}: {method} minus {without}, same seeds: {difference} points"
            )
    return "\n".join(lines) + "\n\n" if lines else ""


def _missing(planned: Sequence[Row], rows: Iterable[Row]) -> list[Row]:
    there = {(row["method"], row["metric"], str(row["seed"])) for row in rows}
    return [row for row in planned if (row["method"], row["metric"], row["seed"]) not in there]


def _not_run(left: Sequence[Row]) -> str:
    """A row for each method that was planned and has a seed or a metric missing."""
    if not left:
        return ""
    lines = [["not run", "what", "seeds", "why"]]
    for method, why in dict.fromkeys((row["method"], row["why"]) for row in left):
        own = [row for row in left if (row["method"], row["why"]) == (method, why)]
        metrics = dict.fromkeys(shown(row["metric"]) for row in own)
        seeds = dict.fromkeys(str(row["seed"]) for row in own)
        lines.append([method, "; ".join(metrics), " ".join(seeds), why])
    return markdown(lines)


def _beside_published(rows: Sequence[Row], published: Sequence[Row]) -> str:
    text = _PUBLISHED
    for data, protocol in dict.fromkeys((row["data"], row["protocol"]) for row in published):
        told = [row for row in published if (row["data"], row["protocol"]) == (data, protocol)]
        measured = [row for row in rows if (row["data"], row["protocol"]) == (data, protocol)]
        text += f"### {data}, {protocol}\n\n" + _comparison(told, measured)
    return text


def _comparison(told: Sequence[Row], measured: Sequence[Row]) -> str:
    """A row per method and source, a column per split, and those of ours where there are any."""
    splits = list(dict.fromkeys(row["split"] for row in told))
    lines = [["method", *splits, *(f"ours, {split}" for split in splits), "source"]]
    for method, source in dict.fromkeys((row["method"], row["source"]) for row in told):
        value = {r["split"]: r for r in told if (r["method"], r["source"]) == (method, source)}
        cells = [value[split]["value"] if split in value else "-" for split in splits]
        metric = next(iter(value.values()))["metric"]
        pipeline = next(iter(value.values()))["pipeline"]
        fed = [row for row in measured if pipeline in ("", row["pipeline"])]
        ours = [_ours(fed, method, split, metric) for split in splits]
        lines.append([method, *cells, *ours, source])
    return markdown(lines)


def _ours(measured: Sequence[Row], method: str, split: str, metric: str) -> str:
    """Our mean and interval for a published number; with the mark if selected on test clips."""
    for mark, suffix in (("", ""), ("", ", val-best"), (" †", ", test-best")):
        for name in (method, f"{method} pre-trained"):
            found = values(measured, method=name, split=split, metric=metric + suffix)
            if found:
                return mean_and_interval(found) + mark
    return "-"
