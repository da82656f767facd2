"""Tables of text as people have them: any separator, decimal mark and usual encoding."""

from __future__ import annotations

import codecs
import csv
import io
import math
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NoReturn

from pyg_skeletonmae.errors import SkeletonFormatError
from pyg_skeletonmae.io.npz import require_file

MAX_COLUMNS = 20_000
_MAX_LINE, _SAMPLE = 2**20, 10
_BLANK = " "
_SEPARATORS = ("\t", ";", "|", ",", _BLANK)  # those that stand in no number and no name first
_CHARACTERS = re.compile(r"[0-9eE+\-.,nNaA]*")  # float() also knows 'inf' and '1_0'
_THOUSANDS = re.compile(r"[+-]?[1-9]\d{0,2}(,\d{3})+", re.ASCII)
_SAID = re.compile(r"sep=(.)", re.IGNORECASE)  # a first line for Excel


class TextTable:
    r"""Rows of cells.

    The cells stand between tabs, ``;``, ``|``, ``,`` or blanks: the first of these that cuts the
    first lines into equally many cells, more than one. Cells may stand in double quotes.

    Args:
        path: The file, UTF-8, or UTF-16 with its mark. Empty lines may stand at the end only.
        kind: What it should be, for the error if it is missing.

    Raises:
        SkeletonFormatError: The file is missing or is no such text; the message names the line.

    Attributes:
        separator: What stands between the cells.
        number: The line read last, from 1.
    """

    def __init__(self, path: str | Path, kind: str = "a table of text") -> None:
        self.path, self.number = require_file(path, kind), 0
        self._mark: str | None = None  # of decimals
        self._doubt, self._decimals = "", False  # a cell like 1,234; a comma of decimals
        with self.path.open("rb") as file:
            start = file.read(4)
        utf16 = start[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
        self._encoding = "utf-16" if utf16 else "utf-8"
        sample = [line for line, _ in zip(self._lines(), range(_SAMPLE), strict=False)]
        mark = _SAID.fullmatch(sample[0]) if sample else None
        self.separator, self._skip = (mark[1], 1) if mark else (self._find_separator(sample), 0)
        self.number = 0

    def rows(self) -> Iterator[list[str]]:
        """The cells of each line, without blanks around them."""
        empty = 0
        for line in self._lines():
            if self.number <= self._skip:
                continue
            if not line.strip():
                empty = empty or self.number
                continue
            if empty:
                self.number = empty
                self.fail("cells", "an empty line")
            yield self._cells(line, self.separator)

    def numbers(self, cells: Sequence[str], names: Sequence[str]) -> list[float]:
        """The numbers in some cells of a row, NaN where a cell is empty or ``nan``.

        Args:
            cells: The cells.
            names: What their columns are called, for errors.
        """
        text = "".join(cells)
        if "," in text:
            self._set_mark(",", cells, names)
            commas = [cell for cell in cells if "," in cell]
            if not all(map(_THOUSANDS.fullmatch, commas)):
                self._decimals = True
            elif not self._doubt:
                self._doubt = commas[0]
        if "." in text:
            self._set_mark(".", cells, names)
        row = []
        for cell, name in zip(cells, names, strict=True):
            try:
                row.append(float(cell.replace(",", ".")) if cell else math.nan)
            except ValueError:
                self.fail("numbers, or empty cells", f"{cell!r:.60}", name)
        if not _CHARACTERS.fullmatch(text) or any(map(math.isinf, row)):
            plain = [
                _CHARACTERS.fullmatch(c) and not math.isinf(x)
                for c, x in zip(cells, row, strict=True)
            ]
            bad = next(place for place, good in enumerate(plain) if not good)
            self.fail("finite numbers, or empty cells", f"{cells[bad]!r:.60}", names[bad])
        return row

    def finish(self) -> None:
        """Raises :class:`SkeletonFormatError` if all commas read may have been thousands marks."""
        if self._doubt and not self._decimals:
            found = f"only such as {self._doubt!r:.60}, that may be thousands"
            self.fail("decimal points, or decimal commas that can be nothing else", found)

    def fail(self, expected: str, found: str, column: str | None = None) -> NoReturn:
        """Raises :class:`SkeletonFormatError` about the line read last."""
        where = f"line {self.number}" + ("" if column is None else f", column {column!r:.60}")
        raise SkeletonFormatError(self.path, where, expected, found) from None

    def _lines(self) -> Iterator[str]:
        self.number = 0
        try:
            with self.path.open("rb") as file:
                text = io.TextIOWrapper(file, "utf-16") if self._encoding == "utf-16" else None
                while line := (text or file).readline(_MAX_LINE + 1):
                    self.number += 1
                    if len(line) > _MAX_LINE:
                        self.fail(f"at most {_MAX_LINE} bytes in a line", "more")
                    if isinstance(line, bytes):
                        line = line.decode("utf-8-sig" if self.number == 1 else "utf-8")
                    yield line.rstrip("\r\n")
        except UnicodeError:
            self.fail("UTF-8 text", "other bytes")
        except OSError as error:
            self.fail("a readable file", str(error))

    def _cells(self, line: str, separator: str) -> list[str]:
        if line.count(separator) >= MAX_COLUMNS:
            self.fail(f"at most {MAX_COLUMNS} columns", f"{line.count(separator) + 1}")
        if separator == _BLANK:
            line = " ".join(line.split())
        try:
            reader = csv.reader([line], delimiter=separator, strict=True, skipinitialspace=True)
            return [cell.strip() for cell in next(reader, [])]
        except csv.Error as error:
            self.fail("cells, in double quotes if they hold what stands between them", str(error))

    def _find_separator(self, sample: Sequence[str]) -> str:
        lines = [line for line in sample if line.strip()]
        best, most = ",", 1
        for separator in _SEPARATORS:
            try:
                counts = [len(self._cells(line, separator)) for line in lines]
            except SkeletonFormatError:
                continue
            if len(set(counts)) == 1 and counts[0] > 1:
                return separator
            if separator != _BLANK and counts and counts[0] > most:
                best, most = separator, counts[0]
        return best

    def _set_mark(self, mark: str, cells: Sequence[str], names: Sequence[str]) -> None:
        if self._mark not in (None, mark):
            place = next(i for i, cell in enumerate(cells) if mark in cell)
            found = f"{cells[place]!r:.60} after numbers with {self._mark!r}"
            self.fail("one decimal mark in the whole file", found, names[place])
        self._mark = mark
