"""What a folder of poses holds, before it is read: recordings, labels, people."""

from __future__ import annotations

import hashlib
import math
import re
from collections.abc import Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import NamedTuple

from pyg_skeletonmae.datasets.sets.pose_formats import (
    FORMATS,
    PoseFormatName,
    PoseTask,
    ReadPoses,
    check_options,
    find_recordings,
    get_format,
    pose_skeleton,
)
from pyg_skeletonmae.errors import ConfigError, DataError, SkeletonFormatError
from pyg_skeletonmae.files.names import nfc
from pyg_skeletonmae.io.label_csv import Labelled, read_label_csv
from pyg_skeletonmae.io.landmark_columns import TableOptions
from pyg_skeletonmae.io.landmark_table import read_table_labels
from pyg_skeletonmae.io.poses import PoseOptions
from pyg_skeletonmae.skeleton import Skeleton

LABELS = "labels.csv"
_NAME = re.compile(r"\w{1,40}")
_TAKEN = ("fps", "subject", "label", "name", "file")
_SHOWN = 20


class PosePlan(NamedTuple):
    """The recordings of a folder and how they are read.

    Args:
        reader: Reads one.
        tasks: The recordings.
        class_names: The classes, None without labels.
        dropped: ``(name, reason)`` of what is not read.
        notes: What the card says about the folder and the table of labels.
        table: The table of labels, if there is one.
        digest: What tells it from other settings.
    """

    reader: ReadPoses
    tasks: list[PoseTask]
    class_names: list[str] | None
    dropped: list[tuple[str, str]]
    notes: list[str]
    table: Path | None
    digest: str


def plan_poses(
    root: str | Path,
    labels: str | None,
    skeleton: Skeleton | str | Path | None,
    format: PoseFormatName,
    options: PoseOptions,
    class_names: Sequence[str] | None,
    table: TableOptions,
) -> PosePlan:
    """Looks into a folder; for the arguments see :class:`~pyg_skeletonmae.datasets.PoseFolder`.

    Raises:
        ConfigError: There is no such format, or the options mean nothing for it.
        DataError: There is no such folder, no recording in it, or a label is not known.
        SkeletonFormatError: The table of labels is missing or damaged.
        SkeletonError: The skeleton is not known.
    """
    export = get_format(format).export
    check_options(format, options, table)
    root = Path(root)
    if not root.is_dir():
        raise DataError(f"{root}: no such folder")
    if table.label_column is not None and labels == LABELS and not (root / LABELS).exists():
        labels = None
    rows = None if labels is None else read_label_csv(root / labels)
    paths, notes = find_recordings(root, format, labels)
    if not paths:
        others = [name for name in FORMATS if find_recordings(root, name, labels).paths]
        told = export or (f"there are files as of {', '.join(others)}: name one" if others else "")
        hints = "".join(f"; {note}" for note in [*notes, *([told] if told else [])])
        raise DataError(f"{root}: no recording of the format {format!r}{hints}")
    layout = pose_skeleton(format, skeleton, paths.values())
    texts = {row.label for row in rows or () if row.label}
    read_labels = get_format(format).labels
    if table.label_column is not None:
        if texts:
            raise ConfigError("label_column=, labels=: both say what is shown; give one of them")
        read_labels = partial(read_table_labels, table=table)
    inside = read_labels is not None and not texts
    if read_labels is not None and inside:
        for path in paths.values():
            with suppress(SkeletonFormatError):  # told when the file is read
                texts |= read_labels(path)
    names = _class_names(texts, class_names)
    reader = ReadPoses(format, layout, options, table, tuple(names or ()), inside)
    tasks, dropped = _tasks(root, paths, rows, names)
    settings = repr((layout.to_dict(), options, table, rows, names))
    return PosePlan(
        reader=reader,
        tasks=tasks,
        class_names=names,
        dropped=dropped,
        notes=[*notes, *_notes(rows)],
        table=None if labels is None else root / labels,
        digest=hashlib.sha256(settings.encode()).hexdigest()[:8],
    )


def _tasks(
    root: Path,
    paths: dict[str, Path],
    rows: tuple[Labelled, ...] | None,
    names: list[str] | None,
) -> tuple[list[PoseTask], list[tuple[str, str]]]:
    """What is to be read, and what is not because the table does not name it."""
    if rows is None:
        return [PoseTask(path, name) for name, path in paths.items()], []
    number: dict[str, int | None] = {name: label for label, name in enumerate(names or ())}
    keys = [name for name, values in _columns(rows).items() if values is not None]
    tasks = [
        PoseTask(
            paths.get(row.file, root / row.file),
            row.file,
            number[row.label] if row.label else None,
            row.subject,
            tuple((key, _number(dict(row.extra)[key])) for key in keys),
        )
        for row in rows
    ]
    files = {row.file for row in rows}
    return tasks, [(name, "not in the table of labels") for name in paths if name not in files]


def _columns(rows: Sequence[Labelled]) -> dict[str, list[float] | None]:
    """The further columns of a table of labels: their numbers, None if they are none."""
    columns: dict[str, list[float] | None] = {}
    for place, (name, _) in enumerate(rows[0].extra):
        cells = [row.extra[place][1] for row in rows]
        values = [_number(cell) for cell in cells]
        good = all(math.isfinite(v) or not cell for v, cell in zip(values, cells, strict=True))
        usable = good and any(cells) and _NAME.fullmatch(name) and name.lower() not in _TAKEN
        columns[name] = values if usable else None
    return columns


def _number(cell: str) -> float:
    try:
        return float(cell)
    except ValueError:
        return math.nan


def _notes(rows: tuple[Labelled, ...] | None) -> list[str]:
    """What becomes of the table's further columns and of performers with names."""
    notes, columns = [], _columns(rows) if rows else {}
    numbers = [name for name, values in columns.items() if values is not None]
    others = [name for name in columns if name not in numbers]
    if numbers:
        notes.append(f"columns of the table of labels: {', '.join(numbers)}")
    if others:
        notes.append(f"not kept of the table of labels, no numbers: {', '.join(others)}")
    people = sorted({(row.subject, row.performer) for row in rows or () if row.performer})
    if people:
        names = ", ".join(f"{number} = {name}" for number, name in people[:_SHOWN])
        notes.append(f"subjects: {names}{', ...' if people[_SHOWN:] else ''}")
    return notes


def _class_names(labels: set[str], class_names: Sequence[str] | None) -> list[str] | None:
    if not labels:
        return None
    if class_names is None:
        numbers = all(label.isascii() and label.isdigit() for label in labels)
        return sorted(labels, key=lambda label: (int(label) if numbers else 0, label))
    class_names = [nfc(name) for name in class_names]
    if unknown := labels - set(class_names):
        raise DataError(f"label {min(unknown)!r}: expected one of {', '.join(class_names)}")
    return class_names
