"""The table of results: a row per run and metric, and what is computed from rows."""

from __future__ import annotations

import csv
import fcntl
import hashlib
import io
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any

import yaml

from pyg_skeletonmae.evaluation import confidence_interval
from pyg_skeletonmae.files.write import write_text

# Two rows never share them.
ABOUT = ["data", "split", "protocol", "method", "pipeline", "seed", "metric"]
COLUMNS = [
    "data", "split", "protocol", "method", "config", "pipeline", "seed", "metric", "value",
    "clips_seen", "seconds", "peak_mib", "data_hash", "config_hash", "commit",
]  # fmt: skip
OURS = "ours"
# Settings that say where a run was made, or how often, but not what it is.
_LOCAL = {
    "out", "resume", "verify", "config", "seed", "pretrained", "keep_memory", "curve", "pictures",
    "data.path", "data.cache", "data.store_cache", "data.store_cache_gb",
    "data.label_draw", "data.label_file", "data.licence",
    "devices", "num_nodes", "timeout",
    "trainer.seed", "trainer.progress", "trainer.devices", "trainer.keep_last",
    "trainer.max_bad_steps", "trainer.num_nodes", "trainer.timeout",
}  # fmt: skip
# What settings that are younger than some rows mean where nobody gave them.
_YOUNGER = {
    "data.pipeline": OURS, "data.views": None, "data.align": None, "data.fill": None,
    "data.scores": None, "data.labels_per_class": None, "tune.clips": None,
    "trainer.optim.read_at": "ours", "trainer.optim.swa_start": None,
    "trainer.optim.swa_lr": None, "trainer.optim.swa_anneal": 10,
    "trainer.compile_mode": "default",
    "tune.recipe": None, "tune.batch_size": None, "model.init_args.global_group": False,
    "model.init_args.decoder.init_args.global_group": False,
    "model.init_args.decoder.init_args.kernel_size": None, "trainer.batch_norm": "sync",
    "data.global_batch_size": None, "model.init_args.visible_weight": 0.0,
    "encoder.init_args.data_norm": "joint", "encoder.init_args.joint_gain": False,
    "model.init_args.decoder.init_args.average_weight": 0.0,
}  # fmt: skip
Row = dict[str, Any]


def measured(
    folder: Path, metrics: Mapping[str, str], start: Path | None, budget: Path
) -> list[Row]:
    """What a finished run found and what it took, a row per metric.

    Args:
        folder: The run folder.
        metrics: The keys of ``results.json`` that enter the table, by their name there.
        start: The folder of the pre-training that the run went on from.
        budget: The folder of the training whose clips, seconds and memory the rows tell.
    """
    results, took = (json.loads((path / "results.json").read_text()) for path in (folder, budget))
    path = folder / "run.json"
    info = json.loads(path.read_text()) if path.exists() else {}
    common = {name: round(took.get(name, 0)) for name in ("clips_seen", "seconds")} | {
        "peak_mib": took.get("peak_mib", ""),
        "data_hash": results.get("data_hash", "")[:12],
        "config_hash": config_hash(folder, start),
        "commit": info.get("commit") or "",
        "pipeline": _settings(folder).get("data", {}).get("pipeline", OURS),
    }
    return [
        {"metric": metric, "value": round(results[key], 4), **common}
        for key, metric in metrics.items()
    ]


def config_hash(folder: Path, start: Path | None = None) -> str:
    """What was run, in twelve digits: equal for seeds, folders and machines; "" if not recorded.

    Settings of the pre-training that a run started from count as its own.
    """
    settings = _settings(folder)
    if not settings:
        return ""
    told = _told(settings)
    if start is not None:
        told["pretrained"] = config_hash(start)
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()[:12]


def _told(settings: dict[str, Any], above: str = "") -> dict[str, Any]:
    """What says what a run is: nothing local, and nothing as it was before it had a name."""
    return {
        key: _told(value, f"{above}{key}.") if isinstance(value, dict) else value
        for key, value in settings.items()
        if above + key not in _LOCAL
        and not (above + key in _YOUNGER and value == _YOUNGER[above + key])
    }


def _settings(folder: Path) -> dict[str, Any]:
    """The settings of a run; none if they were not recorded."""
    path = folder / "config.yaml"
    settings: dict[str, Any] = yaml.safe_load(path.read_text()) if path.exists() else {}
    return settings


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Others who lock the folder wait meanwhile; a process that dies lets go."""
    with (folder / ".table.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def write_rows(path: Path, rows: Iterable[Row]) -> None:
    """Adds rows to the table; a row about the same thing is replaced.

    A row of another seed that was made with other settings says something else under the same
    name: it is deleted, and said so. Any number of processes may write at a time.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with locked(path.parent):
        added = {_about(row): row for row in ({"pipeline": OURS} | row for row in rows)}
        settings = {_but_seed(row): row.get("config_hash") for row in added.values()}
        kept = {}
        for row in read_rows(path):
            known = settings.get(_but_seed(row))
            if known and _about(row) not in added and known != row["config_hash"]:
                print(f"{', '.join(_about(row))}: deleted, of other settings")
            else:
                kept[_about(row)] = row
        text = io.StringIO(newline="")
        writer = csv.DictWriter(text, COLUMNS, restval="", lineterminator="\n")
        writer.writeheader()
        writer.writerows((kept | added).values())
        write_text(path, text.getvalue())


def read_rows(path: Path) -> list[Row]:
    """The rows of the table; none if there is no table yet. Columns it lacks are empty.

    Rows that name no pipeline were made when there was but ours.
    """
    if not path.exists():
        return []
    with path.open(newline="", encoding="utf-8") as file:
        rows = [dict.fromkeys(COLUMNS, "") | row for row in csv.DictReader(file)]
    return [row | {"pipeline": row["pipeline"] or OURS} for row in rows]


def _about(row: Row) -> tuple[str, ...]:
    return tuple(str(row[name]) for name in ABOUT)


def _but_seed(row: Row) -> tuple[str, ...]:
    return tuple(str(row[name]) for name in ABOUT if name != "seed")


def by_seed(rows: Iterable[Row], **wanted: str) -> dict[int, Row]:
    """Seed to row, of the rows with the wanted columns."""
    return {
        int(row["seed"]): row
        for row in rows
        if all(row[name] == value for name, value in wanted.items())
    }


def values(rows: Iterable[Row], **wanted: str) -> dict[int, float]:
    """Seed to value, of the rows with the wanted columns."""
    return {seed: float(row["value"]) for seed, row in by_seed(rows, **wanted).items()}


def mean_and_interval(found: dict[int, float]) -> str:
    """Mean and half width of the 95 % interval over seeds, in per cent; a dash if not measured."""
    if len(found) < 2:
        return "".join(f"{100 * value:.1f}" for value in found.values()) or "-"
    mean, half = confidence_interval([100 * value for value in found.values()])
    return f"{mean:.1f} ± {half:.1f}"


def paired_difference(a: dict[int, float], b: dict[int, float]) -> str | None:
    """Mean of a - b over common seeds and half width of its 95 % interval, in points.

    None if there are fewer than two common seeds.
    """
    seeds = sorted(a.keys() & b.keys())
    if len(seeds) < 2:
        return None
    mean, half = confidence_interval([100 * (a[seed] - b[seed]) for seed in seeds])
    return f"{mean:+.1f} ± {half:.1f}"


def median_minutes(rows: Iterable[Row]) -> str:
    """The median training time; a dash where nothing was trained."""
    seconds = median(float(row["seconds"] or 0) for row in rows)
    return f"{seconds / 60:.1f}" if seconds else "-"


def shown(metric: str) -> str:
    """How a metric is called on the page."""
    name, _, selected = metric.partition(", test-best")
    name = {"top1": "top-1", "mean_class": "mean of classes"}.get(name, name)
    return f"{name} †" if metric.endswith(", test-best") else name + selected


def markdown(lines: Sequence[Sequence[str]]) -> str:
    """A table, its head first."""
    head, *body = lines
    rows = [head, ["---"] * len(head), *body]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows) + "\n\n"
