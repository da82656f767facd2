"""Tables of numbers under rows of names, read line by line."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

import numpy as np

from pyg_skeletonmae.errors import SkeletonFormatError
from pyg_skeletonmae.files.names import nfc
from pyg_skeletonmae.files.plain import open_plain
from pyg_skeletonmae.io.npz import Array, require_file
from pyg_skeletonmae.io.poses import check_size

MAX_COLUMNS = 20_000
_MAX_LINE = 2**20
_CHARACTERS = re.compile(r"[0-9eE+\-. ,nNaA]*")


class CsvFile:
    """A comma-separated file, its names first and one row of numbers a frame after them.

    Args:
        path: The file, UTF-8, with ``,`` between the cells. Names may stand in double quotes, but
            hold no comma. Empty lines may stand at the end only.

    Raises:
        SkeletonFormatError: The file is missing or is no such text; the message names the line.
    """

    def __init__(self, path: str | Path) -> None:
        self.path, self.number = require_file(path, "a CSV file"), 0
        self._lines = self._read()
        self._columns = 0

    def names(self) -> list[str]:
        """The cells of the next line, in one form of Unicode, without blanks and quotes around."""
        line = next(self._lines, None)
        if line is None:
            self.fail("a row of names", "the end of the file")
        if (commas := line.count(",")) >= MAX_COLUMNS:
            self.fail(f"at most {MAX_COLUMNS} columns", f"{commas + 1}")
        cells = [nfc(cell.strip()) for cell in line.split(",")]
        cells = [c[1:-1].strip() if len(c) > 1 and c[0] == c[-1] == '"' else c for c in cells]
        if self._columns not in (0, len(cells)):
            self.fail(f"{self._columns} names as above", f"{len(cells)}")
        self._columns = len(cells)
        return cells

    def numbers(self) -> Array:
        """All further lines, ``[T, columns]``, float64, NaN where a cell is empty or ``nan``."""
        return self.named_rows(0)[1]

    def named_rows(self, names: int) -> tuple[list[list[str]], Array]:
        """All further lines: so many cells as text, and the others, ``[T, columns - names]``."""
        texts: list[list[str]] = []
        rows: list[Array] = []
        for line in self._lines:
            if not line.strip():
                first_blank = self.number
                if any(map(str.strip, self._lines)):
                    self.number = first_blank
                    self.fail("numbers", "an empty line")
                break
            if line.count(",") + 1 != self._columns:
                self.fail(f"{self._columns} cells", f"{line.count(',') + 1}")
            *first, line = line.split(",", names)
            texts.append([cell.strip().strip('"') for cell in first])
            try:
                if not _CHARACTERS.fullmatch(line):  # float() also knows 'inf' and '1_0'
                    raise ValueError
                row = [float(cell) if cell.strip() else math.nan for cell in line.split(",")]
            except ValueError:
                self.fail("numbers", f"{line!r:.60}")
            if any(map(math.isinf, row)):
                self.fail("finite numbers", "infinity")
            rows.append(np.array(row))
            check_size(self.path, (2, len(rows), self._columns, 1))  # 2: float64
        if not rows:
            self.fail("a row of numbers", "the end of the file")
        return texts, np.stack(rows)

    def fail(self, expected: str, found: str) -> NoReturn:
        """Raises :class:`SkeletonFormatError` about the line read last."""
        raise SkeletonFormatError(self.path, f"line {self.number}", expected, found) from None

    def _read(self) -> Iterator[str]:
        try:
            with open_plain(self.path) as file:
                while line := file.readline(_MAX_LINE + 1):
                    self.number += 1
                    if len(line) > _MAX_LINE:
                        self.fail(f"at most {_MAX_LINE} bytes in a line", "more")
                    encoding = "utf-8-sig" if self.number == 1 else "utf-8"  # as Excel writes it
                    yield line.decode(encoding).rstrip("\r\n")
        except UnicodeDecodeError:
            self.fail("UTF-8 text", "other bytes")
        except OSError as error:
            self.fail("a readable file", str(error))


def frame_rows(file: CsvFile, frames: Array) -> Array:
    """The row of each frame from the first to the last, ``[T]``, -1 where the file has none.

    Args:
        file: The file, for errors.
        frames: The frame numbers, ``[rows]``.

    Raises:
        SkeletonFormatError: A number is no whole number from 0, or is not larger than the one
            before it, or the frames are too many.
    """
    number = np.nan_to_num(frames, nan=-1.0)
    if (bad := (number < 0) | (number > 1e9) | (number != np.floor(number))).any():
        found = f"{frames[bad][0]:g} in row {int(bad.argmax())}"
        raise SkeletonFormatError(file.path, "the frame numbers", "whole numbers from 0", found)
    if (np.diff(number) <= 0).any():
        found = f"{number[1:][np.diff(number) <= 0][0]:g} after a larger or equal one"
        raise SkeletonFormatError(file.path, "the frame numbers", "numbers that grow", found)
    place = (number - number[0]).astype(np.int64)
    check_size(file.path, (1, int(place[-1]) + 1, 1, 1))
    rows = np.full(int(place[-1]) + 1, -1)
    rows[place] = np.arange(len(place))
    return rows
