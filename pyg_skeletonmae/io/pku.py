"""PKU-MMD: long recordings of two bodies of 25 joints, the actions in them, and the splits."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Literal, NamedTuple, NoReturn

import numpy as np

from pyg_skeletonmae.errors import ConfigError, SkeletonFormatError
from pyg_skeletonmae.files.plain import open_plain
from pyg_skeletonmae.io.npz import Array, require_file
from pyg_skeletonmae.skeleton.layouts import NTU25

NUM_BODIES, NUM_CLASSES = 2, 51
MAX_BYTES = 256 * 2**20
_MAX_FRAME = 2**31
_COLUMNS = NUM_BODIES * NTU25.num_joints * 3
_NUMBERS = b"0123456789+-.eE \t\r\n"


class PkuAction(NamedTuple):
    """A line of a label file.

    Args:
        action: The class from 1.
        start: The first frame, used from 0 as it is written.
        end: The frame after the last.
        confidence: The annotators' quality value, None where the file has no such column.
    """

    action: int
    start: int
    end: int
    confidence: float | None


class PkuSplit(NamedTuple):
    """The names of a split file, as written; MAMP tests on all recordings that do not train."""

    train: tuple[str, ...]
    validation: tuple[str, ...]


def read_pku(path: str | Path) -> Array:
    """Reads a skeleton file: a line of 150 numbers for each frame, body 1 then body 2.

    Blanks at the ends of lines, any kind of line end and empty lines at the end are accepted.

    Returns:
        Metres, ``[2, T, V, 3]``, float32; a body that is absent is zero.

    Raises:
        SkeletonFormatError: The file is missing, empty, or a line does not hold 150 finite numbers;
            the message names the line.
    """
    path = require_file(path, "a skeleton file of PKU-MMD")
    content = _text(path, _NUMBERS).rstrip()
    if not content:
        _fail(path, "line 1", f"{_COLUMNS} numbers", "an empty file")
    lines = content.split("\n")
    text = np.frombuffer("\n".join(lines).encode(), np.uint8) > ord(" ")
    fields = int(np.count_nonzero(text[1:] > text[:-1])) + int(text[0])
    try:
        # Columns are asked for by number, so a line of too few is an error.
        values = np.loadtxt(lines, np.float64, comments=None, usecols=range(_COLUMNS), ndmin=2)
    except ValueError:
        values = np.empty(0)
    if len(values) != len(lines) or fields != len(lines) * _COLUMNS:
        _fail_at_line(path, lines)
    with np.errstate(over="ignore"):
        rows = values.astype(np.float32)
    if not np.isfinite(rows).all():
        line = int(np.argmin(np.isfinite(rows).all(1)))
        _fail(path, f"line {line + 1}", "numbers that float32 can hold", "larger ones")
    bodies = rows.reshape(len(rows), NUM_BODIES, NTU25.num_joints, 3)
    return np.ascontiguousarray(bodies.transpose(1, 0, 2, 3))


def read_pku_labels(
    path: str | Path,
    num_frames: int | None = None,
    ranges: Literal["error", "keep"] = "error",
) -> tuple[PkuAction, ...]:
    """Reads a label file: ``action,start,end[,confidence]`` in each line; empty lines are skipped.

    Args:
        path: The file; it may hold no action at all.
        num_frames: The frames of the recording; None = unknown.
        ranges: What to do about an action that ends before it begins or after the recording:
            raise, or keep it as it is written, as MAMP's converter does (which then cuts it short
            or leaves it out).

    Raises:
        SkeletonFormatError: The file is missing or damaged, a class is not one of 1 to 51, or a
            range is none; the message names the line.
    """
    if ranges not in ("error", "keep"):
        raise ConfigError(f"ranges={ranges!r}: expected 'error' or 'keep'")
    path = require_file(path, "a label file of PKU-MMD")
    actions = []
    for number, line in enumerate(_text(path, _NUMBERS + b",").splitlines(), 1):
        if not line.strip():
            continue
        fields = line.split(",")
        try:
            label, start, end = (int(field) for field in fields[:3])
            confidence = float(fields[3]) if len(fields) > 3 else None
        except ValueError:
            fields = []
        where = f"line {number}"
        if len(fields) not in (3, 4) or not math.isfinite(confidence or 0):
            _fail(path, where, "action,start,end[,confidence]", repr(line[:40]))
        if not 1 <= label <= NUM_CLASSES:
            _fail(path, where, f"a class from 1 to {NUM_CLASSES}", str(label)[:40])
        if start < 0:
            _fail(path, where, "a start from 0", str(start)[:40])
        if max(start, abs(end)) > _MAX_FRAME:
            _fail(path, where, f"frames up to {_MAX_FRAME}", f"{start} to {end}"[:80])
        action = PkuAction(label, start, end, confidence)
        last = action.end if num_frames is None else num_frames
        if ranges == "error" and not action.start < action.end <= last:
            expected = "a start before an end" + ("" if num_frames is None else f" up to {last}")
            _fail(path, where, expected, f"{action.start} to {action.end}")
        actions.append(action)
    return tuple(actions)


def read_pku_split(path: str | Path) -> PkuSplit:
    """Reads a split file: a line of names after ``Training ...:``, one after ``Vali...:``.

    Raises:
        SkeletonFormatError: The file is missing, damaged, or not of that form, a name stands twice,
            or there is no name to train on.
    """
    path = require_file(path, "a split file of PKU-MMD")
    lines = [line.strip() for line in _text(path).splitlines()]
    lines = [*lines, *[""] * (4 - len(lines))]
    for number, word in ((0, "Training"), (2, "Vali")):
        if not (lines[number].startswith(word) and lines[number].endswith(":")):
            _fail(path, f"line {number + 1}", f"'{word}...:'", repr(lines[number][:40]))
    if any(lines[4:]):
        _fail(path, "line 5", "the end of the file", "more lines")
    train, validation = (
        tuple(name.strip() for name in lines[number].split(",") if name.strip())
        for number in (1, 3)
    )
    if not train:
        _fail(path, "line 2", "names, separated by commas", "none")
    if len({*train, *validation}) != len(train) + len(validation):
        _fail(path, "the names", "each of them once", "one that stands twice")
    return PkuSplit(train, validation)


def _text(path: Path, characters: bytes | None = None) -> str:
    with open_plain(path) as file:
        data = file.read(MAX_BYTES + 1)
    if len(data) > MAX_BYTES:
        _fail(path, "the file", f"at most {MAX_BYTES} bytes", "more")
    data = data.removeprefix(b"\xef\xbb\xbf").replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    printable = bytes(range(ord(" "), 127)) + b"\t\n"
    foreign = data.translate(None, printable if characters is None else characters)
    if foreign:
        number = data.count(b"\n", 0, data.index(foreign[:1])) + 1
        expected = "plain text" if characters is None else "numbers"
        _fail(path, f"line {number}", expected, repr(chr(foreign[0])))
    return data.decode("ascii")


def _fail_at_line(path: Path, lines: list[str]) -> NoReturn:
    for number, line in enumerate(lines, 1):
        fields = line.split()
        if len(fields) != _COLUMNS:
            _fail(path, f"line {number}", f"{_COLUMNS} numbers", f"{len(fields)} fields")
        for field in fields:
            try:
                float(field)
            except ValueError:
                _fail(path, f"line {number}", "numbers", repr(field[:40]))
    _fail(path, "the file", f"{_COLUMNS} numbers in each line", "something else")


def _fail(path: Path, where: str, expected: str, found: str) -> NoReturn:
    raise SkeletonFormatError(path, where, expected, found)
