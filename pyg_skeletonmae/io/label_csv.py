"""The table that says what the recordings of a folder show."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import NamedTuple, NoReturn

from pyg_skeletonmae.errors import SkeletonFormatError
from pyg_skeletonmae.io.npz import require_file
from pyg_skeletonmae.plain_file import open_plain

MAX_BYTES = 64 * 2**20
_MAX_CELL, _MAX_SUBJECT = 1000, 2**31
_HEADS = (["file", "label"], ["file", "label", "subject"])


class Labelled(NamedTuple):
    """A row of the table.

    Args:
        file: The recording, relative to its folder, with ``/``.
        label: Its class.
        subject: Its performer, -1 if the table does not say it.
    """

    file: str
    label: str
    subject: int


def read_label_csv(path: str | Path) -> tuple[Labelled, ...]:
    """Reads a CSV file with the columns ``file``, ``label`` and, if you like, ``subject``.

    The first line holds these names. Cells may stand in double quotes; blanks around a cell and
    empty lines do not count. ``file`` is a path inside the folder of the recordings, ``label`` any
    text, ``subject`` a whole number from 0.

    Raises:
        SkeletonFormatError: The file is missing or not as above, a cell is empty, a path leads out
            of the folder, or a recording stands twice; the message names the line.
    """
    path = require_file(path, "a CSV file of labels")
    rows = _rows(path)
    number, head = next(rows, (1, []))
    if [name.lower() for name in head] not in _HEADS:
        _fail(path, number, "the columns file,label or file,label,subject", ",".join(head))
    found: dict[str, Labelled] = {}
    for number, cells in rows:
        if len(cells) != len(head) or not all(cells):
            _fail(path, number, f"{len(head)} cells that are not empty", ",".join(cells))
        if not "".join(cells).isprintable() or max(map(len, cells)) > _MAX_CELL:
            _fail(path, number, f"printable text, at most {_MAX_CELL} characters", ",".join(cells))
        file = PurePosixPath(cells[0].replace("\\", "/"))
        if file.is_absolute() or ".." in file.parts or ":" in file.parts[0]:
            _fail(path, number, "a path inside the folder", cells[0])
        if str(file) in found:
            _fail(path, number, "each file once", cells[0])
        found[str(file)] = Labelled(str(file), cells[1], _subject(path, number, cells))
    if not found:
        _fail(path, number, "a recording", "the end of the file")
    return tuple(found.values())


def _rows(path: Path) -> Iterator[tuple[int, list[str]]]:
    """The number and the cells of each line that is not empty."""
    with open_plain(path) as file:
        data = file.read(MAX_BYTES + 1)
    if len(data) > MAX_BYTES:
        _fail(path, 1, f"at most {MAX_BYTES} bytes", "more")
    try:
        lines = data.decode("utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        _fail(path, data.count(b"\n", 0, error.start) + 1, "UTF-8 text", "other bytes")
    for number, line in enumerate(lines, 1):
        try:
            cells = next(csv.reader([line], strict=True, skipinitialspace=True), [])
        except csv.Error as error:
            _fail(path, number, "cells, in double quotes if they hold a comma", str(error))
        if any(cell.strip() for cell in cells):
            yield number, [cell.strip() for cell in cells]


def _subject(path: Path, number: int, cells: list[str]) -> int:
    if len(cells) < 3:
        return -1
    text = cells[2]
    if not (text.isascii() and text.isdigit() and len(text) < 11 and int(text) < _MAX_SUBJECT):
        _fail(path, number, "a subject that is a whole number from 0", text)
    return int(text)


def _fail(path: Path, number: int, expected: str, found: str) -> NoReturn:
    raise SkeletonFormatError(path, f"line {number}", expected, f"{found!r:.60}") from None
