"""NTU RGB+D ``.skeleton`` files: 25 joints of every body a Kinect v2 saw, frame by frame."""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple, NoReturn

import numpy as np

from pyg_skeletonmae.errors import SkeletonFormatError
from pyg_skeletonmae.io.npz import Array, require_file
from pyg_skeletonmae.layouts import NTU25

MAX_BYTES = 128 * 2**20
_JOINTS, _JOINT_FIELDS, _BODY_FIELDS = NTU25.num_joints, 12, 10
_NAME = re.compile(r"S(\d{3})C(\d{3})P(\d{3})R(\d{3})A(\d{3})")
_LIMITS = (32, 3, 106, 2, 120)
# The characters of numbers, "nan" and "inf", and of what stands between them.
_NUMBERS = b"0123456789+-.eEnaifNAIF \t\r\n"


class NtuName(NamedTuple):
    """What the name of a clip says; everything counts from 1."""

    setup: int
    camera: int
    performer: int
    replication: int
    action: int

    def __str__(self) -> str:
        return "S{:03}C{:03}P{:03}R{:03}A{:03}".format(*self)


class NtuBody(NamedTuple):
    """The blocks of one body id, in the order of the file.

    Args:
        id: The id, a 64-bit integer.
        frames: The frame of the file each block stands in, from 0, ``[R]``, int64. A frame can
            lack the body, and (a fault some files have) show it twice.
        joints: Metres in the camera's frame, y up, z away from the camera, ``[R, V, 3]``, float32.
        state: 0 = not tracked, 1 = inferred, 2 = tracked, ``[R, V]``, uint8.
    """

    id: int
    frames: Array
    joints: Array
    state: Array


class NtuClip(NamedTuple):
    """A ``.skeleton`` file.

    Args:
        name: What its name says, None if it is not called ``SsssCcccPpppRrrrAaaa``.
        num_frames: The frames of the recording, also those that show nobody.
        bodies: In order of first appearance; none if no frame shows anybody.
    """

    name: NtuName | None
    num_frames: int
    bodies: tuple[NtuBody, ...]


class _Block(NamedTuple):
    body: int
    frame: int
    line: int  # of its first joint, from 0


def parse_name(path: str | Path) -> NtuName:
    """The numbers in a name such as ``S001C002P003R002A013`` (of a file: its suffix is ignored).

    Raises:
        SkeletonFormatError: It is no such name, or a number is out of the range of NTU RGB+D 120.
    """
    match = _NAME.fullmatch(Path(path).stem)
    numbers = tuple(int(number) for number in match.groups()) if match else ()
    inside = (1 <= number <= limit for number, limit in zip(numbers, _LIMITS, strict=False))
    if not numbers or not all(inside):
        expected = "SsssCcccPpppRrrrAaaa up to S032C003P106R002A120"
        raise SkeletonFormatError(path, "the name", expected, Path(path).stem)
    return NtuName(*numbers)


def read_ntu(path: str | Path) -> NtuClip:
    """Reads a ``.skeleton`` file of NTU RGB+D 60 or 120.

    Any kind of line ends, repeated blanks, a byte order mark and empty lines at the end are
    accepted; otherwise the file must be exactly as the owners write it. Coordinates must be finite
    and tracking states 0, 1 or 2. The fields that are not used (depth, colour, orientation) must
    be there, in characters a number can have; ``nan`` occurs in them. A file of any name is read,
    but one called like a clip must be a possible clip.

    Raises:
        SkeletonFormatError: The name or the content is wrong; the message names the line.
    """
    path = require_file(path, "a .skeleton file")
    name = parse_name(path) if _NAME.fullmatch(path.stem) else None
    data = _data(path)
    lines = data.decode("ascii").split("\n")
    num_frames = _count(path, lines, 0, "the number of frames", 1)
    blocks = _blocks(path, lines, num_frames)
    num_fields = 1 + num_frames + len(blocks) * (_BODY_FIELDS + 1 + _JOINTS * _JOINT_FIELDS)
    values = _values(path, lines, blocks, _count_fields(data) == num_fields)
    joints = values[..., :3]
    by_id: dict[int, list[int]] = {}
    for number, block in enumerate(blocks):
        by_id.setdefault(block.body, []).append(number)
    frames = np.array([block.frame for block in blocks], np.int64)
    bodies = (
        NtuBody(body, frames[rows], joints[rows], values[rows, :, 3].astype(np.uint8))
        for body, rows in by_id.items()
    )
    return NtuClip(name, num_frames, tuple(bodies))


def _data(path: Path) -> bytes:
    with path.open("rb") as file:
        data = file.read(MAX_BYTES + 1)
    if len(data) > MAX_BYTES:
        _fail(path, "the file", f"at most {MAX_BYTES} bytes", "more")
    data = data.removeprefix(b"\xef\xbb\xbf")
    if b"\n" not in data:  # a return before a line feed is a blank like any other
        data = data.replace(b"\r", b"\n")
    foreign = data.translate(None, _NUMBERS)
    if foreign:
        number = data.count(b"\n", 0, data.index(foreign[:1])) + 1
        _fail(path, f"line {number}", "numbers", repr(chr(foreign[0])))
    data = data.rstrip()
    if not data:
        _fail(path, "line 1", "the number of frames", "an empty file")
    return data


def _count_fields(data: bytes) -> int:
    black = np.frombuffer(data, np.uint8) > ord(" ")
    return int(np.count_nonzero(black[1:] > black[:-1])) + int(black[0])


def _blocks(path: Path, lines: list[str], num_frames: int) -> list[_Block]:
    """Finds the blocks of joint lines; of these lines nothing but their number is checked."""
    blocks, line = [], 1
    for frame in range(num_frames):
        bodies = _count(path, lines, line, f"the number of bodies in frame {frame}", 0)
        line += 1
        for _ in range(bodies):
            body = _body_id(path, lines, line)
            joints = _count(path, lines, line + 1, f"{_JOINTS} joints", _JOINTS)
            line += 2
            if joints != _JOINTS:
                _fail(path, f"line {line}", f"{_JOINTS} joints", str(joints))
            if line + _JOINTS > len(lines):
                _fail(path, f"line {len(lines)}", f"{_JOINTS} joint lines", "the end of the file")
            blocks.append(_Block(body, frame, line))
            line += _JOINTS
    if line != len(lines):
        found = lines[line].strip()[:40] or "an empty line"
        _fail(path, f"line {line + 1}", f"the end after {num_frames} frames", found)
    return blocks


def _count(path: Path, lines: list[str], line: int, what: str, least: int) -> int:
    if line >= len(lines):
        _fail(path, f"line {line + 1}", what, "the end of the file")
    try:
        count = int(lines[line])
    except ValueError:
        count = -1
    if count < least:
        _fail(path, f"line {line + 1}", what, lines[line].strip()[:40] or "an empty line")
    return count


def _body_id(path: Path, lines: list[str], line: int) -> int:
    expected = f"a body: a 64-bit id and {_BODY_FIELDS - 1} numbers"
    if line >= len(lines):
        _fail(path, f"line {line + 1}", expected, "the end of the file")
    fields = lines[line].split()
    try:
        body, numbers = int(fields[0]), [float(field) for field in fields[1:]]
    except (ValueError, IndexError):
        body, numbers = 2**64, []
    if len(numbers) != _BODY_FIELDS - 1 or not -(2**63) <= body < 2**63:
        _fail(path, f"line {line + 1}", expected, lines[line].strip()[:40] or "an empty line")
    return body


def _values(path: Path, lines: list[str], blocks: list[_Block], complete: bool) -> Array:
    """x, y, z and tracking state of all joint lines, ``[blocks, V, 4]``, float32.

    ``complete``: the lines have the right number of fields together. As the columns that are read
    exist in each, each then has the right number.
    """
    if not blocks:
        return np.empty((0, _JOINTS, 4), np.float32)
    rows = [row for block in blocks for row in lines[block.line : block.line + _JOINTS]]
    read = _bulk(rows) if complete else None
    if read is None:
        _fail_at_joint(path, lines, blocks)
    with np.errstate(over="ignore"):
        values = read.astype(np.float32).reshape(len(blocks), _JOINTS, 4)
    if not (np.isfinite(values).all() and np.isin(values[..., 3], (0, 1, 2)).all()):
        good = np.isfinite(values).all(-1) & np.isin(values[..., 3], (0, 1, 2))
        block, joint = (int(index) for index in np.argwhere(~good)[0])
        line = blocks[block].line + joint
        expected = "finite float32 x, y and z, and tracking state 0, 1 or 2"
        _fail(path, f"line {line + 1}", expected, lines[line].strip()[:80])
    return values


def _bulk(rows: list[str]) -> Array | None:
    """x, y, z and tracking state of each row, or None if a row lacks one or it is no number."""
    try:
        columns = (0, 1, 2, _JOINT_FIELDS - 1)
        values = np.loadtxt(rows, np.float64, comments=None, usecols=columns, ndmin=2)
    except ValueError:
        return None
    return values if len(values) == len(rows) else None  # empty rows are skipped


def _fail_at_joint(path: Path, lines: list[str], blocks: list[_Block]) -> NoReturn:
    expected = f"a joint: {_JOINT_FIELDS} numbers"
    for block in blocks:
        for line in range(block.line, block.line + _JOINTS):
            fields = lines[line].split()
            if len(fields) != _JOINT_FIELDS:
                _fail(path, f"line {line + 1}", expected, f"{len(fields)} fields")
            if _bulk([lines[line]]) is None:
                _fail(path, f"line {line + 1}", expected, lines[line].strip()[:80])
    _fail(path, "the joints", f"{_JOINT_FIELDS} numbers in each line", "something else")


def _fail(path: Path, where: str, expected: str, found: str) -> NoReturn:
    raise SkeletonFormatError(path, where, expected, found)
