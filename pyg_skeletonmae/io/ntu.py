"""NTU RGB+D ``.skeleton`` files: 25 joints of every body a Kinect v2 saw, frame by frame."""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple, NoReturn

import numpy as np

from pyg_skeletonmae.errors import SkeletonFormatError
from pyg_skeletonmae.files.plain import open_plain
from pyg_skeletonmae.io.npz import Array, require_file
from pyg_skeletonmae.io.number_text import field_bounds, parse_numbers
from pyg_skeletonmae.skeleton.layouts import NTU25

MAX_BYTES = 128 * 2**20
_JOINTS, _JOINT_FIELDS, _BODY_FIELDS, _AT_ONCE = NTU25.num_joints, 12, 10, 1024
_NAME = re.compile(r"S(\d{3})C(\d{3})P(\d{3})R(\d{3})A(\d{3})")
_BLOCK_FIELDS = _BODY_FIELDS + 1 + _JOINTS * _JOINT_FIELDS
_BODY = f"a body: a 64-bit id and {_BODY_FIELDS - 1} numbers"
_JOINT = f"a joint: {_JOINT_FIELDS} numbers"
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
    text = _Text(path)
    num_frames = _count(text, 0, "the number of frames", 1)
    blocks = _blocks(text, num_frames)
    joints, state = _values(text, blocks)
    by_id: dict[int, list[int]] = {}
    for number, block in enumerate(blocks):
        by_id.setdefault(block.body, []).append(number)
    frames = np.array([block.frame for block in blocks], np.int64)
    bodies = (
        NtuBody(body, frames[rows], joints[rows], state[rows]) for body, rows in by_id.items()
    )
    return NtuClip(name, num_frames, tuple(bodies))


class _Text:
    """The lines of a file, as bytes; a line is cut out when it is asked for."""

    def __init__(self, path: Path) -> None:
        with open_plain(path) as file:
            data = file.read(MAX_BYTES + 1)
        if len(data) > MAX_BYTES:
            _fail(path, "the file", f"at most {MAX_BYTES} bytes", "more")
        data = data.removeprefix(b"\xef\xbb\xbf")
        if b"\n" not in data:  # a return before a line feed is a blank like any other
            data = data.replace(b"\r", b"\n")
        if foreign := data.translate(None, _NUMBERS):
            number = data.count(b"\n", 0, data.index(foreign[:1])) + 1
            _fail(path, f"line {number}", "numbers", repr(chr(foreign[0])))
        if not data.strip():
            _fail(path, "line 1", "the number of frames", "an empty file")
        self.path, self.data = path, data.rstrip()
        self.bytes = np.frombuffer(self.data, np.uint8)
        ends = np.flatnonzero(self.bytes == ord("\n"))
        self.starts = np.concatenate([[0], ends + 1, [len(self.data) + 1]])
        self._starts = self.starts.tolist()

    def __len__(self) -> int:
        return len(self._starts) - 1

    def __getitem__(self, line: int) -> bytes:
        return self.data[self._starts[line] : self._starts[line + 1]]

    def shown(self, line: int, length: int = 40) -> str:
        """A line for a message."""
        return self[line].decode("ascii").strip()[:length] or "an empty line"

    def fail(self, line: int, expected: str, found: str | None = None) -> NoReturn:
        """Raises the error about a line, from 0."""
        if found is None:
            found = self.shown(line) if line < len(self) else "the end of the file"
        _fail(self.path, f"line {line + 1}", expected, found)


def _blocks(text: _Text, num_frames: int) -> list[_Block]:
    """Finds the blocks of joint lines; of these lines nothing but their number is checked."""
    blocks, line = [], 1
    for frame in range(num_frames):
        bodies = _count(text, line, f"the number of bodies in frame {frame}", 0)
        line += 1
        for _ in range(bodies):
            body = _body_id(text, line)
            joints = _count(text, line + 1, f"{_JOINTS} joints", _JOINTS)
            line += 2
            if joints != _JOINTS:
                text.fail(line - 1, f"{_JOINTS} joints", str(joints))
            if line + _JOINTS > len(text):
                text.fail(len(text) - 1, f"{_JOINTS} joint lines", "the end of the file")
            blocks.append(_Block(body, frame, line))
            line += _JOINTS
    if line != len(text):
        text.fail(line, f"the end after {num_frames} frames")
    return blocks


def _count(text: _Text, line: int, what: str, least: int) -> int:
    try:
        count = int(text[line])
    except (ValueError, IndexError):
        count = -1
    if count < least:
        text.fail(line, what)
    return count


def _body_id(text: _Text, line: int) -> int:
    """The id of a body; whether the other fields are numbers is seen in :func:`_values`."""
    try:
        fields = text[line].split()
        body = int(fields[0])
    except (ValueError, IndexError):
        fields, body = [], 0
    if len(fields) != _BODY_FIELDS or not -(2**63) <= body < 2**63:
        text.fail(line, _BODY)
    return body


def _values(text: _Text, blocks: list[_Block]) -> tuple[Array, Array]:
    """Metres ``[blocks, V, 3]``, float32, and tracking states ``[blocks, V]``, uint8.

    Raises:
        SkeletonFormatError: A line of a body or a joint is not as it should be.
    """
    joints = np.empty((len(blocks), _JOINTS, 3), np.float32)
    state = np.empty((len(blocks), _JOINTS), np.uint8)
    for first in range(0, len(blocks), _AT_ONCE):  # so that the steps below stay in the cache
        part = slice(first, first + _AT_ONCE)
        joints[part], state[part] = _some_values(text, blocks[part])
    good = (state < 3) & np.isfinite(joints).all(-1)
    if not good.all():
        block, joint = (int(index) for index in np.argwhere(~good)[0])
        line = blocks[block].line + joint
        expected = "finite float32 x, y and z, and tracking state 0, 1 or 2"
        text.fail(line, expected, text.shown(line, 80))
    return joints, state


def _some_values(text: _Text, blocks: list[_Block]) -> tuple[Array, Array]:
    line, frame = (np.array([block[i] for block in blocks], np.int64) for i in (2, 1))
    begin, end = text.starts[line[0] - 2], text.starts[line[-1] + _JOINTS]
    data = text.bytes[begin:end]
    fields, ends = field_bounds(data)
    # Where the fields of each block begin if each line has as many as it should: a frame says how
    # many bodies it has.
    head = frame - frame[0] + np.arange(len(blocks)) * _BLOCK_FIELDS
    joint = (head + _BODY_FIELDS + 1)[:, None] + np.arange(_JOINTS) * _JOINT_FIELDS
    lines = line[:, None] + np.arange(_JOINTS)
    if (
        len(fields) != head[-1] + _BLOCK_FIELDS
        or not (
            # Lines that begin with the right field and, as there are no others, end with it.
            (fields[joint] + begin >= text.starts[lines])
            & (fields[joint + _JOINT_FIELDS - 1] + begin < text.starts[lines + 1])
        ).all()
    ):
        _fail_at_line(text, blocks)
    metres = (joint[..., None] + np.arange(3)).ravel()
    others = (head[:, None] + np.arange(1, _BODY_FIELDS)).ravel()
    which = np.concatenate([metres, others])
    numbers = parse_numbers(data, fields[which], ends[which])
    which = joint + _JOINT_FIELDS - 1
    state = data[fields[which]] - np.uint8(ord("0"))
    if (state > 2).any() or (ends[which] - fields[which] > 1).any():  # not as they are written
        states = parse_numbers(data, fields[which].ravel(), ends[which].ravel())
        if states is None:
            _fail_at_line(text, blocks)
        states = np.where(np.isin(states, (0, 1, 2)), states, 3)  # 3: another number
        state = states.astype(np.uint8).reshape(which.shape)
    if numbers is None:
        _fail_at_line(text, blocks)
    with np.errstate(over="ignore"):
        metres = numbers[: metres.size].astype(np.float32)
    return metres.reshape(-1, _JOINTS, 3), state


def _fail_at_line(text: _Text, blocks: list[_Block]) -> NoReturn:
    for block in blocks:
        if not _are_numbers(text[block.line - 2].split()):
            text.fail(block.line - 2, _BODY)
    for block in blocks:
        for line in range(block.line, block.line + _JOINTS):
            fields = text[line].split()
            if len(fields) != _JOINT_FIELDS:
                text.fail(line, _JOINT, f"{len(fields)} fields")
            if not _are_numbers([*fields[:3], fields[-1]]):
                text.fail(line, _JOINT, text.shown(line, 80))
    _fail(text.path, "the file", "as many fields in each line as there should be", "others")


def _are_numbers(fields: list[bytes]) -> bool:
    try:
        return [float(field) for field in fields] != []
    except ValueError:
        return False


def _fail(path: Path, where: str, expected: str, found: str) -> NoReturn:
    raise SkeletonFormatError(path, where, expected, found)
