"""The text of a BVH file: its joints, and one row of numbers a frame."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

import numpy as np

from pyg_skeletonmae.errors import SkeletonFormatError
from pyg_skeletonmae.files.plain import open_plain
from pyg_skeletonmae.io.npz import Array, require_file
from pyg_skeletonmae.io.number_text import field_bounds, parse_numbers
from pyg_skeletonmae.io.poses import check_size
from pyg_skeletonmae.skeleton.checks import MAX_JOINTS

_MAX_LINE, _BLOCK = 2**20, 2**18
_NUMBER_BYTES = b"0123456789eE+-. \t\r\n"
_FRAMES = re.compile(r"frames\s*:\s*(\d{1,9})", re.ASCII | re.IGNORECASE)
_FRAME_TIME = re.compile(r"frame\s+time\s*:\s*(\S+)", re.ASCII | re.IGNORECASE)
_CHARACTERS = re.compile(r"[0-9eE+\-. \t]*")
_CHANNEL = re.compile(r"([xyz])(position|rotation)", re.IGNORECASE)


@dataclass
class Channel:
    """A column of the motion: an axis (0, 1, 2), and whether it turns the joint or moves it."""

    axis: int
    turns: bool


@dataclass
class Joint:
    """A joint or an end site; ``parent`` is its index, -1 at the root; None = not read yet."""

    name: str
    parent: int
    is_end: bool = False
    offset: list[float] | None = None
    channels: list[Channel] | None = None


@dataclass(frozen=True)
class Motion:
    """A file: joints with parents before children, and their channels ``[T, N]``, float64."""

    joints: list[Joint]
    values: Array
    frame_time: float


def parse_bvh(path: str | Path) -> Motion:
    """Reads the text of a BVH file; see :func:`~pyg_skeletonmae.io.bvh.read_bvh`.

    Raises:
        SkeletonFormatError: It is no such text; the message names the line.
    """
    lines = _Lines(require_file(path, "a BVH file"))
    joints = _read_hierarchy(lines)
    frames = int(lines.match(_FRAMES, "'Frames: <number>'"))
    (frame_time,) = lines.numbers([lines.match(_FRAME_TIME, "'Frame Time: <seconds>'")], 1)
    if frames < 1 or not (frame_time > 0 and math.isfinite(1 / frame_time)):
        lines.fail("frames and a frame time above 0", f"{frames} frames of {frame_time:g} s")
    count = sum(len(joint.channels or ()) for joint in joints)
    check_size(lines.path, (1, frames, count, 1))
    return Motion(joints, _read_rows(lines, frames, count), frame_time)


class _Lines:
    """The lines of a file, read one by one, and the words of its hierarchy."""

    def __init__(self, path: Path) -> None:
        self.path, self.number = path, 0
        self._bytes = self._read_bytes()
        self._lines = self._read()
        self._words: Iterator[str] = iter(())

    def _read(self) -> Iterator[str]:
        for data in self._bytes:
            self.number += 1
            try:
                yield data.decode("utf-8-sig" if self.number == 1 else "utf-8").rstrip("\r\n")
            except UnicodeDecodeError:
                self.fail("UTF-8 text", "other bytes")

    def _read_bytes(self) -> Iterator[bytes]:
        try:
            with open_plain(self.path) as file:
                while line := file.readline(_MAX_LINE + 1):
                    if len(line) > _MAX_LINE:
                        self.number += 1
                        self.fail(f"at most {_MAX_LINE} bytes in a line", "more")
                    yield line
        except OSError as error:
            self.fail("a readable file", str(error))

    def blocks(self) -> Iterator[bytes]:
        """The rest of the file, many whole lines at a time; ``number`` is the line before."""
        size, block = 0, []
        for line in self._bytes:
            block.append(line)
            size += len(line)
            if size > _BLOCK:
                yield b"".join(block)
                self.number += len(block)
                size, block = 0, []
        yield b"".join(block)

    def word(self, expected: str) -> str:
        """The next word of the hierarchy."""
        while (word := next(self._words, None)) is None:
            line = next(self._lines, None)
            if line is None:
                self.fail(expected, "the end of the file")
            self._words = iter(line.split())
        return word

    def keyword(self, *keywords: str) -> str:
        """The next word, in lower case, which must be one of the keywords."""
        expected = " or ".join(keywords)
        word = self.word(expected)
        if word.lower() not in [keyword.lower() for keyword in keywords]:
            self.fail(expected, f"{word!r:.60}")
        return word.lower()

    def match(self, pattern: re.Pattern[str], expected: str) -> str:
        """The group of a pattern that the next line with words must match."""
        line = next((" ".join(words) for text in self._lines if (words := text.split())), None)
        if line is None:
            self.fail(expected, "the end of the file")
        if (match := pattern.fullmatch(line)) is None:
            self.fail(expected, f"{line!r:.60}")
        return match[1]

    def numbers(self, words: list[str], count: int) -> list[float]:
        """The words as so many finite numbers."""
        if len(words) != count:
            self.fail(f"{count} numbers", f"{len(words)}")
        try:
            if not _CHARACTERS.fullmatch(" ".join(words)):  # float() knows 'nan' and '1_0'
                raise ValueError
            numbers = [float(word) for word in words]
        except ValueError:
            self.fail(f"{count} plain numbers", f"{' '.join(words)!r:.60}")
        if not all(map(math.isfinite, numbers)):
            self.fail("finite numbers", "infinity")
        return numbers

    def end_of_line(self) -> None:
        """Raises if words are left on the line."""
        if (word := next(self._words, None)) is not None:
            self.fail("the end of the line", f"{word!r:.60}")

    def fail(self, expected: str, found: str) -> NoReturn:
        raise SkeletonFormatError(self.path, f"line {self.number}", expected, found) from None


def _read_hierarchy(lines: _Lines) -> list[Joint]:
    lines.keyword("HIERARCHY")
    lines.keyword("ROOT")
    joints: list[Joint] = []
    stack = [_open_joint(lines, joints, -1)]
    while stack:
        joint = joints[stack[-1]]
        keyword = lines.keyword(*_allowed(joint))
        if keyword == "}":
            stack.pop()
        elif keyword == "offset":
            joint.offset = lines.numbers([lines.word("3 numbers") for _ in range(3)], 3)
        elif keyword == "channels":
            joint.channels = _read_channels(lines)
        else:
            stack.append(_open_joint(lines, joints, stack[-1], is_end=keyword == "end"))
    lines.keyword("MOTION")
    lines.end_of_line()
    if not any(joint.channels for joint in joints):
        lines.fail("a joint with channels", "none")
    return joints


def _allowed(joint: Joint) -> tuple[str, ...]:
    """What may come next inside a joint: OFFSET, then CHANNELS, then its children."""
    if joint.offset is None:
        return ("OFFSET",)
    if joint.is_end:
        return ("}",)
    return ("CHANNELS",) if joint.channels is None else ("JOINT", "End", "}")


def _open_joint(lines: _Lines, joints: list[Joint], parent: int, is_end: bool = False) -> int:
    if len(joints) == MAX_JOINTS:
        lines.fail(f"at most {MAX_JOINTS} joints and end sites", "more")
    if is_end:
        lines.keyword("Site")
        name = f"{joints[parent].name}_End"
    else:
        name = lines.word("the name of a joint")
        if name in "{}":
            lines.fail("the name of a joint", repr(name))
    lines.keyword("{")
    joints.append(Joint(name, parent, is_end))
    return len(joints) - 1


def _read_channels(lines: _Lines) -> list[Channel]:
    count = lines.keyword(*map(str, range(7)))
    channels: list[Channel] = []
    for _ in range(int(count)):
        word = lines.word("the name of a channel")
        if (match := _CHANNEL.fullmatch(word)) is None:
            lines.fail("Xposition, Yposition, ... or Zrotation", f"{word!r:.60}")
        channel = Channel("xyz".index(match[1].lower()), match[2].lower() == "rotation")
        if channel in channels:
            lines.fail("each channel once", f"{word} twice")
        channels.append(channel)
    lines.end_of_line()
    return channels


def _read_rows(lines: _Lines, frames: int, count: int) -> Array:
    """The channels ``[T, N]``. A frame begins on a line of its own and may take several lines."""
    values = np.empty(frames * count)
    place = 0
    for block in lines.blocks():
        text = np.frombuffer(block, np.uint8)
        if block.translate(None, _NUMBER_BYTES):
            _fail_at(lines, block)
        starts, ends = field_bounds(text)
        numbers = parse_numbers(text, starts, ends)
        if numbers is None or not np.isfinite(numbers).all():
            _fail_at(lines, block)
        first = np.arange(-place % count, len(starts), count)  # of each frame, among these fields
        breaks = np.flatnonzero(text == ord("\n"))
        line = np.searchsorted(breaks, starts)
        if (bad := first[(first > 0) & (line[first] == line[first - 1])]).size:
            lines.number += 1 + int(line[bad[0]])
            lines.fail(f"{count} numbers for a frame, the next frame on another line", "more")
        if len(numbers) > len(values) - place:
            lines.number += 1 + int(line[len(values) - place])
            lines.fail(f"the end of the file after {frames} frames", "more")
        values[place : place + len(numbers)] = numbers
        place += len(numbers)
    if place < len(values):
        found = f"the end of the file after {place // count} frames and {place % count} numbers"
        lines.fail(f"{frames} frames of {count} numbers", found)
    return values.reshape(frames, count)


def _fail_at(lines: _Lines, block: bytes) -> NoReturn:
    """Raises about the first line of a block that holds something else than finite numbers."""
    for line in block.splitlines():
        lines.number += 1
        words = line.decode("utf-8", "replace").split()
        lines.numbers(words, len(words))
    lines.fail("numbers", "something else")
