"""The table that says what the recordings of a folder show."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import NamedTuple, NoReturn

from pyg_skeletonmae.errors import SkeletonFormatError
from pyg_skeletonmae.files.names import nfc
from pyg_skeletonmae.files.plain import open_plain
from pyg_skeletonmae.io.npz import require_file

MAX_BYTES = 64 * 2**20
_KNOWN = ("file", "label", "subject")
_MAX_CELL, _MAX_SUBJECT = 1000, 2**31
_NUMBERED = re.compile(r"(\D*)(\d{1,9})(\D*)", re.ASCII)


class Labelled(NamedTuple):
    """A row of the table.

    Args:
        file: The recording, relative to its folder, with ``/``.
        label: Its class, empty if the table has no column of labels.
        subject: Its performer, -1 if the table does not say it.
        performer: What the table calls the performer, if that is no number.
        extra: What stands in further columns, by their names.
    """

    file: str
    label: str
    subject: int
    performer: str = ""
    extra: tuple[tuple[str, str], ...] = ()


def read_label_csv(path: str | Path) -> tuple[Labelled, ...]:
    """Reads a CSV file with a column ``file`` and, if you like, ``label``, ``subject`` and others.

    The first line holds the names of the columns. Cells stand between commas, ``;`` or tabs, and
    may stand in double quotes; blanks around a cell and empty lines do not count. ``file`` is a
    path inside the folder of the recordings, ``label`` any text, ``subject`` a whole number from 0,
    or a name: of names such as ``P01`` that differ in a number only this number is taken, others
    are counted from 1 in their order. Cells of ``subject`` and of further columns may be empty.

    Raises:
        SkeletonFormatError: The file is missing or not as above, a path leads out of the folder, or
            a recording stands twice; the message names the line.
    """
    path = require_file(path, "a CSV file of labels")
    rows = _rows(path)
    number, head = next(rows, (1, []))
    lower = [name.lower() for name in head]
    if "file" not in lower or not all(head) or len(set(lower)) < len(head):
        _fail(path, number, "the columns file,label,subject and others, each once", ",".join(head))
    table: dict[str, Labelled] = {}
    for number, cells in rows:
        row = dict(zip(lower, cells, strict=False))
        if len(cells) != len(head) or not row["file"] or not row.get("label", "-"):
            _fail(path, number, f"{len(head)} cells, file and label not empty", ",".join(cells))
        if not "".join(cells).isprintable() or max(map(len, cells)) > _MAX_CELL:
            _fail(path, number, f"printable text, at most {_MAX_CELL} characters", ",".join(cells))
        file = PurePosixPath(row["file"].replace("\\", "/"))
        if file.is_absolute() or ".." in file.parts or ":" in file.parts[0]:
            _fail(path, number, "a path inside the folder", row["file"])
        if str(file) in table:
            _fail(path, number, "each file once", row["file"])
        who = row.get("subject", "")
        extra = tuple((n, row[n.lower()]) for n in head if n.lower() not in _KNOWN)
        subject = -1  # of a name, or of nobody
        if who and not who[0].isalpha():
            digits = who.isascii() and who.isdigit() and len(who) < 11
            if not (digits and (subject := int(who)) < _MAX_SUBJECT):
                _fail(path, number, "a subject that is a whole number from 0, or a name", who)
        table[str(file)] = Labelled(str(file), row.get("label", ""), subject, who, extra)
    if not table:
        _fail(path, number, "a recording", "the end of the file")
    return tuple(_with_numbers(list(table.values())))


def _with_numbers(rows: list[Labelled]) -> list[Labelled]:
    """Rows whose performers have numbers: those of the table, or if one is a name, of all names."""
    names = sorted({row.performer for row in rows if row.performer})
    if all(row.subject >= 0 for row in rows if row.performer):
        return [row._replace(performer="") for row in rows]
    forms = [_NUMBERED.fullmatch(name) for name in names]
    around = {(form[1], form[3]) for form in forms if form}
    numbers = [int(form[2]) for form in forms if form]
    if len(around) > 1 or len(set(numbers)) < len(names):
        numbers = list(range(1, len(names) + 1))
    number = dict(zip(names, numbers, strict=True)) | {"": -1}
    return [row._replace(subject=number[row.performer]) for row in rows]


def _rows(path: Path) -> Iterator[tuple[int, list[str]]]:
    """The number and the cells of each line that is not empty, in the composed form of Unicode."""
    with open_plain(path) as file:
        data = file.read(MAX_BYTES + 1)
    if len(data) > MAX_BYTES:
        _fail(path, 1, f"at most {MAX_BYTES} bytes", "more")
    try:
        lines = data.decode("utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        _fail(path, data.count(b"\n", 0, error.start) + 1, "UTF-8 text", "other bytes")
    head = next((line for line in lines if line.strip()), "")
    between = next((mark for mark in ("\t", ";") if mark in head.strip()), ",")
    for number, line in enumerate(lines, 1):
        try:
            reader = csv.reader([line], delimiter=between, strict=True, skipinitialspace=True)
            cells = next(reader, [])
        except csv.Error as error:
            _fail(path, number, "cells, in double quotes if they hold a comma", str(error))
        if any(cell.strip() for cell in cells):
            yield number, [nfc(cell.strip()) for cell in cells]


def _fail(path: Path, number: int, expected: str, found: str) -> NoReturn:
    raise SkeletonFormatError(path, f"line {number}", expected, f"{found!r:.60}") from None
